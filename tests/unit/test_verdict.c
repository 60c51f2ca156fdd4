/* SPDX-License-Identifier: MIT */
/* What servers answer to a request for a part of a file, and what comes of it. */
#include "fetch/verdict.h"

#include "http-text.h"

#include <stdio.h>

/* Of 1000 bytes, 600 are here, and those from 500 on are asked for. */
enum { SIZE = 1000, HERE = 600, FROM = 500 };

#define DATE "Mon, 01 Jan 2024 00:00:00 GMT"

struct row {
	const char *name, *status, *fields;
	enum verdict_kind kind;
	uint64_t first, end;
};

#define TAKES(first, end) VERDICT_TAKE, first, end
#define ALL               VERDICT_ASK_ALL, 0, 0
#define AGAIN             VERDICT_ASK_AGAIN, 0, 0
#define REFUSED           VERDICT_REFUSE, 0, 0
#define SAME              VERDICT_SAME, 0, 0
#define PLACE(place)      "Content-Range: bytes " place "\r\n"
#define LENGTH(length)    "Content-Length: " #length "\r\n"
#define TAG               "ETag: \"v1\"\r\n"

static const struct row to_a_range[] = {
	{"the range", "206", TAG PLACE("500-999/1000") LENGTH(500), TAKES(500, 1000)},
	{"without a length", "206", TAG PLACE("500-999/1000"), TAKES(500, 1000)},
	{"chunked", "206", TAG PLACE("500-999/1000") "Transfer-Encoding: chunked\r\n",
	 TAKES(500, 1000)},
	{"total not told", "206", TAG PLACE("500-999/*") LENGTH(500), TAKES(500, 1000)},
	{"total not told, too long", "206", TAG PLACE("500-1000/*") LENGTH(501), ALL},
	{"from before", "206", TAG PLACE("448-999/1000") LENGTH(552), TAKES(448, 1000)},
	{"from the start", "206", TAG PLACE("0-999/1000") LENGTH(1000), TAKES(0, 1000)},
	{"from within what is here", "206", TAG PLACE("600-999/1000") LENGTH(400),
	 TAKES(600, 1000)},
	{"with a gap", "206", TAG PLACE("601-999/1000") LENGTH(399), ALL},
	{"shorter", "206", TAG PLACE("500-799/1000") LENGTH(300), TAKES(500, 800)},
	{"one byte", "206", TAG PLACE("500-500/1000") LENGTH(1), TAKES(500, 501)},
	{"nothing that was asked for", "206", TAG PLACE("0-499/1000") LENGTH(500), ALL},
	{"larger file", "206", TAG PLACE("500-999/1001") LENGTH(500), ALL},
	{"smaller file", "206", TAG PLACE("500-998/999") LENGTH(499), ALL},
	{"smaller than what is here", "206", TAG PLACE("100-549/550") LENGTH(450), ALL},
	{"behind its end", "206", TAG PLACE("500-1000/1000") LENGTH(501), ALL},
	{"no place", "206", TAG LENGTH(500), ALL},
	{"no place, all of it", "206", TAG LENGTH(1000), ALL},
	{"place without bytes", "206", TAG PLACE("*/1000") LENGTH(500), ALL},
	{"malformed place", "206", TAG PLACE("500-/1000") LENGTH(500), ALL},
	{"place in another unit", "206", TAG "Content-Range: lines 5-9/10\r\n" LENGTH(500), ALL},
	{"place that overflows", "206", TAG PLACE("500-18446744073709551615/*"), ALL},
	{"several ranges", "206", TAG "Content-Type: multipart/byteranges; boundary=x\r\n", ALL},
	{"a length one short", "206", TAG PLACE("500-999/1000") LENGTH(499), ALL},
	{"a length too long", "206", TAG PLACE("500-999/1000") LENGTH(1000), ALL},
	{"another tag", "206", "ETag: \"v2\"\r\n" PLACE("500-999/1000") LENGTH(500), ALL},
	{"a weak tag", "206", "ETag: W/\"v1\"\r\n" PLACE("500-999/1000") LENGTH(500), ALL},
	{"no tag", "206", PLACE("500-999/1000") LENGTH(500), ALL},

	{"all of it", "200", TAG LENGTH(1000), TAKES(0, 1000)},
	{"all of another", "200", "ETag: \"v2\"\r\n" LENGTH(900), TAKES(0, 900)},
	{"all of another, as long", "200", "ETag: \"v2\"\r\n" LENGTH(1000), TAKES(0, 1000)},
	{"the range as if it were all", "200", TAG LENGTH(500), ALL},
	{"the range as if it were another file", "200", "ETag: \"v2\"\r\n" LENGTH(500), ALL},
	{"the range, and its place", "200", TAG LENGTH(500) PLACE("500-999/1000"), ALL},
	{"all, and its place", "200", TAG LENGTH(1000) PLACE("0-999/1000"), TAKES(0, 1000)},
	{"the same tag, another length", "200", TAG LENGTH(900), ALL},
	{"no length", "200", TAG "Transfer-Encoding: chunked\r\n", ALL},
	{"an impossible length", "200", TAG LENGTH(9223372036854775808), ALL},

	{"nothing there", "416", "", ALL},
	{"nothing there, of the same size", "416", PLACE("*/1000"), ALL},
	{"nothing there, of another size", "416", PLACE("*/400"), ALL},
	{"a precondition failed", "412", "", ALL},
	{"not modified", "304", TAG, ALL},
	{"no content", "204", "", ALL},
	{"accepted", "202", "", ALL},
	{"a choice", "300", "", ALL},
	{"bad request", "400", "", ALL},
	{"forbidden", "403", "", ALL},
	{"not found", "404", "", ALL},
	{"not implemented", "501", "", ALL},
	{"too many requests", "429", "", AGAIN},
	{"out of order", "500", "", AGAIN},
	{"bad gateway", "502", "", AGAIN},
	{"unavailable", "503", "", AGAIN},
};

