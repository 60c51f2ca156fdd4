/* SPDX-License-Identifier: MIT */
/* Which zeros become holes: each letter is a block, 0 one of zeros. */
#include "path/zeros.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define Z15 "000000000000000"
#define Z16 "0000000000000000"

static const struct row {
	const char *blocks, *stretches; /* a letter for each: h: hole, w: written */
} rows[] = {
	{"x", "w"},
	{"0", "h"},
	{"xxx", "w"},
	{"00x", "hw"},
	{"x00", "wh"},
	{"x0x", "w"},
	{"0x0", "hwh"},
	{"x" Z15 "x", "w"},
	{"x" Z16 "x", "whw"},
	{"x" Z16 "x0x" Z16 "0x", "whwhw"},
	{"x" Z15 "x" Z16, "wh"},
	{Z16 Z16, "h"},
};

/* Fills what the row says, without the last `cut` bytes. */
static char *fill(const char *blocks, size_t cut, size_t *length)
{
	size_t count = strlen(blocks);
	char *data = malloc(count * ZEROS_BLOCK);

	*length = count * ZEROS_BLOCK - cut;
	for (size_t i = 0; i < count; i++) {
		memset(data + i * ZEROS_BLOCK, 0, ZEROS_BLOCK);
		if (blocks[i] != '0')
			data[i * ZEROS_BLOCK + (cut ? 5 : ZEROS_BLOCK - 1)] = 1;
	}
	return data;
}

static void check(const struct row *row, size_t cut)
{
	size_t length, at = 0, count = 0;
	char *data = fill(row->blocks, cut, &length);
	char *seen = calloc(length / ZEROS_BLOCK + 2, 1);

	while (at < length) {
		bool are_zeros;
		size_t stretch = zeros_stretch(data + at, length - at, at == 0, &are_zeros);

		assert_true(stretch > 0 && stretch <= length - at);
		for (size_t i = at; are_zeros && i < at + stretch; i++)
			assert_int_equal(data[i], 0);
		seen[count++] = are_zeros ? 'h' : 'w';
		at += stretch;
	}
	assert_string_equal(seen, row->stretches);
	free(seen);
	free(data);
}

static void test_stretches(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		check(&rows[i], 0);
		check(&rows[i], 1000);
	}
	check(&(struct row){"x0", "wh"}, ZEROS_BLOCK - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_stretches)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
