/* SPDX-License-Identifier: MIT */
#include "base/meter.h"

#include "base/sys.h"

#include <string.h>

static uint64_t system_calls(void)
{
	struct sys_counts counts;

	sys_counts_read(&counts);
	return sys_counts_total(&counts);
}

static double seconds_between(struct timeval from, struct timeval to)
{
	return (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_usec - from.tv_usec) / 1e6;
}

void meter_start(struct meter *meter)
{
	clock_gettime(CLOCK_MONOTONIC, &meter->time);
	getrusage(RUSAGE_SELF, &meter->usage);
	meter->system_calls = system_calls();
}

void meter_read(const struct meter *meter, struct sluice_bill *bill)
{
	struct meter now;
	const struct rusage *before = &meter->usage, *after = &now.usage;

	meter_start(&now);
	bill->seconds = (double)(now.time.tv_sec - meter->time.tv_sec) +
			(double)(now.time.tv_nsec - meter->time.tv_nsec) / 1e9;
	bill->cpu_user_seconds = seconds_between(before->ru_utime, after->ru_utime);
	bill->cpu_system_seconds = seconds_between(before->ru_stime, after->ru_stime);
	bill->system_calls = now.system_calls - meter->system_calls;
	bill->context_switches_voluntary = (uint64_t)(after->ru_nvcsw - before->ru_nvcsw);
	bill->context_switches_involuntary = (uint64_t)(after->ru_nivcsw - before->ru_nivcsw);
}

static void add_share(struct sluice_bill *bill, const char *path, uint64_t bytes)
{
	for (unsigned i = 0; i < bill->path_count; i++) {
		if (strcmp(bill->paths[i].path, path) == 0) {
			bill->paths[i].bytes += bytes;
			return;
		}
	}
	if (bill->path_count < SLUICE_PATHS_MAX)
		bill->paths[bill->path_count++] = (struct sluice_path_bytes){path, bytes};
}

void bill_add(struct sluice_bill *bill, const char *path, uint64_t bytes)
{
	bill->bytes += bytes;
	add_share(bill, path, bytes);
}

void bill_merge(struct sluice_bill *bill, const struct sluice_bill *other)
{
	bill->bytes += other->bytes;
	bill->zerocopy_sends += other->zerocopy_sends;
	bill->zerocopy_copied += other->zerocopy_copied;
	for (unsigned i = 0; i < other->path_count; i++)
		add_share(bill, other->paths[i].path, other->paths[i].bytes);
}
