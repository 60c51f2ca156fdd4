/* SPDX-License-Identifier: MIT */
/* How far ahead to read for peers of any rate, as a table. */
#include "path/appetite.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define KIB ((uint64_t)1 << 10)
#define MIB ((uint64_t)1 << 20)

/* A peer whose socket takes `burst` bytes each `every_ms`, for a while. */
static struct appetite after(uint64_t burst, uint64_t every_ms)
{
	struct appetite appetite = appetite_new(true, 1000);
	uint64_t now = 1000;

	for (int i = 0; i < 50; i++) {
		appetite_sent(&appetite, burst / 2, now);
		appetite_starved(&appetite, now);
		appetite_sent(&appetite, burst - burst / 2, now);
		appetite_full(&appetite, now);
		now += every_ms;
	}
	return appetite;
}

static void rates(void **state)
{
	static const struct {
		const char *name;
		uint64_t burst, every_ms, block;
		unsigned depth;
	} rows[] = {
		{"a trickle", 4 * KIB, 2000, 64 * KIB, 2},
		{"1.6 MB/s, by small sends", 16 * KIB, 10, 64 * KIB, 2},
		{"1.6 MB/s, by a megabyte at a time", MIB, 650, 64 * KIB, 2},
		{"100 MB/s", MIB, 10, 512 * KIB, 4},
		{"1 GB/s", MIB, 1, MIB, 16},
		{"faster than the clock", MIB, 0, MIB, 16},
		{"nothing at all", 0, 1000, MIB, 2},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct appetite appetite = after(rows[i].burst, rows[i].every_ms);

		print_message("%s: %zu KiB, %u\n", rows[i].name, appetite_block(&appetite) / KIB,
			      appetite_depth(&appetite));
		assert_int_equal(appetite_block(&appetite), rows[i].block);
		assert_int_equal(appetite_depth(&appetite), rows[i].depth);
	}
}

static void at_first(void **state)
{
	struct appetite rich = appetite_new(true, 5), poor = appetite_new(false, 5);

	assert_int_equal(appetite_block(&rich) * appetite_depth(&rich), 2 * MIB);
	assert_int_equal(appetite_block(&poor) * appetite_depth(&poor), 512 * KIB);
	/* Everybody waits for the first byte: that says nothing. */
	appetite_starved(&rich, 900);
	assert_int_equal(appetite_block(&rich) * appetite_depth(&rich), 2 * MIB);
}

/* A socket that is never full takes whatever the disk gives. */
static void a_disk_that_is_the_limit(void **state)
{
	struct appetite appetite = appetite_new(false, 0);

	for (uint64_t ms = 1; ms < 10; ms++) {
		appetite_sent(&appetite, 2 * MIB, ms);
		appetite_starved(&appetite, ms);
	}
	assert_int_equal(appetite_depth(&appetite), APPETITE_DEPTH);
	appetite_robbed(&appetite);
	assert_int_equal(appetite_block(&appetite) * appetite_depth(&appetite), 128 * KIB);
	appetite_sent(&appetite, UINT64_MAX / 2, 10);
	appetite_starved(&appetite, 10);
	assert_int_equal(appetite_block(&appetite) * appetite_depth(&appetite), 256 * KIB);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rates),
		cmocka_unit_test(at_first),
		cmocka_unit_test(a_disk_that_is_the_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
