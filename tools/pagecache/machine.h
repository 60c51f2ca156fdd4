/* SPDX-License-Identifier: MIT */
/* What the whole machine's page cache does: counters of /proc/vmstat and /proc/pressure/io. */
#ifndef SLUICE_PAGECACHE_MACHINE_H
#define SLUICE_PAGECACHE_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

struct machine_counters {
	uint64_t read_bytes;    /* pgpgin: from block devices */
	uint64_t written_bytes; /* pgpgout */
	/* workingset_refault_file: pages read again that had been evicted not long before */
	uint64_t refault_pages;
	uint64_t major_faults; /* page faults that waited for a read */
	/* of /proc/pressure/io, time in which at least one task waited for I/O */
	uint64_t stalled_us;
	bool has_vmstat, has_pressure;
};

void machine_counters_read(struct machine_counters *counters);

#endif
