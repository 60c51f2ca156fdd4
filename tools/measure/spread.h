/* SPDX-License-Identifier: MIT */
/* What several measurements of one thing come to. */
#ifndef SLUICE_MEASURE_SPREAD_H
#define SLUICE_MEASURE_SPREAD_H

#include <stdbool.h>
#include <stddef.h>

struct measure_spread {
	double median, min, max;
};

/* Of count > 0 values, which it sorts. */
struct measure_spread measure_spread_of(double *values, size_t count);

/* The values lie further apart than a tenth of their median: the machine was not quiet. */
bool measure_spread_is_noisy(const struct measure_spread *spread);

#endif
