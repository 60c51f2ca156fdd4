/* SPDX-License-Identifier: MIT */
/* The counters of write-back in /proc/vmstat, in bytes. */
#ifndef SLUICE_TUNE_VMSTAT_H
#define SLUICE_TUNE_VMSTAT_H

#include <stdint.h>

struct tune_vmstat {
	uint64_t dirty, writeback, written, dirty_threshold, background_threshold;
};

/* fd is /proc/vmstat, open; 0 or -errno. */
int tune_vmstat_read(int fd, struct tune_vmstat *vmstat);

#endif
