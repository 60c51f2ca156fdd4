/* SPDX-License-Identifier: MIT */
#include "lab/spread.h"

#include <stdlib.h>

#define NOISY_SHARE 0.1

static int compare(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;

	return (a > b) - (a < b);
}

struct lab_spread lab_spread_of(double *values, size_t count)
{
	qsort(values, count, sizeof(*values), compare);
	return (struct lab_spread){
		.median = (values[(count - 1) / 2] + values[count / 2]) / 2,
		.min = values[0],
		.max = values[count - 1],
	};
}

bool lab_spread_is_noisy(const struct lab_spread *spread)
{
	return spread->max - spread->min > NOISY_SHARE * spread->median;
}
