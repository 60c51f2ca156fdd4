/* SPDX-License-Identifier: MIT */
#include "tree/seen.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void test_seen(void **state)
{
	struct seen seen = {0};

	for (uint64_t inode = 1; inode < 5000; inode++) {
		assert_false(seen_before(&seen, 1, inode));
		assert_false(seen_before(&seen, 2, inode));
	}
	for (uint64_t inode = 1; inode < 5000; inode++)
		assert_true(seen_before(&seen, 1, inode) && seen_before(&seen, 2, inode));
	assert_false(seen_before(&seen, 3, 7));
	assert_false(seen.is_full);
	seen_free(&seen);
}

static void test_seen_is_bounded(void **state)
{
	struct seen seen = {0};

	for (uint64_t inode = 1; inode <= SEEN_MAX + 10; inode++)
		assert_false(seen_before(&seen, 1, inode));
	assert_true(seen.is_full);
	assert_true(seen_before(&seen, 1, 1));
	assert_in_range(seen.count, SEEN_MAX - 1, SEEN_MAX);
	assert_false(seen_before(&seen, 1, SEEN_MAX + 10));
	seen_free(&seen);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_seen),
		cmocka_unit_test(test_seen_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
