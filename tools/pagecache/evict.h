/* SPDX-License-Identifier: MIT */
/* Takes a file out of the page cache, and says what stayed. */
#ifndef SLUICE_PAGECACHE_EVICT_H
#define SLUICE_PAGECACHE_EVICT_H

#include "pagecache/ranges.h"

struct evicted {
	struct cache_figures before, after;
	bool has_before, has_after; /* else the kernel does not tell */
	bool is_memory; /* the file system has no other place for it: tmpfs, ramfs, hugetlbfs */
};

/* Writes back, waits, and drops. -errno of the write-back: what could not be written stays. */
int evict_file(int fd, uint64_t size, struct evicted *evicted);

#endif
