/* SPDX-License-Identifier: MIT */
/* What a journal claims, and that what was damaged is not believed. */
#include "base/buffer.h"
#include "landing/journal.h"

#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { BLOCK = 4096, SECTOR = 512 };

static void fill(struct journal *journal, uint64_t size, const struct intervals *done)
{
	*journal = (struct journal){
		.url = strdup("http://example.org/a?b=\"c\""),
		.validator.text = "\"v1\"",
		.size = size,
		.inode = 12345,
		.device = "8:1",
		.born = "1700000000.000000001",
		.sample = "0123456789abcdef",
	};
	journal_set_done(journal, done);
}

static void assert_same(const struct journal *one, const struct journal *other)
{
	assert_string_equal(one->url, other->url);
	assert_true(validator_equal(&one->validator, &other->validator));
	assert_int_equal(one->size, other->size);
	assert_int_equal(one->inode, other->inode);
	assert_string_equal(one->device, other->device);
	assert_string_equal(one->born, other->born);
	assert_string_equal(one->sample, other->sample);
	assert_string_equal(one->modified, other->modified);
	assert_true(intervals_equal(&one->done, &other->done));
}

#define B (uint64_t) BLOCK

static const struct {
	uint64_t size;
	struct interval done[3], claimed[3], usable[3];
} rows[] = {
	{10 * B, {{0, 5 * B}}, {{0, 5 * B}}, {{0, 5 * B}}},
	{10 * B, {{0, 5 * B - 1}}, {{0, 4 * B}}, {{0, 4 * B}}},
	{10 * B, {{1, 5 * B}}, {{B, 5 * B}}, {{B, 5 * B}}},
	{10 * B, {{1, B + B - 1}}, {{0}}, {{0}}},
	{10 * B, {{0, 10 * B}}, {{0, 10 * B}}, {{0, 9 * B}}},
	{10 * B + 7, {{0, 10 * B + 7}}, {{0, 10 * B + 7}}, {{0, 10 * B}}},
	{10 * B + 7, {{0, 10 * B + 6}}, {{0, 10 * B}}, {{0, 10 * B}}},
	{10 * B + 7,
	 {{0, B}, {9 * B, 10 * B + 7}},
	 {{0, B}, {9 * B, 10 * B + 7}},
	 {{0, B}, {9 * B, 10 * B + 7}}},
	{B, {{0, B}}, {{0, B}}, {{0}}},
	{7, {{0, 7}}, {{0, 7}}, {{0}}},
	{7, {{0, 6}}, {{0}}, {{0}}},
	{0, {{0}}, {{0}}, {{0}}},
};

static struct intervals set_of(const struct interval interval[3])
{
	struct intervals set = {0};

	for (unsigned i = 0; i < 3; i++)
		intervals_add(&set, interval[i].from, interval[i].to);
	return set;
}

static void test_whole_blocks_are_claimed(void **state)
{
	for (size_t row = 0; row < sizeof(rows) / sizeof(*rows); row++) {
		struct intervals done = set_of(rows[row].done);
		struct intervals claimed = set_of(rows[row].claimed);
		struct intervals usable = set_of(rows[row].usable), found;
		struct buffer text = {0};
		struct journal journal, again;

		fill(&journal, rows[row].size, &done);
		assert_true(intervals_equal(&journal.done, &claimed));
		found = journal_usable(&journal);
		assert_true(intervals_equal(&found, &usable));
		assert_int_equal(journal_format(&journal, &text), 0);
		assert_int_equal(journal_parse(&again, text.data, text.length), 0);
		assert_same(&journal, &again);
		journal_clear(&journal);
		journal_clear(&again);
		buffer_free(&text);
	}
}

/* What fits in a sector, however large the numbers are. */
static void test_the_smallest_are_left_out(void **state)
{
	const uint64_t sizes[] = {1 << 30, 1ULL << 40, INT64_MAX};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		struct intervals done = {0};
		struct buffer text = {0};
		struct journal journal, again;

		for (uint64_t j = 1; j <= INTERVALS_MAX; j++)
			intervals_add(&done, sizes[i] / 65 * j / B * B,
				      sizes[i] / 65 * j / B * B + j * B);
		fill(&journal, sizes[i], &done);
		memset(journal.modified, '9', sizeof(journal.modified) - 1);
		assert_in_range(journal.done.count, 8, INTERVALS_MAX - 1);
		/* The largest are the last of them. */
		for (unsigned j = 1; j <= journal.done.count; j++)
			assert_memory_equal(&journal.done.at[journal.done.count - j],
					    &done.at[done.count - j], sizeof(*done.at));
		assert_int_equal(journal_format(&journal, &text), 0);
		assert_int_equal(journal_parse(&again, text.data, text.length), 0);
		assert_same(&journal, &again);
		journal_clear(&journal);
		journal_clear(&again);
		buffer_free(&text);
	}
}

static void test_damage_anywhere_is_seen(void **state)
{
	struct intervals done = {2, {{0, 5 * B}, {7 * B, 9 * B}}};
	struct buffer text = {0};
	struct journal journal, again;

	fill(&journal, 10 * B, &done);
	assert_int_equal(journal_format(&journal, &text), 0);
	for (size_t i = 0; i < text.length; i++) {
		char whole = text.data[i];

		for (unsigned bit = 0; bit < 8; bit++) {
			text.data[i] = (char)(whole ^ 1 << bit);
			assert_true(journal_parse(&again, text.data, text.length) < 0);
		}
		text.data[i] = whole;
	}
	for (size_t length = 0; length < text.length; length++)
		assert_true(journal_parse(&again, text.data, length) < 0);
	journal_clear(&journal);
	buffer_free(&text);
}

static int parse_first(struct journal *journal, const char *done, const char *rest)
{
	char sector[SECTOR + 1], text[2048];

	snprintf(sector, sizeof(sector),
		 "{\"version\": 1, \"done_bytes\": %s, \"sample\": \"\", \"part_modified\": \"\",",
		 done);
	snprintf(text, sizeof(text), "%-512s%s", sector, rest);
	return journal_parse(journal, text, strlen(text));
}

static void test_the_first_version(void **state)
{
	static const char rest[] = "\n  \"part_inode\": 5,\n  \"part_device\": \"8:1\",\n"
				   "  \"part_born\": \"\",\n  \"size_bytes\": 81920,\n"
				   "  \"etag\": \"\\\"v1\\\"\",\n  \"last_modified\": \"\",\n"
				   "  \"url\": \"http://a/\"\n}";
	static const struct {
		const char *done;
		uint64_t claimed;
	} firsts[] = {{"0", 0}, {"4095", 0}, {"50000", 49152}, {"81920", 81920}};
	static const char *const wrong[] = {"81921", "-1", "\"5\"", "5.0", "null", "[[0,1]]"};
	struct journal journal;

	for (size_t i = 0; i < sizeof(firsts) / sizeof(*firsts); i++) {
		assert_int_equal(parse_first(&journal, firsts[i].done, rest), 0);
		assert_int_equal(intervals_prefix(&journal.done), firsts[i].claimed);
		assert_int_equal(intervals_end(&journal.done), firsts[i].claimed);
		journal_clear(&journal);
	}
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		assert_int_equal(parse_first(&journal, wrong[i], rest), -EINVAL);
	/* Somebody wrote it anew: it could not be brought up to date in place. */
	assert_int_equal(parse_first(&journal, "0", rest + 1), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole_blocks_are_claimed),
		cmocka_unit_test(test_the_smallest_are_left_out),
		cmocka_unit_test(test_damage_anywhere_is_seen),
		cmocka_unit_test(test_the_first_version),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
