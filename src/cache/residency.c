/* SPDX-License-Identifier: MIT */
#include "cache/residency.h"

#include "base/size.h"
#include "base/sys.h"
#include "host/file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { PROBES = 8 };

/*
 * Probes with one-byte reads that do not wait. Only some pages are probed, so a hole between them
 * goes unnoticed: sending then waits for the disk once. A probe may trigger read-ahead, so a cold
 * range is not probed again after the first answer.
 */
static enum cache_state probe(int fd, uint64_t offset, uint64_t length)
{
	unsigned resident = 0, asked = 0;
	char byte;

	for (; asked < PROBES; asked++) {
		uint64_t at = offset + (length - 1) * asked / (PROBES - 1);
		int64_t count = sys_pread_nowait(fd, &byte, 1, at);

		if (count < 0 && count != -EAGAIN)
			return CACHE_UNKNOWN;
		resident += count == 1;
		if (resident != asked + 1)
			break;
	}
	return resident == PROBES ? CACHE_RESIDENT : resident ? CACHE_MIXED : CACHE_COLD;
}

struct cache_residency cache_look(int fd, uint64_t offset, uint64_t length)
{
	struct cache_residency residency = {.state = CACHE_UNKNOWN, .cold_bytes = -1};
	struct sys_cachestat pages;
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t first = offset / page;
	uint64_t count;

	if (length == 0 || sys_cachestat(fd, offset, length, &pages) < 0)
		return residency;
	if (pages.cached == 0 && host_file_is_on_overlay(fd))
		return residency;
	count = (offset + length - 1) / page - first + 1;
	residency.has_bytes = true;
	residency.resident_bytes = pages.cached * page;
	residency.cold_bytes = (int64_t)(length - size_min(length, residency.resident_bytes));
	residency.is_dirty = pages.dirty > 0 || pages.writeback > 0;
	residency.state = pages.cached >= count ? CACHE_RESIDENT
			  : pages.cached        ? CACHE_MIXED
						: CACHE_COLD;
	return residency;
}

struct cache_residency cache_residency(int fd, uint64_t offset, uint64_t length)
{
	struct cache_residency residency = cache_look(fd, offset, length);

	if (residency.has_bytes || length == 0)
		return residency;
	residency.state = probe(fd, offset, length);
	if (residency.state == CACHE_RESIDENT)
		residency.cold_bytes = 0;
	if (residency.state == CACHE_COLD)
		residency.cold_bytes = (int64_t)length;
	return residency;
}

void cache_drop(int fd, uint64_t offset, uint64_t length)
{
	/* Advice: where it is not taken the pages just stay, and the bill shows it. */
	sys_fadvise(fd, offset, length, POSIX_FADV_DONTNEED);
}