static const struct row to_a_range_by_date[] = {
	{"the range", "206", "Last-Modified: " DATE "\r\n" PLACE("500-999/1000"), TAKES(500, 1000)},
	{"the range, with a tag", "206",
	 "ETag: W/\"1\"\r\nLast-Modified: " DATE "\r\n" PLACE("500-999/1000"), TAKES(500, 1000)},
	{"of another date", "206",
	 "Last-Modified: Mon, 01 Jan 2024 00:00:01 GMT\r\n" PLACE("500-999/1000"), ALL},
	{"without a date", "206", PLACE("500-999/1000"), ALL},
	{"all of it", "200", "Last-Modified: " DATE "\r\n" LENGTH(1000), TAKES(0, 1000)},
};

static const struct row to_a_condition[] = {
	{"not modified", "304", TAG, SAME},
	{"not modified, as its weak tag says", "304", "ETag: W/\"v1\"\r\n", SAME},
	{"not modified, without a word", "304", "", SAME},
	{"not modified, but another", "304", "ETag: \"v2\"\r\n", ALL},
	{"another", "200", "ETag: \"v2\"\r\n" LENGTH(7), TAKES(0, 7)},
	{"the same after all", "200", TAG LENGTH(1000), TAKES(0, 1000)},
	{"no length", "200", "Transfer-Encoding: chunked\r\n", TAKES(0, UINT64_MAX)},
	{"a precondition failed", "412", "", ALL},
	{"a range", "206", TAG PLACE("500-999/1000"), ALL},
	{"not found", "404", "", ALL},
	{"unavailable", "503", "", AGAIN},
};

static const struct row to_a_condition_by_date[] = {
	{"not modified", "304", "Last-Modified: " DATE "\r\n", SAME},
	{"an older one", "304", "Last-Modified: Sun, 01 Jan 2023 00:00:00 GMT\r\n", ALL},
};

