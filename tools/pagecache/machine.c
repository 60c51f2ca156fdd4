/* SPDX-License-Identifier: MIT */
#include "pagecache/machine.h"

#include <stdio.h>
#include <string.h>

static void take(struct machine_counters *counters, const char *name, uint64_t value)
{
	if (strcmp(name, "pgpgin") == 0)
		counters->read_bytes = value << 10;
	else if (strcmp(name, "pgpgout") == 0)
		counters->written_bytes = value << 10;
	else if (strcmp(name, "workingset_refault_file") == 0 ||
		 strcmp(name, "workingset_refault") == 0) /* before Linux 5.9 */
		counters->refault_pages = value;
	else if (strcmp(name, "pgmajfault") == 0)
		counters->major_faults = value;
}

static void read_vmstat(struct machine_counters *counters)
{
	FILE *file = fopen("/proc/vmstat", "re");
	unsigned long long value;
	char name[64];

	while (file && fscanf(file, "%63s %llu", name, &value) == 2) {
		take(counters, name, value);
		counters->has_vmstat = true;
	}
	if (file)
		fclose(file);
}

static void read_pressure(struct machine_counters *counters)
{
	FILE *file = fopen("/proc/pressure/io", "re");
	unsigned long long total;

	if (!file)
		return;
	if (fscanf(file, "some avg10=%*f avg60=%*f avg300=%*f total=%llu", &total) == 1) {
		counters->stalled_us = total;
		counters->has_pressure = true;
	}
	fclose(file);
}

void machine_counters_read(struct machine_counters *counters)
{
	*counters = (struct machine_counters){0};
	read_vmstat(counters);
	read_pressure(counters);
}
