/* SPDX-License-Identifier: MIT */
#include "tune/simulate.h"

#include <math.h>
#include <stdbool.h>

/* The kernel begins with a guess of the disk's rate, and learns the true one in about this time. */
#define GUESSED_RATE  100e6
#define LEARN_SECONDS 4.0

struct world {
	const struct tune_load *load;
	double now, dirty, filled;
	double learned_rate; /* of the disk, what writers are paced by */
	double oldest;       /* when the oldest dirty page became so */
	bool is_flushing;
};

/* What the writer may fill per second now. */
static double pace(const struct world *world)
{
	const struct tune_load *load = world->load;
	double free_run = (load->background_bytes + load->dirty_bytes) / 2;
	double set_point = (free_run + load->dirty_bytes) / 2;
	double distance, rate;

	if (world->dirty < free_run)
		return load->fill_rate;
	if (world->dirty >= load->dirty_bytes)
		return 0;
	distance = (set_point - world->dirty) / (load->dirty_bytes - set_point);
	rate = world->learned_rate * (1 + distance * distance * distance);
	return fmin(rate, load->fill_rate);
}

/* It learns only while it paces somebody. */
static void learn(struct world *world, double step)
{
	const struct tune_load *load = world->load;

	if (world->filled < load->burst_bytes &&
	    world->dirty >=
		    (load->background_bytes + load->dirty_bytes) / 2 - load->drain_rate * step)
		world->learned_rate +=
			(load->drain_rate - world->learned_rate) * step / LEARN_SECONDS;
}

static void fill(struct world *world, double step)
{
	double bytes = fmin(pace(world) * step, world->load->burst_bytes - world->filled);

	if (world->dirty <= 0)
		world->oldest = world->now;
	world->dirty += bytes;
	world->filled += bytes;
}

static bool is_at_wake_up(const struct world *world, double step)
{
	double wake = world->load->wake_seconds;

	return wake > 0 && floor((world->now + step) / wake) > floor(world->now / wake);
}

/* Whether the flusher works in this step. */
static bool is_due(struct world *world, double step)
{
	const struct tune_load *load = world->load;
	bool is_old = world->dirty > 0 && world->now - world->oldest >= load->expire_seconds;

	if (world->filled >= load->burst_bytes || world->dirty > load->background_bytes)
		return true;
	return is_old && (world->is_flushing || is_at_wake_up(world, step));
}

static void drain(struct world *world, double step, struct tune_curve *curve)
{
	bool is_flushing = is_due(world, step);

	if (is_flushing && !world->is_flushing) {
		if (curve->wake_ups < TUNE_WAKE_UPS)
			curve->wake_up_seconds[curve->wake_ups] = world->now;
		curve->wake_ups++;
	}
	world->is_flushing = is_flushing;
	if (is_flushing)
		world->dirty = fmax(world->dirty - world->load->drain_rate * step, 0);
	if (world->dirty <= 0)
		world->oldest = world->now;
}

/* An upper bound of the time that it takes: all filled, then all drained, each alone. */
static double longest(const struct tune_load *load)
{
	double bytes = load->burst_bytes + load->start_bytes;
	double slowest = fmin(load->fill_rate, load->drain_rate);

	return fmin(bytes / load->fill_rate + 2 * bytes / slowest, TUNE_SIMULATED_SECONDS);
}

void tune_simulate(const struct tune_load *load, struct tune_curve *curve)
{
	enum { FINE = 16 }; /* steps between two points */
	struct world world = {
		.load = load, .dirty = load->start_bytes, .learned_rate = GUESSED_RATE};
	double step;

	*curve = (struct tune_curve){.step_seconds = longest(load) / (TUNE_CURVE - 1)};
	step = curve->step_seconds / FINE;
	curve->bytes[curve->count++] = world.dirty;
	while (curve->count < TUNE_CURVE && curve->synced_seconds <= 0) {
		for (int i = 0; i < FINE; i++) {
			fill(&world, step);
			drain(&world, step, curve);
			learn(&world, step);
			world.now += step;
			if (curve->filled_seconds <= 0 && world.filled >= load->burst_bytes)
				curve->filled_seconds = world.now;
			if (curve->synced_seconds <= 0 && curve->filled_seconds > 0 &&
			    world.dirty <= 0)
				curve->synced_seconds = world.now;
		}
		curve->bytes[curve->count++] = world.dirty;
	}
}

double tune_curve_at(const struct tune_curve *curve, double seconds)
{
	double place = seconds / curve->step_seconds, part = place - floor(place);
	size_t before = (size_t)fmax(place, 0);

	if (seconds < 0 || before + 1 >= curve->count)
		return 0;
	return curve->bytes[before] * (1 - part) + curve->bytes[before + 1] * part;
}

double tune_curve_distance(const struct tune_curve *curve, const double *seconds,
			   const double *bytes, size_t count)
{
	double between = 0, under = 0, end = curve->step_seconds * curve->count;

	for (size_t i = 1; i < count; i++) {
		double width = seconds[i] - seconds[i - 1];

		under += width * (bytes[i] + bytes[i - 1]) / 2;
		between += width *
			   (fabs(bytes[i] - tune_curve_at(curve, seconds[i])) +
			    fabs(bytes[i - 1] - tune_curve_at(curve, seconds[i - 1]))) /
			   2;
	}
	/* What the curve still has where the measurement is over. */
	for (double at = count ? seconds[count - 1] : 0; at < end; at += curve->step_seconds)
		between += curve->step_seconds * tune_curve_at(curve, at);
	return under > 0 ? between / under : -1;
}
