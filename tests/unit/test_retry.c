/* SPDX-License-Identifier: MIT */
/* The curve of the pauses, what counts as progress, and how it is said. */
#include "fetch/retry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { OUTAGE_MS = 10 * 60 * 1000, RUNS = 1000 };

static uint64_t next_random(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005 + 1442695040888963407;
	return *seed >> 16;
}

static void test_pauses_double_up_to_a_limit(void **state)
{
	const uint64_t most[] = {500, 1000, 2000, 4000, 8000, 16000, 32000, 64000, 128000, 240000};
	struct retry retry = {.tries = 0};
	uint64_t seed = 1;

	for (unsigned i = 0; i < 40; i++) {
		uint64_t limit = most[i < 10 ? i : 9], longest = 0, shortest = limit;

		retry_count(&retry, 0);
		for (unsigned j = 0; j < 1000; j++) {
			uint64_t pause = retry_pause_ms(&retry, 0, next_random(&seed));

			longest = pause > longest ? pause : longest;
			shortest = pause < shortest ? pause : shortest;
		}
		assert_true(longest <= limit && longest > limit * 9 / 10);
		assert_true(shortest < limit / 10);
	}
}

static void test_twenty_tries_outlast_ten_minutes(void **state)
{
	unsigned outlasted = 0;
	uint64_t seed = 2;

	for (unsigned run = 0; run < RUNS; run++) {
		struct retry retry = {.tries = 20};
		uint64_t passed = 0;

		while (retry_is_possible(&retry, 0)) {
			retry_count(&retry, 0);
			passed += retry_pause_ms(&retry, 0, next_random(&seed));
		}
		outlasted += passed >= OUTAGE_MS;
	}
	assert_true(outlasted >= RUNS * 99 / 100);
}

static void test_progress_resets_the_count(void **state)
{
	struct retry retry = {.tries = 3};

	assert_true(retry_is_possible(&retry, 100));
	retry_count(&retry, 100);
	retry_count(&retry, 100);
	assert_int_equal(retry_failures(&retry, 100), 3);
	assert_false(retry_is_possible(&retry, 100));
	assert_true(retry_is_possible(&retry, 101));
	retry_count(&retry, 101);
	assert_int_equal(retry.failed, 1);
	/* What was here already is no progress. */
	retry_count(&retry, 50);
	assert_false(retry_is_possible(&retry, 101));
}

static void test_once_and_for_ever(void **state)
{
	struct retry once = {.tries = 1}, ever = {.tries = 0};

	assert_false(retry_is_possible(&once, 5));
	for (unsigned i = 0; i < 100000; i++)
		retry_count(&ever, 0);
	assert_true(retry_is_possible(&ever, 0));
	assert_true(retry_pause_ms(&ever, 0, 0) == 0);
}

static void test_the_server_may_ask_for_a_pause(void **state)
{
	struct retry retry = {.tries = 20};

	retry_count(&retry, 0);
	assert_int_equal(retry_pause_ms(&retry, 7, 0), 7000);
	assert_true(retry_pause_ms(&retry, 7, 499) == 7499);
	assert_true(retry_pause_ms(&retry, 86400, 0) == 3600 * 1000);
	assert_true(retry_pause_ms(&retry, UINT64_MAX, 0) == 3600 * 1000);
}

static void test_words(void **state)
{
	static const struct {
		unsigned tries, failed;
		uint64_t pause_ms, after;
		const char *words;
	} rows[] = {
		{20, 1, 2000, 0, "again in 2.0 s (2 of 20)"},
		{20, 3, 40, 0, "again in 0.0 s (4 of 20)"},
		{0, 7, 45400, 0, "again in 45 s (8)"},
		{20, 19, 200000, 0, "again in 3 min (20 of 20)"},
		{20, 1, 3600000, 3600, "again in 60 min (2 of 20)"},
		{20, 1, 3600000, 86400,
		 "again in 60 min, although the server asks for 1440 min (2 of 20)"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct retry retry = {.tries = rows[i].tries, .failed = rows[i].failed};
		char words[128];

		retry_words(&retry, rows[i].pause_ms, rows[i].after, words, sizeof(words));
		assert_string_equal(words, rows[i].words);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pauses_double_up_to_a_limit),
		cmocka_unit_test(test_twenty_tries_outlast_ten_minutes),
		cmocka_unit_test(test_progress_resets_the_count),
		cmocka_unit_test(test_once_and_for_ever),
		cmocka_unit_test(test_the_server_may_ask_for_a_pause),
		cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