static const struct row to_all[] = {
	{"all", "200", LENGTH(1000), TAKES(0, 1000)},
	{"all, without a length", "200", "", TAKES(0, UINT64_MAX)},
	{"nothing, which is all", "200", LENGTH(0), TAKES(0, 0)},
	{"an impossible length", "200", LENGTH(9223372036854775808), REFUSED},
	{"a part as if it were all", "200", LENGTH(500) PLACE("500-999/1000"), REFUSED},
	{"the first part as if it were all", "200", LENGTH(500) PLACE("0-499/1000"), REFUSED},
	{"a meaningless place", "200", LENGTH(1000) PLACE("*/1000"), TAKES(0, 1000)},
	{"all, as a part", "206", PLACE("0-999/1000") LENGTH(1000), TAKES(0, 1000)},
	{"the first part", "206", PLACE("0-499/1000") LENGTH(500), TAKES(0, 500)},
	{"the first part, of nobody knows what", "206", PLACE("0-499/*") LENGTH(500), REFUSED},
	{"another part", "206", PLACE("500-999/1000") LENGTH(500), REFUSED},
	{"no place", "206", LENGTH(500), REFUSED},
	{"not modified", "304", "", REFUSED},
	{"nothing there", "416", "", REFUSED},
	{"by a proxy", "203", LENGTH(1000), TAKES(0, 1000)},
	{"of an unknown kind", "299", LENGTH(1000), TAKES(0, 1000)},
	{"not ready", "202", LENGTH(1000), REFUSED},
	{"of many things", "207", LENGTH(1000), REFUSED},
	{"no content", "204", "", REFUSED},
	{"not found", "404", "", REFUSED},
	{"unavailable", "503", "", REFUSED},
};

static void check_row(const struct question *question, const struct row *row)
{
	char text[512];
	struct http_response head;
	struct verdict verdict;
	size_t used;
	int length =
		snprintf(text, sizeof(text), "HTTP/1.1 %s X\r\n%s\r\n", row->status, row->fields);

	if (http_response_parse(&head, text, (size_t)length, &used, NULL))
		fail_msg("%s: not a head", row->name);
	verdict = verdict_of(question, &head);
	if (verdict.kind != row->kind)
		fail_msg("%s %s: %d, not %d (%s)", row->status, row->name, (int)verdict.kind,
			 (int)row->kind, verdict.why ? verdict.why : "-");
	if (row->kind == VERDICT_ASK_ALL || row->kind == VERDICT_ASK_AGAIN)
		assert_non_null(verdict.why);
	if (row->kind == VERDICT_TAKE && (verdict.first != row->first || verdict.end != row->end))
		fail_msg("%s %s: %llu to %llu", row->status, row->name,
			 (unsigned long long)verdict.first, (unsigned long long)verdict.end);
}

static void check(const struct question *question, const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++)
		check_row(question, &rows[i]);
}

static void test_to_a_range(void **state)
{
	const struct validator tag = {.text = "\"v1\""};
	const struct question question = {true, FROM, UINT64_MAX, HERE, SIZE, &tag, false};

	check(&question, to_a_range, COUNT(to_a_range));
}

static void test_to_a_range_by_date(void **state)
{
	const struct validator date = {.is_date = true, .text = DATE};
	const struct question question = {true, FROM, UINT64_MAX, HERE, SIZE, &date, false};

	check(&question, to_a_range_by_date, COUNT(to_a_range_by_date));
}

static void test_to_a_condition(void **state)
{
	const struct validator tag = {.text = "\"v1\""};
	const struct validator date = {.is_date = true, .text = DATE};
	const struct question by_tag = {.validator = &tag, .is_conditional = true};
	const struct question by_date = {.validator = &date, .is_conditional = true};

	check(&by_tag, to_a_condition, COUNT(to_a_condition));
	check(&by_date, to_a_condition_by_date, COUNT(to_a_condition_by_date));
}

