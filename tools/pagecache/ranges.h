/* SPDX-License-Identifier: MIT */
/* The page cache of a whole file: its figures, and exactly which ranges are resident. */
#ifndef SLUICE_PAGECACHE_RANGES_H
#define SLUICE_PAGECACHE_RANGES_H

#include <stdbool.h>
#include <stdint.h>

/* In whole pages, as memory is taken: up to a page more than the file has bytes. */
struct cache_figures {
	uint64_t resident_bytes;
	/* The rest is known only where has_states says so: by cachestat(2), not by mincore(2). */
	uint64_t dirty_bytes, writeback_bytes, evicted_bytes, recently_evicted_bytes;
	bool has_states;
};

/*
 * Of a regular file of size bytes. -EPERM: the kernel does not tell, as the file is another user's
 * and may not be written by us; -ENOSYS: it does not tell about our own either, as where a filter
 * refuses both calls; -EOPNOTSUPP: the file system does not. Nothing is read, so nothing changes.
 */
int cache_figures(int fd, uint64_t size, struct cache_figures *figures);

/*
 * Calls `range` for each resident range, in order, none touching the next; a result < 0 ends it and
 * is returned. Needs the same memory for every file. Ranges are whole pages, see above.
 */
int cache_ranges(int fd, uint64_t size,
		 int (*range)(void *argument, uint64_t offset, uint64_t length), void *argument);

#endif
