/* SPDX-License-Identifier: MIT */
/* Bars of block characters: a table of shares and what is drawn for them. */
#include "../../cmd/bar.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_text(void **state)
{
	static const struct {
		double share;
		unsigned width;
		const char *bar;
	} rows[] = {
		{0, 8, ""},         {1, 0, ""},
		{1, 8, "████████"}, {0.5, 8, "████"},
		{0.5, 9, "████▌"},  {1.0 / 64, 8, "▏"},
		{3.0 / 64, 8, "▍"}, {63.0 / 64, 8, "███████▉"},
		{1e-9, 8, "▏"}, /* little is not nothing */
		{-1, 8, ""},        {2, 8, "████████"},
		{NAN, 8, ""},       {INFINITY, 8, "████████"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[BAR_TEXT];

		assert_string_equal(bar_text(text, rows[i].share, rows[i].width), rows[i].bar);
	}
}

static void test_the_longest_fits(void **state)
{
	char text[BAR_TEXT];

	assert_int_equal(strlen(bar_text(text, 1, 10 * BAR_WIDTH_MAX)), BAR_TEXT - 1);
}

static void test_no_room_but_on_a_terminal(void **state)
{
	FILE *file = tmpfile();

	assert_non_null(file);
	assert_int_equal(bar_room(file, 0), 0);
	fclose(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_the_longest_fits),
		cmocka_unit_test(test_no_room_but_on_a_terminal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
