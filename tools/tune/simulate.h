/* SPDX-License-Identifier: MIT */
/*
 * Write-back as arithmetic: what is dirty over time while somebody fills and the flusher drains.
 * Pure.
 *
 * The kernel's rules that it keeps (mm/page-writeback.c): the flusher starts above the background
 * threshold and stops below it; writers run free up to half-way between the thresholds; above, they
 * are paced round what the kernel has learned of the drain rate, by how far dirty is from its set
 * point, and stand at the limit; pages older than the expiry go at the next wake-up; a final sync
 * drains all.
 */
#ifndef SLUICE_TUNE_SIMULATE_H
#define SLUICE_TUNE_SIMULATE_H

#include <stddef.h>

struct tune_load {
	double fill_rate, drain_rate; /* bytes per second, neither held up by the other */
	double burst_bytes;           /* all that is filled, followed by a sync */
	double start_bytes;           /* dirty before */
	double background_bytes, dirty_bytes;
	double wake_seconds, expire_seconds; /* of the flusher's clock; 0: it has none */
};

#define TUNE_CURVE    2048
#define TUNE_WAKE_UPS 256

struct tune_curve {
	double step_seconds; /* between two points, the first at 0 */
	unsigned count;
	double bytes[TUNE_CURVE];
	unsigned wake_ups;                     /* of the flusher */
	double wake_up_seconds[TUNE_WAKE_UPS]; /* of the first ones */
	double filled_seconds;                 /* when the burst was all in the cache */
	double synced_seconds;                 /* and all on the disk */
};

/* Rates and the limit must be above 0; gives up after TUNE_SIMULATED_SECONDS. */
#define TUNE_SIMULATED_SECONDS 600
void tune_simulate(const struct tune_load *load, struct tune_curve *curve);

/* What the curve says of a moment; 0 behind its end. */
double tune_curve_at(const struct tune_curve *curve, double seconds);

/*
 * The area between the curve and what was measured at count rising moments, as a part of the area
 * under the latter; -1 where that is 0.
 */
double tune_curve_distance(const struct tune_curve *curve, const double *seconds,
			   const double *bytes, size_t count);

#endif
