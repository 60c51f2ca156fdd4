/* SPDX-License-Identifier: MIT */
#include "cache/residency.h"

#include "base/size.h"
#include "base/sys.h"

#include <fcntl.h>
#include <unistd.h>

struct cache_residency cache_residency(int fd, uint64_t offset, uint64_t length)
{
	struct cache_residency residency = {.state = CACHE_UNKNOWN};
	struct sys_cachestat pages;
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t first = offset / page;
	uint64_t count;

	if (length == 0 || sys_cachestat(fd, offset, length, &pages) < 0)
		return residency;
	count = (offset + length - 1) / page - first + 1;
	residency.resident_bytes = pages.cached * page;
	residency.is_dirty = pages.dirty > 0 || pages.writeback > 0;
	residency.state = pages.cached >= count ? CACHE_RESIDENT
			  : pages.cached        ? CACHE_MIXED
						: CACHE_COLD;
	return residency;
}

void cache_drop(int fd, uint64_t offset, uint64_t length)
{
	/* Advice: where it is not taken the pages just stay, and the bill shows it. */
	sys_fadvise(fd, offset, length, POSIX_FADV_DONTNEED);
}
