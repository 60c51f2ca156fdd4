/* SPDX-License-Identifier: MIT */
/* The pure parts of measuring this machine. */
#include "measure/spread.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_spread(void **state)
{
	double one[] = {3}, even[] = {4, 1, 2, 3}, odd[] = {9, 10, 9.5};
	struct measure_spread spread = measure_spread_of(one, 1);

	assert_float_equal(spread.median, 3, 0);
	assert_false(measure_spread_is_noisy(&spread));
	spread = measure_spread_of(even, 4);
	assert_float_equal(spread.median, 2.5, 0);
	assert_float_equal(spread.min, 1, 0);
	assert_float_equal(spread.max, 4, 0);
	assert_true(measure_spread_is_noisy(&spread));
	spread = measure_spread_of(odd, 3);
	assert_float_equal(spread.median, 9.5, 0);
	assert_true(measure_spread_is_noisy(&spread));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_spread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
