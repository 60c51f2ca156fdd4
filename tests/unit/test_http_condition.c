/* SPDX-License-Identifier: MIT */
/* Validators and RFC 9110 13.2.2's order of preconditions, in every combination. */
#include "http/condition.h"
#include "http/date.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define MODIFIED     784111777 /* Sun, 06 Nov 1994 08:49:37 GMT */
#define DATE_EQUAL   "Sun, 06 Nov 1994 08:49:37 GMT"
#define DATE_BEFORE  "Sun, 06 Nov 1994 08:49:36 GMT"
#define DATE_AFTER   "Sun, 06 Nov 1994 08:49:38 GMT"
#define DATE_GARBAGE "six November"

static const struct http_validators current = {"\"x\"", MODIFIED, MODIFIED + 3600};

static void entity_tags(void **state)
{
	static const struct {
		const char *etag;
		bool is_strong;
	} cases[] = {
		{"\"a\"", true},
		{"\"\"", true},
		{"\"\xc3\xa4\"", true},
		{"\"W/\"", true},
		{"W/\"a\"", false},
		{"w/\"a\"", false},
		{"a", false},
		{"\"a", false},
		{"a\"", false},
		{"\"", false},
		{"", false},
		{"\"a\"b", false},
		{"\"a b\"", false},
		{"*", false},
		{"\"a\"\"", false},
		{" \"a\"", false},
		{"\"a\", \"b\"", false},
		{"\"\x7f\"", false},
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		if (http_etag_is_strong(http_text_of(cases[i].etag)) != cases[i].is_strong)
			fail_msg("wrong for %s", cases[i].etag);
	assert_false(http_etag_is_strong((struct http_text){0}));
}

static void entity_tag_format(void **state)
{
	struct statx status = {
		.stx_dev_major = 8, .stx_dev_minor = 1, .stx_ino = 255, .stx_size = 16};
	char etag[HTTP_ETAG_SIZE];

	status.stx_mtime = (struct statx_timestamp){.tv_sec = 10, .tv_nsec = 11};
	status.stx_ctime = (struct statx_timestamp){.tv_sec = 12, .tv_nsec = 13};
	http_etag_format(etag, &status, (struct timespec){3600, 0});
	assert_string_equal(etag, "\"800000001-ff-10-a.b-c.d\"");
	status.stx_dev_major = status.stx_dev_minor = UINT32_MAX;
	status.stx_ino = status.stx_size = UINT64_MAX;
	status.stx_mtime = (struct statx_timestamp){.tv_sec = -1, .tv_nsec = 999999999};
	status.stx_ctime = (struct statx_timestamp){.tv_sec = -1, .tv_nsec = 999999999};
	http_etag_format(etag, &status, (struct timespec){-1, 999999999});
	assert_string_equal(etag, "W/\"ffffffffffffffff-ffffffffffffffff-ffffffffffffffff-"
				  "ffffffffffffffff.3b9ac9ff-ffffffffffffffff.3b9ac9ff\"");
	http_etag_format(etag, &status, (struct timespec){3600, 0});
	assert_true(http_etag_is_strong(http_text_of(etag)));
}

/* Weak as long as one more change could leave both times as they are. */
static void young_files_have_weak_tags(void **state)
{
	static const struct {
		const char *what;
		int64_t modified, changed, now; /* in ms */
		bool is_strong;
	} cases[] = {
		{"old", 1000001, 1000001, 2000000, true},
		{"written just now", 1000001, 1000001, 1000001, false},
		{"written a moment ago", 1000001, 1000001, 1001999, false},
		{"written 2 s ago", 1000001, 1000001, 1002001, true},
		{"its mtime was put back just now", 5001, 1000001, 1000011, false},
		{"its mtime was put back a few ticks ago", 5001, 1000001, 1000021, true},
		{"the same, counting in seconds", 5000, 1000000, 1001999, false},
		{"the same, after 2 s", 5000, 1000000, 1002000, true},
		{"an mtime that is to come", 9000001, 1000001, 1000021, true},
		{"an mtime that comes soon", 1001001, 1000001, 1000521, true},
		{"a ctime that is to come: the clock was set", 5001, 9000001, 1000000, false},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct statx status = {
			.stx_mtime = {.tv_sec = cases[i].modified / 1000,
				      .tv_nsec = (uint32_t)(cases[i].modified % 1000 * 1000000)},
			.stx_ctime = {.tv_sec = cases[i].changed / 1000,
				      .tv_nsec = (uint32_t)(cases[i].changed % 1000 * 1000000)},
		};
		struct timespec now = {cases[i].now / 1000, cases[i].now % 1000 * 1000000};
		char etag[HTTP_ETAG_SIZE];

		http_etag_format(etag, &status, now);
		if (http_etag_is_strong(http_text_of(etag)) != cases[i].is_strong)
			fail_msg("%s: %s", cases[i].what, etag);
	}
}

/* What a field says of the current representation: the outcome of its own step, if it is reached */
enum outcome { ABSENT, HOLDS, FAILS };

struct choice {
	const char *value;
	enum outcome outcome;
};

static const struct choice if_match[] = {
	{NULL, ABSENT},
	{"*", HOLDS},
	{"\"x\"", HOLDS},
	{"\"a\", \"x\"", HOLDS},
	{"W/\"x\"", FAILS},
	{"\"a\"", FAILS},
	{"", FAILS},
	{"x", FAILS},
	{"W/\"x\" ,\"x\"", HOLDS},
};
static const struct choice if_unmodified_since[] = {
	{NULL, ABSENT},       {DATE_EQUAL, HOLDS},    {DATE_AFTER, HOLDS},
	{DATE_BEFORE, FAILS}, {DATE_GARBAGE, ABSENT},
};
static const struct choice if_none_match[] = {
	{NULL, ABSENT},     {"*", FAILS},     {"\"x\"", FAILS},
	{"W/\"x\"", FAILS}, {"\"a\"", HOLDS}, {"\"a\",, W/\"x\"", FAILS},
	{"W/\"a\"", HOLDS}, {"", HOLDS},      {"garbage \"x\"", HOLDS},
};
static const struct choice if_modified_since[] = {
	{NULL, ABSENT},       {DATE_EQUAL, FAILS},    {DATE_AFTER, FAILS},
	{DATE_BEFORE, HOLDS}, {DATE_GARBAGE, ABSENT},
};

/* RFC 9110 13.2.2, written down a second time, over outcomes instead of values */
static int expected_status(bool is_read, enum outcome match, enum outcome unmodified,
			   enum outcome none_match, enum outcome modified)
{
	if (match == FAILS || (match == ABSENT && unmodified == FAILS))
		return 412;
	if (none_match == FAILS)
		return is_read ? 304 : 412;
	if (none_match == ABSENT && is_read && modified == FAILS)
		return 304;
	return 200;
}

static void check_one(enum http_method method, const struct choice *match,
		      const struct choice *unmodified, const struct choice *none_match,
		      const struct choice *modified)
{
	struct http_request request = {
		.method = method,
		.if_match = http_text_of(match->value),
		.if_unmodified_since = http_text_of(unmodified->value),
		.if_none_match = http_text_of(none_match->value),
		.if_modified_since = http_text_of(modified->value),
	};
	bool is_read = method == HTTP_GET || method == HTTP_HEAD;
	int status = http_conditions(&request, &current);

	if (status != expected_status(is_read, match->outcome, unmodified->outcome,
				      none_match->outcome, modified->outcome))
		fail_msg("%d for method %u, %s / %s / %s / %s", status, method, match->value,
			 unmodified->value, none_match->value, modified->value);
}

static void every_combination(void **state)
{
	static const enum http_method methods[] = {HTTP_GET, HTTP_HEAD, HTTP_OPTIONS};

	for (size_t m = 0; m < COUNT(methods); m++)
		for (size_t a = 0; a < COUNT(if_match); a++)
			for (size_t b = 0; b < COUNT(if_unmodified_since); b++)
				for (size_t c = 0; c < COUNT(if_none_match); c++)
					for (size_t d = 0; d < COUNT(if_modified_since); d++)
						check_one(methods[m], &if_match[a],
							  &if_unmodified_since[b],
							  &if_none_match[c], &if_modified_since[d]);
}

/* A few by hand, so that the rule above is not only checked against its twin. */
static void by_hand(void **state)
{
	struct http_request request = {.method = HTTP_GET,
				       .if_none_match = http_text_of("\"x\""),
				       .if_modified_since = http_text_of(DATE_BEFORE)};

	assert_int_equal(http_conditions(&request, &current), 304);
	request.if_none_match = http_text_of("\"y\"");
	request.if_modified_since = http_text_of(DATE_EQUAL);
	assert_int_equal(http_conditions(&request, &current), 200);
	request.if_match = http_text_of("\"y\"");
	assert_int_equal(http_conditions(&request, &current), 412);
	request.if_match = http_text_of("\"x\"");
	request.if_unmodified_since = http_text_of(DATE_BEFORE);
	assert_int_equal(http_conditions(&request, &current), 200);
}

static void without_entity_tag(void **state)
{
	static const struct http_validators untagged = {NULL, MODIFIED, MODIFIED + 3600};
	struct http_request request = {.method = HTTP_GET, .if_match = http_text_of("*")};

	assert_int_equal(http_conditions(&request, &untagged), 200);
	request.if_match = http_text_of("\"\"");
	assert_int_equal(http_conditions(&request, &untagged), 412);
}

static void a_weak_tag_only_revalidates(void **state)
{
	static const struct http_validators weak = {"W/\"x\"", MODIFIED, MODIFIED + 3600};
	static const char *const tags[] = {"\"x\"", "W/\"x\"", "\"a\", W/\"x\""};
	struct http_request request;

	for (size_t i = 0; i < COUNT(tags); i++) {
		request = (struct http_request){.method = HTTP_GET,
						.if_match = http_text_of(tags[i])};
		assert_int_equal(http_conditions(&request, &weak), 412);
		request = (struct http_request){.method = HTTP_GET,
						.if_none_match = http_text_of(tags[i])};
		assert_int_equal(http_conditions(&request, &weak), 304);
		request = (struct http_request){.if_range = http_text_of(tags[i])};
		assert_false(http_if_range_holds(&request, &weak));
	}
	request = (struct http_request){.method = HTTP_GET, .if_match = http_text_of("*")};
	assert_int_equal(http_conditions(&request, &weak), 200);
}

static void if_range(void **state)
{
	static const struct {
		const char *value;
		time_t age;
		bool holds;
	} cases[] = {
		{NULL, 3600, true},
		{"\"x\"", 0, true},
		{"\"y\"", 3600, false},
		{"W/\"x\"", 3600, false},
		{"*", 3600, false},
		{"", 3600, false},
		{DATE_EQUAL, 3600, true},
		{DATE_EQUAL, 60, true},
		{DATE_EQUAL, 59, false},
		{DATE_EQUAL, 0, false},
		{DATE_EQUAL, -10, false},
		{DATE_AFTER, 3600, false},
		{DATE_BEFORE, 3600, false},
		{DATE_GARBAGE, 3600, false},
		{"\"x\", \"y\"", 3600, false},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct http_validators now = {"\"x\"", MODIFIED, MODIFIED + cases[i].age};
		struct http_request request = {.if_range = http_text_of(cases[i].value)};

		if (http_if_range_holds(&request, &now) != cases[i].holds)
			fail_msg("wrong for %s at age %ld", cases[i].value, (long)cases[i].age);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entity_tags),
		cmocka_unit_test(entity_tag_format),
		cmocka_unit_test(every_combination),
		cmocka_unit_test(by_hand),
		cmocka_unit_test(without_entity_tag),
		cmocka_unit_test(if_range),
		cmocka_unit_test(young_files_have_weak_tags),
		cmocka_unit_test(a_weak_tag_only_revalidates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
