/* SPDX-License-Identifier: MIT */
/* The lines that a person sees while files come: tables of widths, states and what they show. */
#include "../../cmd/progress.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const struct progress_file half = {"model.bin", 500000000, 1000000000, 250e6, 4};

static void test_a_file(void **state)
{
	const struct {
		unsigned columns;
		struct progress_file file;
		const char *line;
	} rows[] = {
		{80, half,
		 "model.bin  [######       ]   50 % of 1.00 GB  250 MB/s  0:00:02 left  4 streams"},
		{67, half, "model.bin   50 % of 1.00 GB  250 MB/s  0:00:02 left  4 streams"},
		{60, half, " 50 % of 1.00 GB  250 MB/s  0:00:02 left  4 streams"},
		{51, half, " 50 % of 1.00 GB  250 MB/s  0:00:02 left"},
		{38, half, " 50 % of 1.00 GB  250 MB/s  4 streams"},
		{20, half, " 50 % of 1.00 GB"},
		{10, half, "250 MB/s"},
		{0, half, ""},
		{60, {"x", 1234567, UINT64_MAX, 0, 0}, "x  1.23 MB  0 B/s"},
		{60, {"x", 0, 0, 0, 1}, "x  0 B  0 B/s"},
		/* One stream is what is expected. */
		{60,
		 {"x", 1, 3, 1, 1},
		 "x  [######             ]   33 % of 3 B  1 B/s  0:00:02 left"},
		/* Nobody knows when it ends. */
		{60,
		 {"x", 1, 4, 0, 1},
		 "x  [########                         ]   25 % of 4 B  0 B/s"},
		/* More than was said. */
		{44, {"x", 9, 4, 1e12, 0}, "x  [#############]  100 % of 4 B  1.00 TB/s"},
		{52, {"a\033[2Jb", 1, UINT64_MAX, 0, 0}, "a\\x1B[2Jb  1 B  0 B/s"},
		{36,
		 {"model-00001-of-00030.safetensors", 1, UINT64_MAX, 0, 0},
		 "model-00001..afetensors  1 B  0 B/s"},
		{36,
		 {"äöüäöüäöüäöüäöüäöüäöüäöüäöü", 1, UINT64_MAX, 0, 0},
		 "äöüäöüäöüäö..üäöüäöüäöü  1 B  0 B/s"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char line[PROGRESS_LINE];
		unsigned width = progress_file_line(line, rows[i].columns, &rows[i].file);

		assert_string_equal(line, rows[i].line);
		assert_true(width < rows[i].columns || width == 0);
	}
}

static void test_the_whole(void **state)
{
	static const struct {
		unsigned columns;
		struct progress_whole whole;
		const char *line;
	} rows[] = {
		{80, {3, 0, 7, 1500, 1e6}, "3 of 7 files  1.50 kB  1.00 MB/s"},
		{80, {3, 2, 0, 0, 0}, "3 files  2 failed  0 B  0 B/s"},
		{24, {3, 2, 0, 0, 0}, "3 files  2 failed  0 B"},
		{5, {3, 2, 0, 0, 0}, "0 B"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char line[PROGRESS_LINE];

		progress_whole_line(line, rows[i].columns, &rows[i].whole);
		assert_string_equal(line, rows[i].line);
	}
}

static void test_no_line_is_too_long(void **state)
{
	char line[PROGRESS_LINE], name[400];
	struct progress_file file = half;

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	file.name = name;
	for (unsigned columns = 0; columns < 1000; columns++) {
		unsigned width = progress_file_line(line, columns, &file);

		assert_int_equal(width, strlen(line));
		assert_true(width < columns || width == 0);
	}
}

static void test_the_rate_is_that_of_the_last_seconds(void **state)
{
	struct progress_rate rate = {0};

	progress_measure(&rate, 0, 0);
	assert_true(rate.now == 0);
	progress_measure(&rate, 2, 200);
	assert_true(rate.now == 100);
	for (int i = 0; i < 10; i++)
		progress_measure(&rate, 10 + i, 1000);
	assert_true(rate.now == 0);
	progress_measure(&rate, 20, 0); /* started over */
	assert_true(rate.now == 0);
}

static void test_rows(void **state)
{
	static const unsigned widths[] = {79, 10, 40};

	assert_int_equal(progress_rows(widths, 3, 80), 3);
	assert_int_equal(progress_rows(widths, 3, 40), 4);
	assert_int_equal(progress_rows(widths, 3, 39), 6);
	assert_int_equal(progress_rows(widths, 0, 80), 0);
	assert_int_equal(progress_rows(widths, 1, 0), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_file),
		cmocka_unit_test(test_the_whole),
		cmocka_unit_test(test_no_line_is_too_long),
		cmocka_unit_test(test_the_rate_is_that_of_the_last_seconds),
		cmocka_unit_test(test_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
