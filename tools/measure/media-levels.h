/* SPDX-License-Identifier: MIT */
/* How large the caches of a CPU are, and how large the working sets that show them. */
#ifndef SLUICE_MEASURE_MEDIA_LEVELS_H
#define SLUICE_MEASURE_MEDIA_LEVELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MEDIA_LEVELS 3

/* Bytes of L1 (data), L2, L3; 0 where there is no such cache. */
struct media_levels {
	uint64_t size[MEDIA_LEVELS];
	uint64_t line; /* of the first one */
};

/* What /sys tells in directory (.../cpuN/cache); false where it tells of no cache. */
bool media_levels_read(const char *directory, struct media_levels *levels);

/* A point of the latency curve: seconds for a load from a working set of that many bytes. */
struct media_point {
	uint64_t size;
	double seconds;
};

/*
 * Pure: finds the levels in a curve of growing sizes. A level is a stretch where the latency stays
 * about the same; it ends with the last size before the latency climbs. The last stretch is memory.
 */
void media_levels_from_curve(const struct media_point *points, size_t count,
			     struct media_levels *levels);

uint64_t media_levels_largest(const struct media_levels *levels);

/*
 * Pure: the working set that shows a level (memory is number MEDIA_LEVELS) and none above it, or 0
 * where that cannot be. It is some times the cache above, in which a walk in a circle then finds
 * nothing, and at most half of the level, since who else runs has a share of it: on shared machines
 * that can be most of it. Of available memory it takes at most a quarter.
 */
uint64_t media_levels_working_set(const struct media_levels *levels, unsigned level,
				  uint64_t available);

#endif
