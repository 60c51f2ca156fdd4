/* SPDX-License-Identifier: MIT */
/* HTTP dates, against known instants and against the C library's calendar. */
#include "http/date.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define NOW 1700000000 /* 2023-11-14T22:13:20Z */

static void formats(void **state)
{
	static const struct {
		int64_t when;
		const char *http, *iso;
	} cases[] = {
		{0, "Thu, 01 Jan 1970 00:00:00 GMT", "1970-01-01T00:00:00Z"},
		{-1, "Wed, 31 Dec 1969 23:59:59 GMT", "1969-12-31T23:59:59Z"},
		{784111777, "Sun, 06 Nov 1994 08:49:37 GMT", "1994-11-06T08:49:37Z"},
		{951782400, "Tue, 29 Feb 2000 00:00:00 GMT", "2000-02-29T00:00:00Z"},
		{1709251199, "Thu, 29 Feb 2024 23:59:59 GMT", "2024-02-29T23:59:59Z"},
		{4107542400, "Mon, 01 Mar 2100 00:00:00 GMT", "2100-03-01T00:00:00Z"},
		{253402300799, "Fri, 31 Dec 9999 23:59:59 GMT", "9999-12-31T23:59:59Z"},
		{253402300800, "Fri, 31 Dec 9999 23:59:59 GMT", "9999-12-31T23:59:59Z"},
		{INT64_MAX, "Fri, 31 Dec 9999 23:59:59 GMT", "9999-12-31T23:59:59Z"},
		{-62135596800, "Mon, 01 Jan 0001 00:00:00 GMT", "0001-01-01T00:00:00Z"},
		{INT64_MIN, "Mon, 01 Jan 0001 00:00:00 GMT", "0001-01-01T00:00:00Z"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		char http[HTTP_DATE_SIZE], iso[HTTP_DATE_ISO_SIZE];

		http_date_format(http, (time_t)cases[i].when);
		http_date_format_iso(iso, (time_t)cases[i].when);
		assert_string_equal(http, cases[i].http);
		assert_string_equal(iso, cases[i].iso);
	}
}

/* Every 9 days and some for 10 000 years: the library agrees, and parsing takes it back. */
static void agrees_with_the_library(void **state)
{
	for (int64_t when = -62135596800; when < 253402300799; when += 777777 + 86400) {
		char ours[HTTP_DATE_SIZE], theirs[64];
		time_t at = (time_t)when, parsed = 0;
		struct tm tm;

		gmtime_r(&at, &tm);
		strftime(theirs, sizeof(theirs), "%a, %d %b ", &tm);
		snprintf(theirs + strlen(theirs), 40, "%04d %02d:%02d:%02d GMT", tm.tm_year + 1900,
			 tm.tm_hour, tm.tm_min, tm.tm_sec);
		http_date_format(ours, at);
		assert_string_equal(ours, theirs);
		assert_true(http_date_parse(http_text_of(ours), NOW, &parsed));
		assert_int_equal(parsed, at);
	}
}

static void parses(void **state)
{
	static const struct {
		const char *text;
		int64_t when;
	} cases[] = {
		{"Sun, 06 Nov 1994 08:49:37 GMT", 784111777},
		{"Sunday, 06-Nov-94 08:49:37 GMT", 784111777},
		{"Sun Nov  6 08:49:37 1994", 784111777},
		{"Wed Nov 16 08:49:37 1994", 784975777},
		{"Mon, 06 Nov 1994 08:49:37 GMT", 784111777}, /* not a Monday */
		{"Thu, 01 Jan 1970 00:00:00 GMT", 0},
		{"Fri, 30 Jun 1972 23:59:60 GMT", 78796800},
		{"Tue, 29 Feb 2000 00:00:00 GMT", 951782400},
		{"Wed, 31 Dec 1969 23:59:59 GMT", -1},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		time_t when = 12345;

		if (!http_date_parse(http_text_of(cases[i].text), NOW, &when))
			fail_msg("not parsed: %s", cases[i].text);
		assert_int_equal(when, cases[i].when);
	}
}

static void two_digit_years(void **state)
{
	/* now is 14 November 2023, so the limit is that day in 2073 */
	static const struct {
		const char *text, *iso;
	} cases[] = {
		{"Monday, 01-Jan-00 00:00:00 GMT", "2000-01-01T00:00:00Z"},
		{"Monday, 01-Jan-23 00:00:00 GMT", "2023-01-01T00:00:00Z"},
		{"Monday, 01-Jan-24 00:00:00 GMT", "2024-01-01T00:00:00Z"},
		{"Monday, 13-Nov-73 23:59:59 GMT", "2073-11-13T23:59:59Z"},
		{"Monday, 14-Nov-73 00:00:00 GMT", "2073-11-14T00:00:00Z"},
		{"Monday, 15-Nov-73 00:00:00 GMT", "1973-11-15T00:00:00Z"},
		{"Monday, 01-Dec-73 00:00:00 GMT", "1973-12-01T00:00:00Z"},
		{"Monday, 01-Jan-74 00:00:00 GMT", "1974-01-01T00:00:00Z"},
		{"Monday, 01-Jan-99 00:00:00 GMT", "1999-01-01T00:00:00Z"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		char iso[HTTP_DATE_ISO_SIZE];
		time_t when;

		assert_true(http_date_parse(http_text_of(cases[i].text), NOW, &when));
		http_date_format_iso(iso, when);
		assert_string_equal(iso, cases[i].iso);
	}
}

static void two_digit_years_across_a_century(void **state)
{
	char iso[HTTP_DATE_ISO_SIZE];
	time_t when, now = 2840140800; /* 2060-01-01 */

	assert_true(http_date_parse(http_text_of("Monday, 01-Jan-05 00:00:00 GMT"), now, &when));
	http_date_format_iso(iso, when);
	assert_string_equal(iso, "2105-01-01T00:00:00Z");
	assert_true(http_date_parse(http_text_of("Monday, 01-Jan-59 00:00:00 GMT"), now, &when));
	http_date_format_iso(iso, when);
	assert_string_equal(iso, "2059-01-01T00:00:00Z");
}

static void refuses(void **state)
{
	static const char *const cases[] = {
		"",
		"Sun",
		"Sun,",
		"Sun, 06 Nov 1994 08:49:37",
		"Sun, 06 Nov 1994 08:49:37 UTC",
		"Sun, 06 Nov 1994 08:49:37 GMT ",
		"Sun, 06 Nov 1994 08:49:37 gmt",
		"Sun, 6 Nov 1994 08:49:37 GMT",
		"Sun, 00 Nov 1994 08:49:37 GMT",
		"Sun, 31 Nov 1994 08:49:37 GMT",
		"Sun, 29 Feb 1900 08:49:37 GMT",
		"Sun, 29 Feb 2023 08:49:37 GMT",
		"Sun, 06 Nov 1994 24:00:00 GMT",
		"Sun, 06 Nov 1994 08:60:37 GMT",
		"Sun, 06 Nov 1994 08:49:61 GMT",
		"Sun, 06 Nov 0000 08:49:37 GMT",
		"Sun, 06 nov 1994 08:49:37 GMT",
		"Son, 06 Nov 1994 08:49:37 GMT",
		"Sun, 06 Nov 94 08:49:37 GMT",
		"Sun, 06-Nov-94 08:49:37 GMT",
		"Sunday, 06-Nov-1994 08:49:37 GMT",
		"Sunday, 29-Feb-23 08:49:37 GMT",
		"Sun Nov 06 08:49:37 1994x",
		"Sun Nov 6 08:49:37 1994",
		"Sun Nov  6 08:49:37 1994 GMT",
		"Sun, 06 Nov 1994 +8:49:37 GMT",
		"1994-11-06T08:49:37Z",
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		/* Exactly long enough, for AddressSanitizer */
		char *copy = strndup(cases[i], strlen(cases[i]));
		time_t when;

		if (http_date_parse(http_text_of(copy), NOW, &when))
			fail_msg("parsed: %s", cases[i]);
		free(copy);
	}
	assert_false(http_date_parse((struct http_text){0}, NOW, &(time_t){0}));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(formats),
		cmocka_unit_test(agrees_with_the_library),
		cmocka_unit_test(parses),
		cmocka_unit_test(two_digit_years),
		cmocka_unit_test(two_digit_years_across_a_century),
		cmocka_unit_test(refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
