/* SPDX-License-Identifier: MIT */
/* The page cache of a file range: what is resident, and dropping what we brought in ourselves. */
#ifndef SLUICE_CACHE_RESIDENCY_H
#define SLUICE_CACHE_RESIDENCY_H

#include <stdbool.h>
#include <stdint.h>

enum cache_state { CACHE_UNKNOWN, CACHE_COLD, CACHE_MIXED, CACHE_RESIDENT };

struct cache_residency {
	enum cache_state state;
	uint64_t resident_bytes; /* whole pages; 0 where it was not cachestat that told */
	int64_t cold_bytes;      /* the rest of the range; -1 where it is not known */
	bool has_bytes;
	bool is_dirty; /* holds pages that are dirty or under write-back */
};

/*
 * Looks at [offset, offset + length), which must lie within the file, by cachestat(2): about 0.3
 * microseconds for 4 MiB. Where the kernel has no such call (before 6.5) or refuses it (a file that
 * the caller neither owns nor may write), by a few reads with RWF_NOWAIT, about a microsecond each;
 * these tell the state, but neither bytes nor dirty pages. Unknown where neither works, and on
 * overlayfs, see host_file_is_on_overlay.
 */
struct cache_residency cache_residency(int fd, uint64_t offset, uint64_t length);

/* The same without the reads: the state is unknown where the kernel does not tell at once. */
struct cache_residency cache_look(int fd, uint64_t offset, uint64_t length);

/* Drops the clean pages of the range; for ranges that were not resident before we came. */
void cache_drop(int fd, uint64_t offset, uint64_t length);

#endif
