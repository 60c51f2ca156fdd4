/* SPDX-License-Identifier: MIT */
/* Measures what the process spends between two moments: the figures of a bill. */
#ifndef SLUICE_BASE_METER_H
#define SLUICE_BASE_METER_H

#include "sluice.h"

#include <sys/resource.h>
#include <time.h>

struct meter {
	struct timespec time;
	struct rusage usage;
	uint64_t system_calls;
};

void meter_start(struct meter *meter);
/* Fills the time, CPU, system-call and context-switch figures of the bill, and no others. */
void meter_read(const struct meter *meter, struct sluice_bill *bill);

/* Adds bytes to the bill's total and to the path's share; path is a static string. */
void bill_add(struct sluice_bill *bill, const char *path, uint64_t bytes);
/* Adds the bytes, paths and zerocopy figures of other, and nothing else. */
void bill_merge(struct sluice_bill *bill, const struct sluice_bill *other);

#endif
