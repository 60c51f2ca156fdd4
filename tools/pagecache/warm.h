/* SPDX-License-Identifier: MIT */
/*
 * Brings files into the page cache by asynchronous reads, several at a time and across files, at no
 * more than a given rate. What is resident already is not read, and neither are holes: the page
 * cache would fill with zeros that cost no reader anything.
 */
#ifndef SLUICE_PAGECACHE_WARM_H
#define SLUICE_PAGECACHE_WARM_H

#include "sluice.h"

struct warm;

struct warm_events {
	/*
	 * A file has been read as far as it could be. came_bytes is by how much it is more resident
	 * than before, -1 where the kernel does not tell; code is 0 or the first error's.
	 */
	void (*done)(void *argument, const char *path, int fd, int64_t came_bytes, int code);
	/*
	 * Between reads: bytes looked at, and of them read. False ends it all: what is under way is
	 * waited for, no more is started.
	 */
	bool (*progress)(void *argument, uint64_t seen_bytes, uint64_t read_bytes);
	void *argument;
};

/* rate in bytes per second; 0: as fast as it goes. */
int warm_open(struct warm **warm, uint64_t rate, const struct warm_events *events,
	      struct sluice_error *error);
/* Waits while too much is under way. The descriptor is the warmer's from now on. -ECANCELED: ended
 * by progress. */
int warm_take(struct warm *warm, const char *path, int fd, uint64_t size);
/* Waits for all that is under way. */
int warm_finish(struct warm *warm);
void warm_close(struct warm *warm);

#endif
