/* SPDX-License-Identifier: MIT */
/* What several measurements of one thing come to. */
#ifndef SLUICE_LAB_SPREAD_H
#define SLUICE_LAB_SPREAD_H

#include <stdbool.h>
#include <stddef.h>

struct lab_spread {
	double median, min, max;
};

/* Of count > 0 values, which it sorts. */
struct lab_spread lab_spread_of(double *values, size_t count);

/* The values lie further apart than a tenth of their median: the machine was not quiet. */
bool lab_spread_is_noisy(const struct lab_spread *spread);

#endif
