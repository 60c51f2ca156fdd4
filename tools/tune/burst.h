/* SPDX-License-Identifier: MIT */
/*
 * One burst and what it does to others, in a process of its own: a writer that fills the page cache
 * as fast as it can and then syncs; a small append and fsync every 100 ms; a reader of a file that
 * is in the page cache; and what is dirty, every 10 ms.
 *
 * The burst writes over pages that are in the cache already, so that it measures write-back and not
 * how fast memory is found. The files have no name: nothing stays behind, whatever happens.
 */
#ifndef SLUICE_TUNE_BURST_H
#define SLUICE_TUNE_BURST_H

#include "sluice.h"

#include <stdint.h>

enum { BURST_SAMPLES = 16384, BURST_LATENCIES = 16384 };

struct burst_files {
	int burst, hot, log;
};

struct burst_latencies {
	unsigned count;
	double seconds[BURST_LATENCIES];
};

/* Shared with the process that makes the burst. Times are seconds since the burst began. */
struct burst_run {
	struct sluice_error error; /* code 0: it came to its end */
	uint64_t bytes;
	double filled_seconds, synced_seconds, longest_write_seconds;
	uint64_t background_bytes, dirty_bytes; /* the thresholds that the kernel worked with */
	struct burst_latencies fsyncs, reads;
	unsigned sample_count;
	double sample_seconds[BURST_SAMPLES];
	double dirty[BURST_SAMPLES];   /* bytes dirty or under write-back, of the whole machine */
	double written[BURST_SAMPLES]; /* bytes written back since the burst began */
};

/* Makes the files in this directory and fills them. */
int burst_files_open(struct burst_files *files, const char *directory, uint64_t bytes,
		     void (*progress)(void *, double), void *argument, struct sluice_error *error);
void burst_files_close(struct burst_files *files);

/* The whole of one run; made by the child, which ends with it. */
void burst_make(const struct burst_files *files, uint64_t bytes, struct burst_run *run);

/* A file without a name in this directory. */
int burst_unnamed_file(const char *directory, struct sluice_error *error);

#endif
