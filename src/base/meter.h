/* SPDX-License-Identifier: MIT */
/*
 * Measures what the process or a thread spends between two moments: the figures of a bill.
 *
 * Both moments are marked by getrusage(2), which nothing else here calls: only calls between the
 * two are counted.
 */
#ifndef SLUICE_BASE_METER_H
#define SLUICE_BASE_METER_H

#include "base/bill.h"

#include <sys/resource.h>

struct meter {
	int who;        /* RUSAGE_SELF or RUSAGE_THREAD */
	double seconds; /* of the clock */
	struct rusage usage;
	struct sys_counts calls;
};

void meter_start(struct meter *meter);
/* Of the calling thread alone, which then reads it. */
void meter_start_thread(struct meter *meter);
double meter_seconds(const struct meter *meter); /* since the start */
/* Fills the time, CPU, system-call and context-switch figures of the bill, and no others. */
void meter_read(const struct meter *meter, struct bill *bill);

#endif
