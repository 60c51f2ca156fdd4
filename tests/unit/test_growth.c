/* SPDX-License-Identifier: MIT */
/* How many streams: a table of rounds, and networks that are simulated. */
#include "fetch/growth.h"

#include "random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define MB           ((uint64_t)1000000)

/* A round of a second each: what it brought, and how many streams are wanted after it. */
struct row {
	uint64_t megabytes;
	unsigned wanted;
};

static void check(const struct row *rows, size_t count)
{
	struct growth growth;

	growth_open(&growth);
	assert_int_equal(growth.wanted, 1);
	for (size_t i = 0; i < count; i++) {
		growth_end_round(&growth, &(struct growth_round){.streams = growth.wanted,
								 .bytes = rows[i].megabytes * MB,
								 .milliseconds = 1000,
								 .waits_for_network = true});
		if (growth.wanted != rows[i].wanted)
			fail_msg("round %zu: %u streams, not %u", i, growth.wanted, rows[i].wanted);
	}
}

static void test_each_brings_as_much(void **state)
{
	static const struct row rows[] = {{20, 2},   {40, 4},   {80, 8},
					  {160, 16}, {320, 16}, {320, 16}};

	check(rows, COUNT(rows));
}

static void test_one_fills_the_network(void **state)
{
	static const struct row rows[] = {
		{100, 2}, {104, 2}, {99, 1},  {100, 1}, {100, 1},
		{100, 1}, {100, 1}, {100, 2}, {100, 2}, {100, 1},
	};

	check(rows, COUNT(rows));
}

static void test_some_bring_something(void **state)
{
	static const struct row rows[] = {{20, 2},  {40, 4},  {80, 8}, {100, 5},
					  {100, 6}, {102, 6}, {100, 5}};

	check(rows, COUNT(rows));
}

static void test_a_late_gain_counts(void **state)
{
	static const struct row rows[] = {{20, 2}, {21, 2}, {40, 4}};

	check(rows, COUNT(rows));
}

static void end_round(struct growth *growth, struct growth_round round)
{
	round.streams = round.streams ? round.streams : growth->wanted;
	round.milliseconds = 1000;
	growth_end_round(growth, &round);
}

static void test_nothing_is_added_where_the_disk_is_waited_for(void **state)
{
	struct growth growth;

	growth_open(&growth);
	for (int i = 0; i < 100; i++) {
		end_round(&growth, (struct growth_round){.bytes = 500 * MB});
		assert_int_equal(growth.wanted, 1);
	}
}

static void test_nothing_is_added_on_a_fast_machine_to_itself(void **state)
{
	struct growth growth;

	growth_open(&growth);
	end_round(&growth, (struct growth_round){
				   .bytes = 900 * MB, .waits_for_network = true, .is_local = true});
	assert_int_equal(growth.wanted, 1);
	end_round(&growth, (struct growth_round){
				   .bytes = 20 * MB, .waits_for_network = true, .is_local = true});
	assert_int_equal(growth.wanted, 2);
}

static void test_a_server_that_takes_no_more(void **state)
{
	struct growth growth;

	growth_open(&growth);
	end_round(&growth, (struct growth_round){.bytes = 20 * MB, .waits_for_network = true});
	end_round(&growth, (struct growth_round){.bytes = 40 * MB, .waits_for_network = true});
	assert_int_equal(growth.wanted, 4);
	end_round(&growth,
		  (struct growth_round){.streams = 3, .bytes = 60 * MB, .waits_for_network = true});
	assert_int_equal(growth.wanted, 3);
}

static void test_nothing_comes(void **state)
{
	struct growth growth;

	growth_open(&growth);
	for (int i = 0; i < 10; i++) {
		end_round(&growth, (struct growth_round){.waits_for_network = true});
		assert_int_equal(growth.wanted, 1);
	}
}

/* Networks in which each stream gets so much, and all together no more than the link has. */

static uint64_t brings(uint64_t link, uint64_t each, unsigned streams)
{
	return link < each * streams ? link : each * streams;
}

/* Within 3 % of it. */
static uint64_t measured(uint64_t bytes)
{
	return bytes / 1000 * (970 + random_below(61));
}

static void check_network(unsigned seed)
{
	struct growth growth;
	uint64_t link, each, best, moved = 0;

	random_state = 88172645463325252 + seed;
	link = (1 + random_below(1000)) * MB;
	each = (1 + random_below(200)) * MB;
	best = brings(link, each, GROWTH_MAX);
	growth_open(&growth);
	for (int second = 0; second < 30; second++) {
		uint64_t bytes = brings(link, each, growth.wanted);

		moved += bytes;
		end_round(&growth, (struct growth_round){.bytes = measured(bytes),
							 .waits_for_network = true});
		assert_in_range(growth.wanted, 1, GROWTH_MAX);
		if (second >= 10 && brings(link, each, growth.wanted) * 10 < best * 9)
			fail_msg("network %u: %u streams", seed, growth.wanted);
		/* No more than it takes, but for a try. */
		if (second >= 10 && growth.rate == 0 && growth.wanted > 1 &&
		    each * (growth.wanted - 1) > link * 3 / 2)
			fail_msg("network %u: %u streams of %llu share %llu", seed, growth.wanted,
				 (unsigned long long)each, (unsigned long long)link);
	}
	assert_true(moved > 0);
}

static void test_random_networks(void **state)
{
	for (unsigned seed = 0; seed < 1000; seed++)
		check_network(seed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_brings_as_much),
		cmocka_unit_test(test_one_fills_the_network),
		cmocka_unit_test(test_some_bring_something),
		cmocka_unit_test(test_a_late_gain_counts),
		cmocka_unit_test(test_nothing_is_added_where_the_disk_is_waited_for),
		cmocka_unit_test(test_nothing_is_added_on_a_fast_machine_to_itself),
		cmocka_unit_test(test_a_server_that_takes_no_more),
		cmocka_unit_test(test_nothing_comes),
		cmocka_unit_test(test_random_networks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
