/* SPDX-License-Identifier: MIT */
/* So many bytes a second, by a clock of the test's own. */
#include "base/pace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { MS = 1000 };

/* Moves what may be moved, at most `step` at once, until `end`; returns how much it was. */
static uint64_t move(struct pace *pace, uint64_t *now_ms, uint64_t end_ms, uint64_t step)
{
	uint64_t sum = 0;

	while (*now_ms < end_ms) {
		uint64_t bytes = pace_allows(pace, *now_ms);

		if (bytes == 0) {
			assert_true(pace_due_ms(pace) > *now_ms);
			*now_ms = pace_due_ms(pace);
			assert_true(pace_allows(pace, *now_ms) > 0);
			continue;
		}
		bytes = bytes < step ? bytes : step;
		pace_moved(pace, bytes);
		sum += bytes;
	}
	return sum;
}

static void the_rate_is_kept(void **state)
{
	static const uint64_t rates[] = {1, 7, 1000, 65536, 1000003, 125000000, 10000000000};
	static const uint64_t steps[] = {1000, 1 << 20, UINT64_MAX};

	for (size_t i = 0; i < sizeof(rates) / sizeof(*rates); i++)
		for (size_t j = 0; j < sizeof(steps) / sizeof(*steps); j++) {
			struct pace pace = {.rate = rates[i]};
			uint64_t now_ms = 5000000, sum;

			if (steps[j] < rates[i] / 10000)
				continue; /* as many turns of this loop as bytes */
			sum = move(&pace, &now_ms, now_ms + 100 * MS, steps[j]);
			/* Half a second more or less, and a step of a byte. */
			assert_in_range(sum, rates[i] * 99 - 1, rates[i] * 101 + 1);
		}
}

static void a_step_that_was_too_long_is_paid_for(void **state)
{
	struct pace pace = {.rate = 1000};
	uint64_t now_ms = 5000000;

	pace_allows(&pace, now_ms);
	pace_moved(&pace, 60 * 1000);
	assert_int_equal(pace_allows(&pace, now_ms + 59 * MS), 0);
	assert_true(pace_allows(&pace, now_ms + 60 * MS) > 0);
}

static void a_pause_is_not_saved_up(void **state)
{
	struct pace pace = {.rate = 1000000};
	uint64_t now_ms = 5000000, bytes = pace_allows(&pace, now_ms);

	pace_moved(&pace, bytes);
	assert_true(pace_allows(&pace, now_ms + 3600 * MS) <= 100000);
}

static void without_a_rate_nothing_waits(void **state)
{
	struct pace pace = {0};

	assert_int_equal(pace_allows(&pace, 5), UINT64_MAX);
	pace_moved(&pace, UINT64_MAX);
	assert_int_equal(pace_allows(&pace, 5), UINT64_MAX);
}

static void nothing_is_saved_before_it_begins(void **state)
{
	struct pace pace;
	uint64_t now_ms = 5000000;

	pace_begin(&pace, 1000, now_ms);
	assert_int_equal(pace_allows(&pace, now_ms), 0);
	assert_int_equal(pace_allows(&pace, now_ms + 50), 50);
	pace_moved(&pace, 2500);
	assert_int_equal(pace_paid_ms(&pace), now_ms + 2500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_saved_before_it_begins),
		cmocka_unit_test(the_rate_is_kept),
		cmocka_unit_test(a_step_that_was_too_long_is_paid_for),
		cmocka_unit_test(a_pause_is_not_saved_up),
		cmocka_unit_test(without_a_rate_nothing_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