static void test_to_all(void **state)
{
	const struct question question = {0};

	check(&question, to_all, COUNT(to_all));
}

static void test_files_that_are_not_newer(void **state)
{
	enum { THAN = 1704067201 };
	static const struct {
		const char *status, *modified;
		bool is_not;
	} rows[] = {
		{"304", "", true},
		{"200", "Mon, 01 Jan 2024 00:00:01 GMT", true},
		{"206", "Mon, 01 Jan 2024 00:00:00 GMT", true},
		{"200", "Mon, 01 Jan 2024 00:00:02 GMT", false},
		{"200", "yesterday", false},
		{"404", "Mon, 01 Jan 2024 00:00:00 GMT", false},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		char text[512];
		struct http_response head;
		size_t used;
		int length =
			snprintf(text, sizeof(text), "HTTP/1.1 %s X\r\nLast-Modified: %s\r\n\r\n",
				 rows[i].status, rows[i].modified);

		assert_int_equal(http_response_parse(&head, text, (size_t)length, &used, NULL), 0);
		assert_int_equal(verdict_is_not_newer(THAN, &head, THAN), rows[i].is_not);
	}
}

/* What some stores want where an object is very large. */
static void test_to_all_by_a_range(void **state)
{
	static const struct row plainly[] = {
		{"bad request", "400", "", VERDICT_ASK_RANGE, 0, 0},
		{"forbidden", "403", "", REFUSED},
	};
	static const struct row by_range[] = {
		{"as it should", "206", PLACE("0-999/1000") LENGTH(1000), TAKES(0, 1000)},
		{"less than all", "206", PLACE("0-99/1000") LENGTH(100), TAKES(0, 100)},
		{"all the same", "200", LENGTH(1000), TAKES(0, 1000)},
		{"another range", "206", PLACE("1-999/1000") LENGTH(999), REFUSED},
		{"of unknown size", "206", PLACE("0-999/*") LENGTH(1000), REFUSED},
		{"bad request", "400", "", REFUSED},
		{"nothing there", "416", PLACE("*/0"), REFUSED},
	};

	check(&(struct question){0}, plainly, COUNT(plainly));
	check(&(struct question){.is_by_range = true}, by_range, COUNT(by_range));
}

/* Whatever a server answers, to ask for all is the last question. */
static void test_all_is_asked_for_once(void **state)
{
	const struct row *const tables[] = {to_a_range, to_a_range_by_date, to_a_condition};
	const size_t counts[] = {COUNT(to_a_range), COUNT(to_a_range_by_date),
				 COUNT(to_a_condition)};
	const struct question question = {0}, by_range = {.is_by_range = true};

	for (size_t t = 0; t < COUNT(tables); t++)
		for (size_t i = 0; i < counts[t]; i++) {
			char text[512];
			struct http_response head;
			struct verdict verdict;
			size_t used;
			int length = snprintf(text, sizeof(text), "HTTP/1.1 %s X\r\n%s\r\n",
					      tables[t][i].status, tables[t][i].fields);

			assert_int_equal(
				http_response_parse(&head, text, (size_t)length, &used, NULL), 0);
			verdict = verdict_of(&question, &head);
			if (verdict.kind == VERDICT_ASK_RANGE)
				verdict = verdict_of(&by_range, &head);
			assert_true(verdict.kind == VERDICT_TAKE || verdict.kind == VERDICT_REFUSE);
			assert_int_equal(verdict.first, 0);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_to_a_range),
		cmocka_unit_test(test_to_a_range_by_date),
		cmocka_unit_test(test_to_a_condition),
		cmocka_unit_test(test_to_all),
		cmocka_unit_test(test_to_all_by_a_range),
		cmocka_unit_test(test_files_that_are_not_newer),
		cmocka_unit_test(test_all_is_asked_for_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
