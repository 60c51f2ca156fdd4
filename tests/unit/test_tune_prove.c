/* SPDX-License-Identifier: MIT */
/* The arithmetic of the experiment: the simulation, the plan, and what runs come to. */
#include "tune/prove.h"

#include "base/size.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MB 1e6
#define GB 1e9

static double highest(const struct tune_curve *curve)
{
	double most = 0;

	for (unsigned i = 0; i < curve->count; i++)
		most = fmax(most, curve->bytes[i]);
	return most;
}

/* A burst that the background threshold holds is all in memory, and then drained by the sync. */
static void small_burst(void **state)
{
	struct tune_load load = {.fill_rate = GB,
				 .drain_rate = 100 * MB,
				 .burst_bytes = 100 * MB,
				 .background_bytes = 200 * MB,
				 .dirty_bytes = 400 * MB,
				 .wake_seconds = 5,
				 .expire_seconds = 30};
	struct tune_curve curve;

	tune_simulate(&load, &curve);
	assert_float_equal(curve.filled_seconds, 0.1, 0.01);
	assert_float_equal(curve.synced_seconds, 1.1, 0.03);
	assert_float_equal(highest(&curve), 100 * MB, 2 * MB);
	assert_int_equal(curve.wake_ups, 1);
}

/* Far beyond the limit: filled at the rate of the disk, round the set point, never above the limit.
 */
static void large_burst(void **state)
{
	struct tune_load load = {.fill_rate = GB,
				 .drain_rate = 100 * MB,
				 .burst_bytes = 2 * GB,
				 .background_bytes = 200 * MB,
				 .dirty_bytes = 400 * MB,
				 .wake_seconds = 5,
				 .expire_seconds = 30};
	struct tune_curve curve;

	tune_simulate(&load, &curve);
	assert_true(highest(&curve) <= 400 * MB + 1);
	/* half-way between 300 MB, where pacing begins, and 400 MB */
	assert_float_equal(tune_curve_at(&curve, curve.filled_seconds * 0.9), 350 * MB, 10 * MB);
	assert_float_equal(curve.synced_seconds, 20.2, 0.3); /* 2 GB at 100 MB/s, once it drains */
	assert_int_equal(curve.wake_ups, 1);
}

/* A disk faster than the writer: dirty stays at the background threshold. */
static void fast_disk(void **state)
{
	struct tune_load load = {.fill_rate = 100 * MB,
				 .drain_rate = GB,
				 .burst_bytes = GB,
				 .background_bytes = 200 * MB,
				 .dirty_bytes = 400 * MB,
				 .wake_seconds = 5,
				 .expire_seconds = 30};
	struct tune_curve curve;

	tune_simulate(&load, &curve);
	assert_float_equal(highest(&curve), 200 * MB, 5 * MB);
	assert_float_equal(curve.filled_seconds, 10, 0.1);
	assert_true(curve.wake_ups > 10);
}

/* Below the threshold, old pages go when the clock wakes the flusher. */
static void expiry(void **state)
{
	struct tune_load load = {.fill_rate = 10 * MB,
				 .drain_rate = GB,
				 .burst_bytes = 150 * MB,
				 .background_bytes = 200 * MB,
				 .dirty_bytes = 400 * MB,
				 .wake_seconds = 5,
				 .expire_seconds = 7};
	struct tune_curve curve;

	tune_simulate(&load, &curve);
	assert_float_equal(highest(&curve), 100 * MB, 3 * MB); /* of 10 s: the wake-up after 7 s */
	load.wake_seconds = 0; /* no clock: nothing before the sync */
	tune_simulate(&load, &curve);
	assert_float_equal(highest(&curve), 150 * MB, 3 * MB);
}

static void distance(void **state)
{
	struct tune_curve flat = {.step_seconds = 1, .count = 4, .bytes = {100, 100, 100, 100}};
	double seconds[] = {0, 1, 2, 3}, same[] = {100, 100, 100, 100},
	       half[] = {200, 200, 200, 200}, none[] = {0, 0, 0, 0};
	struct tune_curve longer = {.step_seconds = 1, .count = 2, .bytes = {100, 100}};

	longer.count = 2;
	assert_true(tune_curve_distance(&flat, seconds, none, 4) < 0);
	/* the curve's last point counts as its end */
	assert_float_equal(tune_curve_distance(&flat, seconds, half, 3), 0.75, 0.26);
	assert_true(tune_curve_distance(&flat, seconds, same, 3) < 0.51);
	assert_true(tune_curve_distance(&longer, seconds, same, 4) > 0.5);
}

static void plans(void **state)
{
	static const struct {
		uint64_t before, after, available, free, rate, burst;
		const char *cap;
	} rows[] = {
		{4 * GIB, GIB, 64 * GIB, 512 * GIB, 2 * GIB, 6 * GIB, NULL},
		{GIB, 4 * GIB, 64 * GIB, 512 * GIB, 2 * GIB, 6 * GIB, NULL},
		{MIB, MIB, 64 * GIB, 512 * GIB, 2 * GIB, 256 * MIB, NULL},
		{4 * GIB, GIB, 8 * GIB, 512 * GIB, 2 * GIB, 4 * GIB, "memory"},
		{4 * GIB, GIB, 64 * GIB, 8 * GIB, 2 * GIB, 2 * GIB, "free space"},
		{4 * GIB, GIB, 64 * GIB, 512 * GIB, 100 * MIB, 1500 * MIB, "disk"},
		{4 * GIB, GIB, 64 * GIB, 100 * MIB, 2 * GIB, 0, NULL},
		{4 * GIB, GIB, 64 * GIB, 512 * GIB, MIB, 0, NULL},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct prove_plan plan;
		struct sluice_error error;
		int result = prove_plan(&plan, rows[i].before, rows[i].after, rows[i].available,
					rows[i].free, rows[i].rate, &error);

		if (result != (rows[i].burst ? 0 : -ENOSPC))
			fail_msg("row %zu: %d", i, result);
		if (result < 0)
			continue;
		assert_int_equal(plan.burst_bytes, rows[i].burst);
		assert_int_equal(plan.is_capped, rows[i].cap != NULL);
		if (rows[i].cap)
			assert_non_null(strstr(plan.cap, rows[i].cap));
	}
}

