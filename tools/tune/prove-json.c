/* SPDX-License-Identifier: MIT */
/* The proof as a document: for --json, and for the page that tools/measure/page/prove.js draws. */
#include "tune/prove.h"

#include <jansson.h>

static json_t *spread_json(const struct measure_spread *spread)
{
	return json_pack("{s:f, s:f, s:f}", "median", spread->median, "min", spread->min, "max",
			 spread->max);
}

static json_t *known_distance(double distance)
{
	return distance < 0 ? json_null() : json_real(distance);
}

/* [[seconds, dirty bytes, written bytes]...] */
static json_t *samples_json(const struct burst_run *run)
{
	json_t *samples = json_array();

	for (unsigned i = 0; i < run->sample_count; i++)
		json_array_append_new(samples, json_pack("[f, I, I]", run->sample_seconds[i],
							 (json_int_t)run->dirty[i],
							 (json_int_t)run->written[i]));
	return samples;
}

static json_t *curve_json(const struct tune_curve *curve)
{
	enum { POINTS = 512 };
	unsigned step = curve->count / POINTS + 1;
	json_t *points = json_array();

	for (unsigned i = 0; i < curve->count; i += step)
		json_array_append_new(points, json_pack("[f, I]", curve->step_seconds * i,
							(json_int_t)curve->bytes[i]));
	return points;
}

static json_t *wake_ups_json(const struct tune_curve *curve)
{
	json_t *moments = json_array();

	for (unsigned i = 0; i < curve->wake_ups && i < TUNE_WAKE_UPS; i++)
		json_array_append_new(moments, json_real(curve->wake_up_seconds[i]));
	return moments;
}

static json_t *simulation_json(const struct prove_side *side)
{
	return json_pack("{s:o, s:f, s:f, s:i, s:o, s:o}", "distance_ratio",
			 known_distance(side->distance), "filled_seconds",
			 side->simulation.filled_seconds, "synced_seconds",
			 side->simulation.synced_seconds, "wake_ups",
			 (int)side->simulation.wake_ups, "wake_up_seconds",
			 wake_ups_json(&side->simulation), "curve", curve_json(&side->simulation));
}

static json_t *side_json(const struct prove_side *side)
{
	const struct burst_run *run = side->middle;

	if (!side->rounds)
		return json_null();
	return json_pack(
		"{s:i, s:I, s:I, s:o, s:o, s:f, s:f, s:f, s:i, s:f, s:f, s:f, s:f, s:f, s:o, s:o}",
		"rounds", (int)side->rounds, "dirty_background_bytes",
		(json_int_t)run->background_bytes, "dirty_bytes", (json_int_t)run->dirty_bytes,
		"rate_bytes_per_second", spread_json(&side->rate),
		"longest_fsync_seconds_per_round", spread_json(&side->longest),
		"longest_fsync_seconds", side->longest.max, "fsync_p99_seconds", side->fsync_p99,
		"fsync_p50_seconds", side->fsync_p50, "fsync_count", (int)side->fsync_count,
		"longest_write_seconds", side->longest_write, "longest_read_seconds",
		side->longest_read, "read_p99_seconds", side->read_p99, "filled_seconds",
		run->filled_seconds, "synced_seconds", run->synced_seconds, "samples",
		samples_json(run), "simulation", simulation_json(side));
}

json_t *proof_json(const struct proof *proof)
{
	static const char *const verdicts[] = {"nothing to change", "holds", "no such effect"};

	return json_pack("{s:I, s:o, s:f, s:f, s:f, s:o, s:o, s:s, s:s}", "burst_bytes",
			 (json_int_t)proof->plan.burst_bytes, "burst_is_capped_by",
			 proof->plan.is_capped ? json_string(proof->plan.cap) : json_null(),
			 "fill_bytes_per_second", proof->fill_rate, "drain_bytes_per_second",
			 proof->drain_rate, "seconds", proof->seconds, "before",
			 side_json(&proof->before), "after", side_json(&proof->after), "verdict",
			 verdicts[proof->verdict], "text", proof->text);
}
