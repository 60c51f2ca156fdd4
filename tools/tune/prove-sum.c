/* SPDX-License-Identifier: MIT */
/* What the runs of the experiment come to. Pure. */
#include "tune/prove.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HALF         0.5
#define LOSS_ALLOWED 0.05

static int by_value(const void *a, const void *b)
{
	double one = *(const double *)a, other = *(const double *)b;

	return (one > other) - (one < other);
}

static double rate_of(const struct burst_run *run)
{
	return (double)run->bytes / run->synced_seconds;
}

static double longest_of(const struct burst_latencies *latencies)
{
	double longest = 0;

	for (unsigned i = 0; i < latencies->count; i++)
		longest = fmax(longest, latencies->seconds[i]);
	return longest;
}

/* The value that a part of them does not exceed, by nearest rank. */
static double rank(const double *sorted, size_t count, double part)
{
	size_t place = count ? (size_t)ceil(part * (double)count) : 0;

	return count ? sorted[place ? place - 1 : 0] : 0;
}

/* The latencies of all rounds, sorted; to be freed. */
static double *pool(const struct prove_side *side, bool is_fsync, size_t *count)
{
	double *all = calloc((size_t)PROVE_ROUNDS * BURST_LATENCIES, sizeof(*all));

	*count = 0;
	for (unsigned i = 0; all && i < side->rounds; i++) {
		const struct burst_latencies *one =
			is_fsync ? &side->runs[i]->fsyncs : &side->runs[i]->reads;

		memcpy(all + *count, one->seconds, one->count * sizeof(*all));
		*count += one->count;
	}
	if (all)
		qsort(all, *count, sizeof(*all), by_value);
	return all;
}

static void sum_latencies(struct prove_side *side)
{
	size_t count;
	double *all = pool(side, true, &count);

	side->fsync_count = (unsigned)count;
	side->fsync_p50 = all ? rank(all, count, 0.5) : 0;
	side->fsync_p99 = all ? rank(all, count, 0.99) : 0;
	free(all);
	all = pool(side, false, &count);
	side->read_p99 = all ? rank(all, count, 0.99) : 0;
	side->longest_read = all && count ? all[count - 1] : 0;
	free(all);
}

void prove_side_sum(struct prove_side *side)
{
	double rates[PROVE_ROUNDS], longest[PROVE_ROUNDS], nearest = INFINITY;

	if (side->rounds == 0)
		return;
	for (unsigned i = 0; i < side->rounds; i++) {
		rates[i] = rate_of(side->runs[i]);
		longest[i] = longest_of(&side->runs[i]->fsyncs);
		side->longest_write =
			fmax(side->longest_write, side->runs[i]->longest_write_seconds);
	}
	side->rate = measure_spread_of(rates, side->rounds);
	side->longest = measure_spread_of(longest, side->rounds);
	for (unsigned i = 0; i < side->rounds; i++) {
		double distance = fabs(rate_of(side->runs[i]) - side->rate.median);

		if (distance >= nearest)
			continue;
		nearest = distance;
		side->middle = side->runs[i];
	}
	sum_latencies(side);
}

/* How fast dirty grew before the flusher had anything to do with it. */
static double fill_rate_of(const struct burst_run *run)
{
	double first = run->dirty[0], rate = 0;

	for (unsigned i = 1; i < run->sample_count; i++) {
		if (run->dirty[i] > (double)run->background_bytes || run->written[i] > 0)
			break;
		if (run->sample_seconds[i] > run->sample_seconds[0])
			rate = (run->dirty[i] - first) /
			       (run->sample_seconds[i] - run->sample_seconds[0]);
	}
	return rate > 0 ? rate : (double)run->bytes / run->filled_seconds;
}

/* From when the flusher began to when the sync was over. */
static double drain_rate_of(const struct burst_run *run)
{
	unsigned from = 0, to = 0;

	while (from + 1 < run->sample_count && run->written[from + 1] <= 0)
		from++;
	for (to = from; to + 1 < run->sample_count; to++)
		if (run->sample_seconds[to] >= run->synced_seconds)
			break;
	if (to == from || run->written[to] <= run->written[from])
		return rate_of(run);
	return (run->written[to] - run->written[from]) /
	       (run->sample_seconds[to] - run->sample_seconds[from]);
}

void prove_rates(struct proof *proof)
{
	proof->fill_rate = fill_rate_of(proof->before.middle);
	proof->drain_rate = drain_rate_of(proof->before.middle);
}

static void simulate_side(const struct proof *proof, struct prove_side *side,
			  const struct prove_options *options)
{
	const struct burst_run *run = side->middle;
	struct tune_load load = {
		.fill_rate = proof->fill_rate,
		.drain_rate = proof->drain_rate,
		.burst_bytes = (double)run->bytes,
		.start_bytes = run->sample_count ? run->dirty[0] : 0,
		.background_bytes = (double)run->background_bytes,
		.dirty_bytes = (double)run->dirty_bytes,
		.wake_seconds = options->wake_seconds,
		.expire_seconds = options->expire_seconds,
	};

	tune_simulate(&load, &side->simulation);
	side->distance = tune_curve_distance(&side->simulation, run->sample_seconds, run->dirty,
					     run->sample_count);
}

void prove_simulate(struct proof *proof, const struct prove_options *options)
{
	simulate_side(proof, &proof->before, options);
	if (proof->after.rounds)
		simulate_side(proof, &proof->after, options);
}

#define SAY(...) snprintf(proof->text, sizeof(proof->text), __VA_ARGS__)

void prove_judge(struct proof *proof)
{
	const struct prove_side *before = &proof->before, *after = &proof->after;
	double stall = 0, rate = 0;

	if (!after->rounds) {
		proof->verdict = PROVE_NOTHING_TO_DO;
		SAY("The advice changes nothing on this machine, so there is nothing to prove: as "
		    "it is, the "
		    "longest of %u fsyncs beside a burst of %.1f GB took %.3f s, and the burst "
		    "reached "
		    "the disk at %.2f GB/s. A shorter --wait asks for shorter stalls.",
		    before->fsync_count, (double)proof->plan.burst_bytes / 1e9, before->longest.max,
		    before->rate.median / 1e9);
		return;
	}
	stall = after->longest.max / before->longest.max;
	rate = after->rate.median / before->rate.median;
	proof->verdict = stall <= HALF && rate >= 1 - LOSS_ALLOWED ? PROVE_HOLDS : PROVE_NO_EFFECT;
	SAY("%s: the longest fsync went from %.3f to %.3f s (%+.0f %%), the burst's way to the "
	    "disk from "
	    "%.2f to %.2f GB/s (%+.0f %%).%s",
	    proof->verdict == PROVE_HOLDS ? "The advice helps this machine"
					  : "This machine shows no such effect",
	    before->longest.max, after->longest.max, (stall - 1) * 100, before->rate.median / 1e9,
	    after->rate.median / 1e9, (rate - 1) * 100,
	    proof->verdict == PROVE_HOLDS ? ""
					  : " The criterion is a longest fsync of at most half, "
					    "and a burst at most 5 % slower.");
}
