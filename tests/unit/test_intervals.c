/* SPDX-License-Identifier: MIT */
/* Sets of stretches of a file: a table, and a model that knows each byte. */
#include "landing/intervals.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define END UINT64_MAX

static void assert_set(const struct intervals *set, const struct interval *wanted, unsigned count)
{
	assert_int_equal(set->count, count);
	for (unsigned i = 0; i < count; i++) {
		assert_int_equal(set->at[i].from, wanted[i].from);
		assert_int_equal(set->at[i].to, wanted[i].to);
	}
}

static void test_what_overlaps_or_touches_is_one(void **state)
{
	static const struct {
		struct interval add[4], wanted[4];
	} rows[] = {
		{{{0, 5}}, {{0, 5}}},
		{{{5, 5}, {7, 3}}, {{0}}}, /* nothing is added */
		{{{0, 5}, {5, 9}}, {{0, 9}}},
		{{{5, 9}, {0, 5}}, {{0, 9}}},
		{{{0, 5}, {6, 9}}, {{0, 5}, {6, 9}}},
		{{{6, 9}, {0, 5}}, {{0, 5}, {6, 9}}},
		{{{0, 2}, {8, 9}, {4, 5}}, {{0, 2}, {4, 5}, {8, 9}}},
		{{{0, 2}, {8, 9}, {4, 5}, {1, 8}}, {{0, 9}}},
		{{{0, 9}, {3, 4}}, {{0, 9}}},
		{{{3, 4}, {0, 9}}, {{0, 9}}},
		{{{0, 1}, {2, 3}, {4, 5}, {2, 4}}, {{0, 1}, {2, 5}}},
		{{{10, END}, {END - 1, END}, {0, 10}}, {{0, END}}},
	};

	for (size_t row = 0; row < sizeof(rows) / sizeof(*rows); row++) {
		struct intervals set = {0};
		unsigned count = 0;

		for (unsigned i = 0; i < 4; i++)
			intervals_add(&set, rows[row].add[i].from, rows[row].add[i].to);
		while (count < 4 && rows[row].wanted[count].to > 0)
			count++;
		assert_set(&set, rows[row].wanted, count);
	}
}

static void test_gaps(void **state)
{
	static const struct {
		struct interval has[2];
		uint64_t from, end;
		struct interval gap;
	} rows[] = {
		{{{0}}, 0, 10, {0, 10}},
		{{{0}}, 4, 10, {4, 10}},
		{{{0}}, 10, 10, {10, 10}},
		{{{0, 3}}, 0, 10, {3, 10}},
		{{{0, 10}}, 0, 10, {10, 10}},
		{{{0, 20}}, 0, 10, {10, 10}},
		{{{4, 6}}, 0, 10, {0, 4}},
		{{{4, 6}}, 4, 10, {6, 10}},
		{{{4, 6}}, 5, 10, {6, 10}},
		{{{4, 6}}, 6, 10, {6, 10}},
		{{{4, 6}, {8, 9}}, 5, 10, {6, 8}},
		{{{4, 6}, {8, 9}}, 8, 10, {9, 10}},
		{{{4, 6}, {8, 10}}, 8, 10, {10, 10}},
		{{{4, 6}, {12, 14}}, 6, 10, {6, 10}},
		{{{0, 6}}, 0, END, {6, END}},
	};

	for (size_t row = 0; row < sizeof(rows) / sizeof(*rows); row++) {
		struct intervals set = {0};
		struct interval gap;

		for (unsigned i = 0; i < 2; i++)
			intervals_add(&set, rows[row].has[i].from, rows[row].has[i].to);
		gap = intervals_gap(&set, rows[row].from, rows[row].end);
		assert_int_equal(gap.from, rows[row].gap.from);
		assert_int_equal(gap.to, rows[row].gap.to);
	}
}

static void test_sums(void **state)
{
	struct intervals set = {0}, other = {0};

	assert_int_equal(intervals_total(&set), 0);
	assert_int_equal(intervals_end(&set), 0);
	assert_int_equal(intervals_prefix(&set), 0);
	assert_true(intervals_equal(&set, &other));
	intervals_add(&set, 5, 9);
	assert_int_equal(intervals_prefix(&set), 0);
	assert_false(intervals_equal(&set, &other));
	intervals_add(&set, 0, 2);
	assert_int_equal(intervals_prefix(&set), 2);
	assert_int_equal(intervals_total(&set), 6);
	assert_int_equal(intervals_end(&set), 9);
	intervals_add(&other, 1, 6);
	intervals_merge(&other, &set);
	assert_set(&other, (struct interval[]){{0, 9}}, 1);
}

/* The smallest, and of equal ones the last: what is near the start continues a prefix. */
static void test_too_many_forget_the_smallest(void **state)
{
	struct intervals set = {0};

	for (unsigned i = 0; i < INTERVALS_MAX; i++)
		intervals_add(&set, 100 * i, 100 * i + 10);
	assert_int_equal(set.count, INTERVALS_MAX);
	intervals_add(&set, 100 * INTERVALS_MAX, 100 * INTERVALS_MAX + 50);
	assert_int_equal(set.count, INTERVALS_MAX);
	assert_int_equal(set.at[INTERVALS_MAX - 1].from, 100 * INTERVALS_MAX);
	assert_int_equal(set.at[INTERVALS_MAX - 2].from, 100 * (INTERVALS_MAX - 2));
	intervals_add(&set, 50, 51);
	assert_int_equal(set.at[1].from, 100);
	/* What joins two of them needs no room. */
	intervals_add(&set, 10, 100);
	assert_int_equal(set.at[0].to, 110);
	assert_int_equal(set.count, INTERVALS_MAX - 1);
}

enum { BYTES = 1000 };

static void assert_like(const struct intervals *set, const bool has[BYTES])
{
	for (unsigned i = 0; i < set->count; i++) {
		assert_true(set->at[i].from < set->at[i].to);
		if (i > 0)
			assert_true(set->at[i - 1].to < set->at[i].from);
	}
	for (uint64_t i = 0; i < BYTES; i++)
		assert_int_equal(intervals_gap(set, i, i + 1).from > i, has[i]);
}

static void test_like_a_model(void **state)
{
	uint32_t random = 7;

	for (unsigned round = 0; round < 200; round++) {
		struct intervals set = {0};
		bool has[BYTES] = {false};

		for (unsigned i = 0; i < INTERVALS_MAX / 2; i++) {
			uint64_t from, to;

			random = random * 1664525 + 1013904223;
			from = (random >> 8) % BYTES;
			to = from + (random >> 20) % 40;
			to = to > BYTES ? BYTES : to;
			intervals_add(&set, from, to);
			memset(has + from, true, to - from);
		}
		assert_like(&set, has);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_overlaps_or_touches_is_one),
		cmocka_unit_test(test_gaps),
		cmocka_unit_test(test_sums),
		cmocka_unit_test(test_too_many_forget_the_smallest),
		cmocka_unit_test(test_like_a_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
