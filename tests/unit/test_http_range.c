/* SPDX-License-Identifier: MIT */
/* Range and Content-Range, at the edges of 64 bits and of the representation. */
#include "http/range.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct range_case {
	const char *value;
	uint64_t size;
	int status;
	const char *ranges; /* "offset+length ..." */
};

static void describe(const struct http_range *ranges, unsigned count, char *out, size_t size)
{
	size_t used = 0;

	out[0] = '\0';
	for (unsigned i = 0; i < count; i++)
		used += (size_t)snprintf(out + used, size - used, "%s%llu+%llu", i ? " " : "",
					 (unsigned long long)ranges[i].offset,
					 (unsigned long long)ranges[i].length);
}

static void check(const struct range_case *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct http_range ranges[HTTP_RANGES_MAX];
		char got[256];
		unsigned found = 77;
		int status = http_ranges_parse(http_text_of(cases[i].value), cases[i].size, ranges,
					       &found);

		describe(ranges, status == 206 ? found : 0, got, sizeof(got));
		if (status != cases[i].status || strcmp(got, cases[i].ranges))
			fail_msg("%d \"%s\" for \"%s\" of %llu", status, got, cases[i].value,
				 (unsigned long long)cases[i].size);
	}
}

static void single_ranges(void **state)
{
	static const struct range_case cases[] = {
		{"bytes=0-0", 10, 206, "0+1"},     {"bytes=0-9", 10, 206, "0+10"},
		{"bytes=0-10", 10, 206, "0+10"},   {"bytes=9-9", 10, 206, "9+1"},
		{"bytes=9-", 10, 206, "9+1"},      {"bytes=5-", 10, 206, "5+5"},
		{"bytes=10-", 10, 416, ""},        {"bytes=10-20", 10, 416, ""},
		{"bytes=-1", 10, 206, "9+1"},      {"bytes=-10", 10, 206, "0+10"},
		{"bytes=-11", 10, 206, "0+10"},    {"bytes=-0", 10, 416, ""},
		{"bytes=007-008", 10, 206, "7+2"}, {"BYTES=0-0", 10, 206, "0+1"},
		{"  bytes=0-0\t", 10, 206, "0+1"}, {"bytes=0-0", 0, 416, ""},
		{"bytes=0-", 0, 416, ""},
	};

	check(cases, COUNT(cases));
}

/* RFC 9110 14.1.2: a suffix that is not 0 is satisfiable, whatever it is taken of. */
static void ranges_of_nothing(void **state)
{
	static const struct range_case cases[] = {
		{"bytes=0-", 0, 416, ""},
		{"bytes=0-0", 0, 416, ""},
		{"bytes=0-99999999999999999999999", 0, 416, ""},
		{"bytes=1-", 0, 416, ""},
		{"bytes=0-0,5-9", 0, 416, ""},
		{"bytes=-0", 0, 416, ""},
		{"bytes=-0,0-", 0, 416, ""},
		{"bytes=-1", 0, 200, ""},
		{"bytes=-99999999999999999999999", 0, 200, ""},
		{"bytes=0-,-1", 0, 200, ""},
		{"bytes=-1,0-", 0, 200, ""},
		{"bytes=5-4", 0, 200, ""},
		{"bytes=x", 0, 200, ""},
		{"lines=0-", 0, 200, ""},
	};

	check(cases, COUNT(cases));
}

static void huge_numbers(void **state)
{
	static const struct range_case cases[] = {
		{"bytes=0-18446744073709551615", 10, 206, "0+10"},
		{"bytes=0-18446744073709551616", 10, 206, "0+10"},
		{"bytes=0-99999999999999999999999", 10, 206, "0+10"},
		{"bytes=99999999999999999999999-", 10, 416, ""},
		{"bytes=99999999999999999999998-99999999999999999999999", 10, 416, ""},
		{"bytes=99999999999999999999999-5", 10, 200, ""},
		{"bytes=-99999999999999999999999", 10, 206, "0+10"},
		{"bytes=0-18446744073709551615", UINT64_MAX, 206, "0+18446744073709551615"},
		{"bytes=18446744073709551614-", UINT64_MAX, 206, "18446744073709551614+1"},
		{"bytes=18446744073709551615-", UINT64_MAX, 416, ""},
		{"bytes=-1", UINT64_MAX, 206, "18446744073709551614+1"},
		{"bytes=18446744073709551600-,18446744073709551610-", UINT64_MAX, 206,
		 "18446744073709551600+15"},
	};

	check(cases, COUNT(cases));
}

static void malformed_ranges(void **state)
{
	static const struct range_case cases[] = {
		{"", 10, 200, ""},
		{"bytes", 10, 200, ""},
		{"bytes=", 10, 200, ""},
		{"bytes=,", 10, 200, ""},
		{"bytes=-", 10, 200, ""},
		{"bytes=--1", 10, 200, ""},
		{"bytes=5", 10, 200, ""},
		{"bytes=5-4", 10, 200, ""},
		{"bytes=a-b", 10, 200, ""},
		{"bytes=0-0x", 10, 200, ""},
		{"bytes=+1-2", 10, 200, ""},
		{"bytes=1 -2", 10, 200, ""},
		{"bytes=0- 1", 10, 200, ""},
		{"bytes =0-0", 10, 200, ""},
		{"bytes=0-0;1-1", 10, 200, ""},
		{"bytes=0-0,x", 10, 200, ""},
		{"bytes=0-0,5-4", 10, 200, ""},
		{"lines=0-0", 10, 200, ""},
		{"bytes: 0-0", 10, 200, ""},
	};

	check(cases, COUNT(cases));
	assert_int_equal(http_ranges_parse((struct http_text){0}, 10, NULL, &(unsigned){0}), 200);
}

