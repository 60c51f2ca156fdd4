/* SPDX-License-Identifier: MIT */
#include "pagecache/map.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

struct added {
	uint64_t first, count;
};

static void test_map(void **state)
{
	static const struct {
		uint64_t pages;
		unsigned width;
		struct added added[3];
		const char *cells;
	} rows[] = {
		{0, 10, {{0}}, ""},
		{1, 10, {{0}}, "0"},
		{1, 10, {{0, 1}}, "8"},
		{3, 10, {{1, 1}}, "080"},
		{10, 10, {{0, 10}}, "8888888888"},
		{20, 10, {{0, 5}, {19, 1}}, "8840000004"},
		{16, 2, {{0, 1}, {8, 7}}, "17"},
		{7, 3, {{0, 2}, {4, 3}}, "808"},
		{7, 3, {{2, 1}}, "040"},
		/* behind the end, and over it */
		{4, 4, {{3, 9}, {9, 1}}, "0008"},
		{4, 4, {{0, UINT64_MAX}}, "8888"},
		/* one page of very many is seen, and one that is missing as well */
		{1ull << 51, 4, {{1ull << 50, 1}}, "0010"},
		{1ull << 51, 4, {{1, (1ull << 51) - 1}}, "7888"},
		{UINT64_MAX, 3, {{0, UINT64_MAX}}, "888"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct cache_map map;
		char cells[16] = "";

		cache_map_open(&map, rows[i].pages, rows[i].width);
		for (size_t n = 0; n < 3; n++)
			cache_map_add(&map, rows[i].added[n].first, rows[i].added[n].count);
		for (unsigned cell = 0; cell < map.width; cell++)
			cells[cell] = (char)('0' + cache_map_eighths(&map, cell));
		assert_string_equal(cells, rows[i].cells);
	}
}

static void test_map_is_bounded(void **state)
{
	struct cache_map map;

	cache_map_open(&map, 1000000, 100000);
	assert_int_equal(map.width, CACHE_MAP_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_map),
		cmocka_unit_test(test_map_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
