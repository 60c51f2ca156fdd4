/* SPDX-License-Identifier: MIT */
/* The pure parts of sluice media: cache sizes from a latency curve, working sets, file sizes. */
#include "base/size.h"
#include "measure/media-levels.h"
#include "measure/media-private.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct curve {
	const char *name;
	uint64_t first; /* the sizes double from here */
	double nanoseconds[20];
	uint64_t sizes[MEDIA_LEVELS];
};

static const struct curve curves[] = {
	{"three levels",
	 8 * KIB,
	 {1.3, 1.3, 1.3, 3.8, 3.9, 3.9, 4.2, 12, 13, 13.4, 13.5, 14, 40, 75, 79, 80},
	 {32 * KIB, 512 * KIB, 16 * MIB}},
	{"the third level is shared with others",
	 8 * KIB,
	 {1.3, 1.3, 1.3, 3.8, 3.9, 3.9, 7.4, 15.5, 17.2, 100, 122, 134, 144, 148, 152, 155},
	 {32 * KIB, 256 * KIB, 2 * MIB}},
	{"two levels",
	 8 * KIB,
	 {2, 2, 2, 9, 9.1, 9.2, 9.6, 60, 110, 118, 120},
	 {32 * KIB, 512 * KIB}},
	{"one level", 8 * KIB, {2, 2, 2, 60, 61, 62}, {32 * KIB}},
	{"no cache shows", 8 * KIB, {60, 60, 61, 62, 62, 63}, {0}},
	{"the first is too large for the first size", 64 * KIB, {4, 4, 4, 14, 14, 14}, {256 * KIB}},
	{"a fourth level is not looked for",
	 8 * KIB,
	 {1, 1, 4, 4, 12, 12, 40, 40, 90, 90},
	 {16 * KIB, 64 * KIB, 256 * KIB}},
	{"a little noise",
	 8 * KIB,
	 {2.2, 2, 2.1, 8, 9, 8.6, 9.4, 60, 58, 61},
	 {32 * KIB, 512 * KIB}},
	{"nothing", 8 * KIB, {0}, {0}},
};

static void test_levels_from_curve(void **state)
{
	for (size_t i = 0; i < sizeof(curves) / sizeof(*curves); i++) {
		const struct curve *curve = &curves[i];
		struct media_point points[20];
		struct media_levels levels;
		size_t count = 0;

		for (; count < 20 && curve->nanoseconds[count] > 0; count++)
			points[count] = (struct media_point){curve->first << count,
							     curve->nanoseconds[count] * 1e-9};
		media_levels_from_curve(points, count, &levels);
		if (memcmp(levels.size, curve->sizes, sizeof(levels.size)) != 0)
			fail_msg("%s: %llu %llu %llu", curve->name,
				 (unsigned long long)levels.size[0],
				 (unsigned long long)levels.size[1],
				 (unsigned long long)levels.size[2]);
	}
}

static const struct working_set {
	uint64_t sizes[MEDIA_LEVELS];
	unsigned level;
	uint64_t available, set;
} working_sets[] = {
	{{32 * KIB, 512 * KIB, 32 * MIB}, 0, GIB, 16 * KIB},
	{{32 * KIB, 512 * KIB, 32 * MIB}, 1, GIB, 128 * KIB},
	{{32 * KIB, 512 * KIB, 32 * MIB}, 2, GIB, 2 * MIB},
	{{32 * KIB, 512 * KIB, 32 * MIB}, 3, 16 * GIB, 256 * MIB},
	{{32 * KIB, 512 * KIB, 32 * MIB}, 3, 512 * MIB, 128 * MIB},
	{{32 * KIB, 512 * KIB, 32 * MIB}, 3, 256 * MIB, 64 * MIB},
	{{32 * KIB, 512 * KIB, 32 * MIB}, 3, 255 * MIB, 0},
	{{32 * KIB, 512 * KIB, 96 * MIB}, 3, 16 * GIB, 512 * MIB},
	{{32 * KIB, 512 * KIB, 2 * MIB}, 3, 16 * GIB, 128 * MIB},
	{{32 * KIB, 512 * KIB, 2 * MIB}, 2, 16 * GIB, 1 * MIB},
	/* too little memory, no such level, and one that is hardly larger than the one above */
	{{32 * KIB, 512 * KIB, 32 * MIB}, 2, 4 * MIB, 0},
	{{32 * KIB, 512 * KIB, 0}, 2, GIB, 0},
	{{32 * KIB, MIB, 2 * MIB}, 2, GIB, 0},
	{{32 * KIB, 0, 8 * MIB}, 2, GIB, 128 * KIB},
	{{0, 0, 0}, 3, GIB, 128 * MIB},
};

static void test_working_sets(void **state)
{
	for (size_t i = 0; i < sizeof(working_sets) / sizeof(*working_sets); i++) {
		const struct working_set *row = &working_sets[i];
		struct media_levels levels = {.line = 64};

		memcpy(levels.size, row->sizes, sizeof(levels.size));
		if (media_levels_working_set(&levels, row->level, row->available) != row->set)
			fail_msg("row %zu: %llu", i,
				 (unsigned long long)media_levels_working_set(&levels, row->level,
									      row->available));
	}
}

static void test_levels_of_this_machine(void **state)
{
	struct media_levels levels;

	assert_false(media_levels_read("/nonexistent", &levels));
	assert_int_equal(media_levels_largest(&levels), 0);
	if (!media_levels_read("/sys/devices/system/cpu/cpu0/cache", &levels)) {
		print_message("/sys tells of no cache here\n");
		skip();
	}
	assert_true(levels.line >= 16 && levels.line <= 4096);
	assert_true(levels.size[0] >= 4 * KIB);
	assert_true(levels.size[1] == 0 || levels.size[1] > levels.size[0]);
}

static void test_file_sizes(void **state)
{
	assert_int_equal(media_file_size(0, 100 * GIB, 400 * GIB), GIB);
	assert_int_equal(media_file_size(0, 100 * GIB, 1000 * GIB), GIB);
	assert_int_equal(media_file_size(0, 21 * GIB, 400 * GIB), 256 * MIB);
	assert_int_equal(media_file_size(0, 300 * MIB, GIB), 0);
	assert_int_equal(media_file_size(0, 20 * GIB, 400 * GIB), 0);
	assert_int_equal(media_file_size(512 * MIB, GIB, 2 * GIB), 512 * MIB);
	assert_int_equal(media_file_size(GIB, GIB, 2 * GIB), 0);
	assert_int_equal(media_file_size(UINT64_MAX, GIB, 2 * GIB), 0);
}

static int sleep_a_little(void *argument, uint64_t count)
{
	double until = clock_seconds() + (double)count * 1e-6;

	while (clock_seconds() < until)
		;
	*(uint64_t *)argument = count;
	return 0;
}

static int refuse(void *argument, uint64_t count)
{
	return -5;
}

static void test_time_repeats_until_a_run_is_long(void **state)
{
	uint64_t count = 1, last = 0;
	double seconds;

	assert_int_equal(media_time(&count, sleep_a_little, &last, &seconds), 0);
	assert_true((double)last * seconds >= MEDIA_RUN_SECONDS);
	assert_int_equal(last, count);
	assert_int_equal(media_time(&count, refuse, NULL, &seconds), -5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_levels_from_curve),
		cmocka_unit_test(test_working_sets),
		cmocka_unit_test(test_levels_of_this_machine),
		cmocka_unit_test(test_file_sizes),
		cmocka_unit_test(test_time_repeats_until_a_run_is_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
