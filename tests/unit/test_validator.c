/* SPDX-License-Identifier: MIT */
/* Which fields of an answer name one state of a file and no other. */
#include "fetch/validator.h"

#include "http-text.h"

#include <stdio.h>

#define MODIFIED "Last-Modified: Mon, 01 Jan 2024 00:00:00 GMT\r\n"

enum { MODIFIED_AT = 1704067200 };

struct row {
	const char *fields, *text;
	bool is_date;
	time_t now;
};

static const char date[] = "Mon, 01 Jan 2024 00:00:00 GMT";

static const struct row rows[] = {
	{"", "", true, 0},
	{"ETag: \"v1\"\r\n", "\"v1\"", false, 0},
	{"ETag: \"v1\"\r\n" MODIFIED, "\"v1\"", false, MODIFIED_AT + 1000},
	{"ETag: W/\"v1\"\r\n", "", true, 0},
	{"ETag: v1\r\n", "", true, 0},
	{"ETag:\r\n", "", true, 0},
	{"ETag: W/\"v1\"\r\n" MODIFIED, date, true, MODIFIED_AT + 1000},
	{MODIFIED "Date: Mon, 01 Jan 2024 00:01:00 GMT\r\n", date, true, 0},
	{MODIFIED "Date: Mon, 01 Jan 2024 00:00:59 GMT\r\n", "", true, MODIFIED_AT + 1000},
	{MODIFIED "Date: Sun, 31 Dec 2023 00:00:00 GMT\r\n", "", true, MODIFIED_AT + 1000},
	{MODIFIED "Date: never\r\n", "", true, MODIFIED_AT + 1000},
	{MODIFIED, date, true, MODIFIED_AT + 60},
	{MODIFIED, "", true, MODIFIED_AT + 59},
	{MODIFIED, "", true, MODIFIED_AT - 1000},
	{"Last-Modified: yesterday\r\n", "", true, MODIFIED_AT},
};

static void parse(struct http_response *head, char text[512], const char *fields)
{
	size_t used;
	int length = snprintf(text, 512, "HTTP/1.1 200 OK\r\n%s\r\n", fields);

	assert_int_equal(http_response_parse(head, text, (size_t)length, &used, NULL), 0);
}

static void test_what_is_a_validator(void **state)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct http_response head;
		struct validator validator;
		char text[512];

		parse(&head, text, rows[i].fields);
		validator_read(&validator, &head, rows[i].now);
		if (strcmp(validator.text, rows[i].text) != 0 ||
		    validator.is_date != rows[i].is_date)
			fail_msg("%s: \"%s\"", rows[i].fields, validator.text);
		assert_int_equal(validator_is_in(&validator, &head), *validator.text != '\0');
	}
}

static void test_too_long_to_be_kept(void **state)
{
	char fields[400] = "ETag: \"", text[512];
	struct http_response head;
	struct validator validator;

	memset(fields + 7, 'a', 300);
	strcpy(fields + 307, "\"\r\n");
	parse(&head, text, fields);
	validator_read(&validator, &head, 0);
	assert_string_equal(validator.text, "");
}

static void test_the_same_another_or_none(void **state)
{
	static const struct {
		const char *fields;
		bool is_date, is_in, differs;
	} cases[] = {
		{"ETag: \"v1\"\r\n", false, true, false},
		{"ETag: W/\"v1\"\r\n", false, false, false},
		{"ETag: \"v2\"\r\n", false, false, true},
		{"ETag: W/\"v2\"\r\n", false, false, true},
		{MODIFIED, false, false, false},
		{"", false, false, false},
		{MODIFIED, true, true, false},
		{"Last-Modified: Mon, 01 Jan 2024 00:00:01 GMT\r\n", true, false, true},
		{"ETag: \"v1\"\r\n", true, false, false},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct validator validator = {.is_date = cases[i].is_date};
		struct http_response head;
		char text[512];

		strcpy(validator.text, cases[i].is_date ? date : "\"v1\"");
		parse(&head, text, cases[i].fields);
		if (validator_is_in(&validator, &head) != cases[i].is_in ||
		    validator_differs(&validator, &head) != cases[i].differs)
			fail_msg("%zu: %s", i, cases[i].fields);
	}
}

/* What lay in a file may be anything, and goes into a request. */
static void test_what_can_be_taken_from_where_it_was_kept(void **state)
{
	static const struct {
		const char *etag, *date;
		bool is_good;
	} cases[] = {
		{"", "", true},
		{"\"v1\"", "", true},
		{"\"\"", "", true},
		{"\"\xe9\"", "", true},
		{"", "Mon, 01 Jan 2024 00:00:00 GMT", true},
		{"\"v1\"", "Mon, 01 Jan 2024 00:00:00 GMT", false},
		{"\"", "", false},
		{"v1", "", false},
		{"W/\"v1\"", "", false},
		{"\"v1\", \"v2\"", "", false},
		{"\"v1\r\n\"", "", false},
		{"\"v\x7f\"", "", false},
		{"", "Mon, 01 Jan 2024 00:00:00 GMT\r\nHost: other", false},
		{"", "\xe9", false},
	};
	struct validator validator;
	char tag[258];

	for (size_t i = 0; i < COUNT(cases); i++) {
		if (validator_set(&validator, cases[i].etag, cases[i].date) != cases[i].is_good)
			fail_msg("%zu: %s%s", i, cases[i].etag, cases[i].date);
		if (!cases[i].is_good)
			continue;
		assert_string_equal(validator_etag(&validator), cases[i].etag);
		assert_string_equal(validator_date(&validator), cases[i].date);
	}
	memset(tag, 'a', sizeof(tag));
	tag[0] = tag[254] = '"';
	tag[255] = '\0';
	assert_true(validator_set(&validator, tag, ""));
	tag[254] = 'a';
	tag[255] = '"';
	tag[256] = '\0';
	assert_false(validator_set(&validator, tag, ""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_a_validator),
		cmocka_unit_test(test_too_long_to_be_kept),
		cmocka_unit_test(test_the_same_another_or_none),
		cmocka_unit_test(test_what_can_be_taken_from_where_it_was_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
