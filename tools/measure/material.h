/* SPDX-License-Identifier: MIT */
/*
 * What is measured with: a file of random bytes, in the page cache or not, and files to receive
 * into. None of them has a name, so none can be left behind, whatever ends the process.
 */
#ifndef SLUICE_MEASURE_MATERIAL_H
#define SLUICE_MEASURE_MATERIAL_H

#include "sluice.h"

/* A new file without a name in the directory: a descriptor, or -errno. */
int measure_scratch_open(const char *directory, struct sluice_error *error);

uint64_t measure_random(uint64_t *seed); /* quick, and good enough to choose a place */

/*
 * Fills the file with size random bytes, no two pages alike, so that neither compression nor
 * deduplication below gains anything, and syncs it.
 */
int measure_fill_random(int fd, uint64_t size, struct sluice_error *error);

/*
 * Brings the file's pages into the page cache: at least 99.9 % of them, as cachestat(2) tells, or
 * by what probing shows where there is no such call. Else -EAGAIN.
 */
int measure_warm(int fd, uint64_t size, struct sluice_error *error);
/* Takes all of them out of it. -EAGAIN where some stay. */
int measure_cool(int fd, uint64_t size, struct sluice_error *error);

struct measure_room {
	uint64_t disk_bytes;   /* that may be written in the directory; UINT64_MAX: not told */
	uint64_t memory_bytes; /* that may be used */
	bool is_memory;        /* the directory is in memory: no page of it can be cold */
};

int measure_room_look(const char *directory, struct measure_room *room, struct sluice_error *error);

#endif