static void several_ranges(void **state)
{
	static const struct range_case cases[] = {
		{"bytes=, ,0-1", 10, 206, "0+2"},
		{"bytes=0-1 , 4-5,", 10, 206, "0+2 4+2"},
		{"bytes=4-5,0-1", 10, 206, "4+2 0+2"},
		{"bytes=0-1,20-30,4-5", 10, 206, "0+2 4+2"},
		{"bytes=0-1,2-3", 10, 206, "0+2 2+2"},
		{"bytes=2-3,0-1", 10, 206, "2+2 0+2"},
		{"bytes=0-2,2-3", 10, 206, "0+4"},
		{"bytes=5-6,0-1,1-5", 10, 206, "0+7"},
		{"bytes=8-9,0-1,3-4,1-3", 10, 206, "8+2 0+5"},
		{"bytes=0-0,2-2,4-4,-10", 10, 206, "0+10"},
		{"bytes=3-3,3-3,3-3", 10, 206, "3+1"},
		{"bytes=0-9,3-4", 10, 206, "0+10"},
		{"bytes=3-4,0-9", 10, 206, "0+10"},
		{"bytes=-0,10-", 10, 416, ""},
		{"bytes=-3,-5", 10, 206, "5+5"},
		{"bytes=-3,-5,0-0", 10, 206, "5+5 0+1"},
		{"bytes=7-8\t,\t3-4 ,,, 0-0", 10, 206, "7+2 3+2 0+1"},
		{"bytes=0-4,2-6,4-8,6-9,8-9", 10, 206, "0+10"},
		{"bytes=9-9,8-8,7-7,6-9", 10, 206, "6+4"},
		{"bytes=0-0,9-99999999999999999999", 10, 206, "0+1 9+1"},
		{"bytes=-0,9-", 10, 206, "9+1"},
	};

	check(cases, COUNT(cases));
}

/* `count` ranges of one byte each, every other byte */
static int parse_many(unsigned count, struct http_range *ranges, unsigned *found)
{
	char value[2048] = "bytes=";
	size_t used = strlen(value);

	for (unsigned i = 0; i < count; i++)
		used += (size_t)snprintf(value + used, sizeof(value) - used, "%u-%u,", 2 * i,
					 2 * i);
	return http_ranges_parse(http_text_of(value), 1000, ranges, found);
}

static void many_ranges(void **state)
{
	struct http_range ranges[HTTP_RANGES_MAX];
	unsigned found;

	assert_int_equal(parse_many(HTTP_RANGES_MAX, ranges, &found), 206);
	assert_int_equal(found, HTTP_RANGES_MAX);
	for (unsigned i = 0; i < found; i++) {
		assert_int_equal(ranges[i].offset, 2 * i);
		assert_int_equal(ranges[i].length, 1);
	}
	assert_int_equal(parse_many(HTTP_RANGES_MAX + 1, ranges, &found), 416);
}

static void content_ranges(void **state)
{
	static const struct {
		const char *value;
		bool is_good, has_range, has_size;
		uint64_t offset, length, size;
	} cases[] = {
		{"bytes 0-9/100", true, true, true, 0, 10, 100},
		{"bytes 90-99/100", true, true, true, 90, 10, 100},
		{"Bytes 5-5/*", true, true, false, 5, 1, 0},
		{"bytes */100", true, false, true, 0, 0, 100},
		{"bytes */0", true, false, true, 0, 0, 0},
		{"bytes 0-18446744073709551614/18446744073709551615", true, true, true, 0,
		 UINT64_MAX, UINT64_MAX},
		{"bytes 1-18446744073709551615/*", true, true, false, 1, UINT64_MAX, 0},
		{"bytes 0-18446744073709551615/*", false},
		{"bytes 0-18446744073709551616/*", false},
		{"bytes 18446744073709551616-18446744073709551617/*", false},
		{"bytes 0-9/18446744073709551616", false},
		{"bytes 0-100/100", false},
		{"bytes 100-100/100", false},
		{"bytes 9-0/100", false},
		{"bytes */*", false},
		{"bytes 0-9", false},
		{"bytes 0-9/", false},
		{"bytes 0-/9", false},
		{"bytes -9/10", false},
		{"bytes 0-9/100x", false},
		{"bytes 0-9/ 100", false},
		{"bytes=0-9/100", false},
		{"lines 0-9/100", false},
		{"", false},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct http_content_range range;
		bool is_good = http_content_range_parse(http_text_of(cases[i].value), &range);

		if (is_good != cases[i].is_good)
			fail_msg("%d for %s", is_good, cases[i].value);
		if (is_good &&
		    (range.has_range != cases[i].has_range || range.has_size != cases[i].has_size ||
		     range.offset != cases[i].offset || range.length != cases[i].length ||
		     range.size != cases[i].size))
			fail_msg("read wrongly: %s", cases[i].value);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(single_ranges),  cmocka_unit_test(ranges_of_nothing),
		cmocka_unit_test(huge_numbers),   cmocka_unit_test(malformed_ranges),
		cmocka_unit_test(several_ranges), cmocka_unit_test(many_ranges),
		cmocka_unit_test(content_ranges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
