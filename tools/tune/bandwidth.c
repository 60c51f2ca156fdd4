/* SPDX-License-Identifier: MIT */
/*
 * The rate of write-back: dirty pages, and the time until a sync has them on the disk. Through the
 * page cache and the file system, since that is what an fsync and a throttled writer wait for; a
 * direct write may be faster or slower.
 */
#include "tune/gather.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/size.h"
#include "base/sys.h"
#include "measure/spread.h"
#include "tune/burst.h"
#include "tune/vmstat.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FIRST_BYTES    (32 * MIB)
#define MOST_BYTES     (512 * MIB)
#define ENOUGH_SECONDS 0.25
enum { REPEATS = 3 };

static int dirty_file(int fd, uint64_t bytes, const char *chunk)
{
	for (uint64_t offset = 0; offset < bytes;) {
		int64_t written = sys_pwrite(fd, chunk, size_min(MIB, bytes - offset), offset);

		if (written <= 0)
			return written < 0 ? (int)written : -EIO;
		offset += (uint64_t)written;
	}
	return 0;
}

/* What the sync wrote, not what had been written before it; the whole where that is not counted. */
static int time_sync(int fd, int vmstat, uint64_t bytes, const char *chunk, double *seconds,
		     double *rate)
{
	struct tune_vmstat before, after;
	int result = dirty_file(fd, bytes, chunk);
	double start, written;

	if (result == 0)
		result = tune_vmstat_read(vmstat, &before);
	start = clock_seconds();
	if (result == 0)
		result = sys_fsync(fd);
	*seconds = clock_seconds() - start;
	if (result == 0)
		result = tune_vmstat_read(vmstat, &after);
	if (result < 0)
		return result;
	written = (double)(after.written - before.written);
	*rate = (written > (double)bytes / 4 ? written : (double)bytes) / *seconds;
	return 0;
}

static int measure(int fd, int vmstat, uint64_t most, const char *chunk, double *rate)
{
	uint64_t bytes = size_min(FIRST_BYTES, most);
	double seconds, rates[REPEATS];
	int result;

	for (;;) {
		result = time_sync(fd, vmstat, bytes, chunk, &seconds, &rates[0]);
		if (result < 0 || seconds >= ENOUGH_SECONDS || bytes * 2 > most)
			break;
		bytes *= 2;
	}
	for (int i = 1; i < REPEATS && result == 0; i++)
		result = time_sync(fd, vmstat, bytes, chunk, &seconds, &rates[i]);
	*rate = result < 0 ? 0 : measure_spread_of(rates, REPEATS).median;
	return result;
}

int tune_measure_disk(struct tune_facts *facts, const char *directory, struct sluice_error *error)
{
	_cleanup_fd_ int fd = -1, vmstat = sys_open(AT_FDCWD, "/proc/vmstat", O_RDONLY, 0);
	_cleanup_free_ char *chunk = malloc(MIB);
	uint64_t most;
	double rate;
	int result = tune_free_space(directory, &most, error);

	if (result < 0)
		return result;
	if (vmstat < 0 || !chunk)
		return error_set_errno(error, vmstat < 0 ? -vmstat : ENOMEM,
				       "cannot measure the disk under %s", directory);
	most = size_min(size_min(most / 10, MOST_BYTES), facts->available_bytes / 10);
	if (most < MIB)
		return error_set(error, ENOSPC,
				 "too little is free in %s to measure its disk: free some, choose "
				 "another --folder, or tell the rate with --disk KIND:RATE",
				 directory);
	fd = burst_unnamed_file(directory, error);
	if (fd < 0)
		return fd;
	memset(chunk, 1, MIB);
	result = measure(fd, vmstat, most, chunk, &rate);
	if (result < 0)
		return error_set_errno(error, -result, "cannot measure the disk under %s",
				       directory);
	facts->disk_bytes_per_second = (uint64_t)rate;
	facts->is_disk_measured = true;
	return 0;
}
