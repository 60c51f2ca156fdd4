/* SPDX-License-Identifier: MIT */
/* Names that are given away once, however many there are. */
#include "../../cmd/names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void test_each_once(void **state)
{
	struct names names = {0};

	assert_int_equal(names_take(&names, "one"), 1);
	assert_int_equal(names_take(&names, "two"), 1);
	assert_int_equal(names_take(&names, "one"), 0);
	assert_int_equal(names_take(&names, ""), 1);
	assert_int_equal(names_take(&names, ""), 0);
	names_free(&names);
	assert_int_equal(names_take(&names, "one"), 1);
	names_free(&names);
}

static void test_many(void **state)
{
	struct names names = {0};
	char name[32];

	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 100000; i++) {
			snprintf(name, sizeof(name), "file-%d", i);
			assert_int_equal(names_take(&names, name), round == 0);
		}
	}
	assert_int_equal(names.count, 100000);
	assert_true(names.places * sizeof(*names.digests) <= 100000 * 32);
	names_free(&names);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_once),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
