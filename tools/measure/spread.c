/* SPDX-License-Identifier: MIT */
#include "measure/spread.h"

#include <stdlib.h>

#define NOISY_SHARE 0.1

static int compare(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;

	return (a > b) - (a < b);
}

struct measure_spread measure_spread_of(double *values, size_t count)
{
	qsort(values, count, sizeof(*values), compare);
	return (struct measure_spread){
		.median = (values[(count - 1) / 2] + values[count / 2]) / 2,
		.min = values[0],
		.max = values[count - 1],
	};
}

bool measure_spread_is_noisy(const struct measure_spread *spread)
{
	return spread->max - spread->min > NOISY_SHARE * spread->median;
}