/* A round whose fsyncs took these times. */
static void add_round(struct prove_side *side, double seconds, double longest)
{
	struct burst_run *run = side->runs[side->rounds++] = calloc(1, sizeof(*run));

	run->bytes = (uint64_t)GB;
	run->filled_seconds = seconds / 2;
	run->synced_seconds = seconds;
	run->fsyncs.count = 10;
	for (unsigned i = 0; i < run->fsyncs.count; i++)
		run->fsyncs.seconds[i] = longest * (i + 1) / run->fsyncs.count;
	run->longest_write_seconds = longest / 2;
}

static void free_rounds(struct prove_side *side)
{
	for (unsigned i = 0; i < side->rounds; i++)
		free(side->runs[i]);
}

static void verdicts(void **state)
{
	static const struct {
		double before_seconds, before_longest, after_seconds, after_longest;
		enum prove_verdict verdict;
		const char *words;
	} rows[] = {
		{1, 0.6, 1, 0.06, PROVE_HOLDS, "from 0.600 to 0.060 s (-90 %)"},
		{1, 0.6, 1, 0.3, PROVE_HOLDS, "(-50 %)"},
		{1, 0.6, 1, 0.31, PROVE_NO_EFFECT, "no such effect"},
		{1, 0.6, 1.1, 0.06, PROVE_NO_EFFECT, "no such effect"},
		{1, 0.6, 1.04, 0.06, PROVE_HOLDS, "1.00 to 0.96 GB/s"},
		{1, 0.6, 1, 0, PROVE_NOTHING_TO_DO, "nothing to prove"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct proof *proof = calloc(1, sizeof(*proof));

		for (int round = 0; round < 3; round++) {
			add_round(&proof->before, rows[i].before_seconds, rows[i].before_longest);
			if (rows[i].after_longest > 0)
				add_round(&proof->after, rows[i].after_seconds,
					  rows[i].after_longest);
		}
		prove_side_sum(&proof->before);
		prove_side_sum(&proof->after);
		prove_judge(proof);
		if (proof->verdict != rows[i].verdict || !strstr(proof->text, rows[i].words))
			fail_msg("row %zu: %s", i, proof->text);
		free_rounds(&proof->before);
		free_rounds(&proof->after);
		free(proof);
	}
}

static void sums(void **state)
{
	struct prove_side *side = calloc(1, sizeof(*side));

	add_round(side, 4, 0.1);
	add_round(side, 1, 0.5);
	add_round(side, 2, 0.2);
	prove_side_sum(side);
	assert_float_equal(side->rate.median, GB / 2, 1);
	assert_ptr_equal(side->middle, side->runs[2]);
	assert_float_equal(side->longest.max, 0.5, 1e-9);
	assert_float_equal(side->longest.median, 0.2, 1e-9);
	assert_float_equal(side->longest_write, 0.25, 1e-9);
	assert_int_equal(side->fsync_count, 30);
	assert_float_equal(side->fsync_p99, 0.5, 1e-9);
	assert_float_equal(side->fsync_p50, 0.1, 1e-9);
	free_rounds(side);
	free(side);
}

/* Rates are found again in samples that the simulation made. */
static void rates(void **state)
{
	struct proof *proof = calloc(1, sizeof(*proof));
	struct prove_options options = {.wake_seconds = 5, .expire_seconds = 30};
	struct tune_load load = {.fill_rate = GB,
				 .drain_rate = 200 * MB,
				 .burst_bytes = 2 * GB,
				 .background_bytes = 400 * MB,
				 .dirty_bytes = 800 * MB};
	struct tune_curve *curve = calloc(1, sizeof(*curve));
	struct burst_run *run;
	double begun = 0;

	tune_simulate(&load, curve);
	add_round(&proof->before, curve->synced_seconds, 0.1);
	run = proof->before.runs[0];
	run->bytes = (uint64_t)load.burst_bytes;
	run->background_bytes = (uint64_t)load.background_bytes;
	run->dirty_bytes = (uint64_t)load.dirty_bytes;
	run->filled_seconds = curve->filled_seconds;
	for (unsigned i = 0; i < curve->count; i++) {
		double now = curve->step_seconds * i;

		if (begun <= 0 && curve->bytes[i] >= load.background_bytes)
			begun = now;
		run->sample_seconds[i] = now;
		run->dirty[i] = curve->bytes[i];
		run->written[i] = begun > 0 ? fmin((now - begun) * load.drain_rate, 2 * GB) : 0;
	}
	run->sample_count = curve->count;
	prove_side_sum(&proof->before);
	prove_rates(proof);
	assert_float_equal(proof->fill_rate, load.fill_rate, 0.02 * load.fill_rate);
	assert_float_equal(proof->drain_rate, load.drain_rate, 0.02 * load.drain_rate);
	prove_simulate(proof, &options);
	assert_true(proof->before.distance < 0.03);
	free_rounds(&proof->before);
	free(curve);
	free(proof);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(small_burst), cmocka_unit_test(large_burst),
		cmocka_unit_test(fast_disk),   cmocka_unit_test(expiry),
		cmocka_unit_test(distance),    cmocka_unit_test(plans),
		cmocka_unit_test(verdicts),    cmocka_unit_test(sums),
		cmocka_unit_test(rates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
