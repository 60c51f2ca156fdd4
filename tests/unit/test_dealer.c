/* SPDX-License-Identifier: MIT */
/* Which stream fetches which stretch: a table, and 1,000 random networks. */
#include "fetch/dealer.h"

#include "base/size.h"
#include "random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define BLOCK ((uint64_t)DEALER_BLOCK)

static const struct intervals nothing;

static void assert_stretch(const struct dealer *dealer, unsigned stream, uint64_t at, uint64_t end)
{
	assert_int_equal(dealer->streams[stream].at, at);
	assert_int_equal(dealer->streams[stream].end, end);
}

static struct dealer open_dealer(uint64_t blocks, const struct intervals *here)
{
	struct dealer dealer;

	dealer_open(&dealer, blocks * BLOCK, here);
	return dealer;
}

static void test_one_stream_gets_all(void **state)
{
	struct dealer dealer;

	dealer_open(&dealer, 10 * BLOCK + 7, &nothing);
	assert_true(dealer_take(&dealer, 0, BLOCK));
	assert_stretch(&dealer, 0, 0, 10 * BLOCK + 7);
	dealer_advance(&dealer, 0, 10 * BLOCK);
	assert_false(dealer_is_done(&dealer));
	dealer_advance(&dealer, 0, 10 * BLOCK + 7);
	assert_true(dealer_is_done(&dealer));
	assert_false(dealer_take(&dealer, 0, BLOCK));
}

static void test_an_empty_file_is_done(void **state)
{
	struct dealer dealer = open_dealer(0, &nothing);

	assert_true(dealer_is_done(&dealer));
	assert_false(dealer_take(&dealer, 0, 0));
}

static void test_others_get_the_second_half_of_the_longest(void **state)
{
	struct dealer dealer = open_dealer(64, &nothing);

	for (unsigned i = 0; i < 4; i++)
		assert_true(dealer_take(&dealer, i, 8 * BLOCK));
	assert_stretch(&dealer, 0, 0, 16 * BLOCK);
	assert_stretch(&dealer, 2, 16 * BLOCK, 32 * BLOCK);
	assert_stretch(&dealer, 1, 32 * BLOCK, 48 * BLOCK);
	assert_stretch(&dealer, 3, 48 * BLOCK, 64 * BLOCK);
	for (unsigned i = 4; i < 8; i++)
		assert_true(dealer_take(&dealer, i, 8 * BLOCK));
	assert_false(dealer_take(&dealer, 8, 8 * BLOCK));
	assert_true(dealer_take(&dealer, 8, 4 * BLOCK));
}

/* What is left counts, not what was dealt. */
static void test_the_slow_one_is_helped(void **state)
{
	struct dealer dealer = open_dealer(64, &nothing);

	dealer_take(&dealer, 0, BLOCK);
	dealer_take(&dealer, 1, BLOCK);
	dealer_advance(&dealer, 1, 64 * BLOCK);
	dealer_advance(&dealer, 0, 2 * BLOCK + 100);
	assert_true(dealer_take(&dealer, 1, BLOCK));
	assert_stretch(&dealer, 0, 2 * BLOCK + 100, 18 * BLOCK);
	assert_stretch(&dealer, 1, 18 * BLOCK, 32 * BLOCK);
}

static void test_what_is_not_asked_for_yet_goes_first(void **state)
{
	struct dealer dealer = open_dealer(64, &nothing);

	dealer_take(&dealer, 0, BLOCK);
	dealer.streams[0].asked = 48 * BLOCK;
	assert_true(dealer_take(&dealer, 1, 8 * BLOCK));
	assert_stretch(&dealer, 0, 0, 48 * BLOCK);
	/* Unless that is too little. */
	assert_true(dealer_take(&dealer, 2, 8 * BLOCK));
	assert_stretch(&dealer, 0, 0, 24 * BLOCK);
	assert_stretch(&dealer, 2, 24 * BLOCK, 48 * BLOCK);
}

static void test_the_gaps_between_what_is_here(void **state)
{
	const struct intervals here = {2, {{4 * BLOCK, 8 * BLOCK}, {16 * BLOCK, 20 * BLOCK}}};
	struct dealer dealer = open_dealer(64, &here);

	assert_true(dealer_take(&dealer, 0, BLOCK));
	assert_stretch(&dealer, 0, 0, 4 * BLOCK);
	assert_true(dealer_take(&dealer, 1, BLOCK));
	assert_stretch(&dealer, 1, 8 * BLOCK, 16 * BLOCK);
	assert_int_equal(dealer_before(&dealer, 8 * BLOCK), 4 * BLOCK);
	assert_int_equal(dealer_before(&dealer, 0), 0);
	dealer_advance(&dealer, 0, 4 * BLOCK);
	assert_true(dealer_take(&dealer, 0, BLOCK));
	assert_stretch(&dealer, 0, 20 * BLOCK, 64 * BLOCK);
}

static void test_neighbours_stay_together(void **state)
{
	struct dealer dealer = open_dealer(64, &nothing);

	dealer_take(&dealer, 0, BLOCK);
	dealer_take(&dealer, 1, BLOCK);
	dealer_take(&dealer, 2, BLOCK); /* 16 to 32 */
	dealer_take(&dealer, 3, BLOCK); /* 48 to 64 */
	dealer_give_back(&dealer, 0);
	dealer_give_back(&dealer, 3);
	dealer_advance(&dealer, 1, 48 * BLOCK);
	assert_true(dealer_take(&dealer, 1, BLOCK));
	assert_stretch(&dealer, 1, 48 * BLOCK, 64 * BLOCK);
	dealer_advance(&dealer, 2, 32 * BLOCK);
	assert_true(dealer_take(&dealer, 2, BLOCK));
	assert_stretch(&dealer, 2, 0, 16 * BLOCK);
}

static void test_what_is_given_back_begins_at_a_block(void **state)
{
	struct dealer dealer = open_dealer(64, &nothing);

	dealer_take(&dealer, 0, BLOCK);
	dealer_advance(&dealer, 0, 2 * BLOCK + 100);
	dealer_give_back(&dealer, 0);
	dealer_take(&dealer, 0, BLOCK);
	assert_stretch(&dealer, 0, 2 * BLOCK, 64 * BLOCK);
	/* Unless it began there, too. */
	dealer_advance(&dealer, 0, 2 * BLOCK + 100);
	dealer_give_back(&dealer, 0);
	dealer_take(&dealer, 0, BLOCK);
	assert_stretch(&dealer, 0, 2 * BLOCK + 100, 64 * BLOCK);
	dealer_advance(&dealer, 0, 2 * BLOCK + 101);
	dealer_give_back(&dealer, 0);
	dealer_take(&dealer, 0, BLOCK);
	assert_stretch(&dealer, 0, 2 * BLOCK + 101, 64 * BLOCK);
}

/* Streams that fail, stand still, leave and join */

enum { BYTES_MAX = 1 << 19, EVENTS_MAX = 200000 };

struct network {
	struct dealer dealer;
	unsigned char came[BYTES_MAX]; /* how often each byte did */
	unsigned streams;
	bool is_open[DEALER_STREAMS];
	uint64_t speeds[DEALER_STREAMS]; /* most bytes at once */
	uint64_t trouble;                /* one event in so many is one */
};

static void open_network(struct network *network, unsigned seed)
{
	struct intervals here = {0};
	uint64_t size;

	random_state = 88172645463325252 + seed;
	size = random_below(BYTES_MAX) + 1;
	for (uint64_t at = random_below(size); seed % 2 && at < size; at += random_below(size) + 1)
		intervals_add(&here, size_round_down(at, BLOCK),
			      size_round_down(at + random_below(size - at), BLOCK));
	memset(network->came, 0, size);
	for (unsigned i = 0; i < here.count; i++)
		memset(network->came + here.at[i].from, 1, here.at[i].to - here.at[i].from);
	dealer_open(&network->dealer, size, &here);
	network->streams = 1 + (unsigned)random_below(DEALER_STREAMS);
	network->trouble = 2 + random_below(50);
	for (unsigned i = 0; i < DEALER_STREAMS; i++) {
		network->is_open[i] = false;
		network->speeds[i] = 256 + random_below(1 << random_below(17));
	}
}

/* As the stream says it; below a block's start what came in vain. */
static void leave(struct network *network, unsigned stream)
{
	const struct dealer_stretch *stretch = &network->dealer.streams[stream];
	uint64_t at = stretch->at;

	dealer_give_back(&network->dealer, stream);
	assert_true(at - stretch->at < BLOCK);
	memset(network->came + stretch->at, 0, at - stretch->at);
	network->is_open[stream] = false;
}

static void receive(struct network *network, unsigned stream)
{
	const struct dealer_stretch *stretch = &network->dealer.streams[stream];
	uint64_t count = 1 + random_below(network->speeds[stream]);
	uint64_t at = stretch->at, end = size_min(at + count, stretch->end);

	for (uint64_t i = at; i < end; i++)
		if (network->came[i]++)
			fail_msg("byte %llu comes again", (unsigned long long)i);
	dealer_advance(&network->dealer, stream, end);
	if (stretch->at == stretch->end)
		network->is_open[stream] = false;
}

static void run_network(struct network *network)
{
	unsigned events = 0;

	while (!dealer_is_done(&network->dealer)) {
		unsigned stream = (unsigned)random_below(network->streams);

		assert_true(events++ < EVENTS_MAX);
		if (!network->is_open[stream])
			network->is_open[stream] =
				dealer_take(&network->dealer, stream, random_below(1 << 16));
		else if (random_below(network->trouble) == 0)
			leave(network, stream);
		else
			receive(network, stream);
	}
}

static void test_random_networks(void **state)
{
	struct network *network = malloc(sizeof(*network));

	for (unsigned seed = 0; seed < 1000; seed++) {
		open_network(network, seed);
		run_network(network);
		for (uint64_t i = 0; i < network->dealer.size; i++)
			if (network->came[i] != 1)
				fail_msg("network %u: byte %llu came %u times", seed,
					 (unsigned long long)i, network->came[i]);
	}
	free(network);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_stream_gets_all),
		cmocka_unit_test(test_an_empty_file_is_done),
		cmocka_unit_test(test_others_get_the_second_half_of_the_longest),
		cmocka_unit_test(test_the_slow_one_is_helped),
		cmocka_unit_test(test_what_is_not_asked_for_yet_goes_first),
		cmocka_unit_test(test_the_gaps_between_what_is_here),
		cmocka_unit_test(test_neighbours_stay_together),
		cmocka_unit_test(test_what_is_given_back_begins_at_a_block),
		cmocka_unit_test(test_random_networks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
