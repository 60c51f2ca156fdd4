/* SPDX-License-Identifier: MIT */
#include "pagecache/evict.h"

#include "base/sys.h"
#include "host/file.h"

#include <errno.h>
#include <fcntl.h>

/* Only the pages; where that cannot be had, all that fsync(2) writes. */
static int write_back(int fd)
{
	int result = sys_sync_file_range(fd, 0, 0,
					 SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE |
						 SYNC_FILE_RANGE_WAIT_AFTER);

	return result < 0 ? sys_fsync(fd) : 0;
}

static bool has_unwritten(const struct cache_figures *figures)
{
	return !figures->has_states || figures->dirty_bytes || figures->writeback_bytes;
}

static int drop(int fd, uint64_t size, struct evicted *evicted)
{
	int result = sys_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);

	evicted->has_after = cache_figures(fd, size, &evicted->after) == 0;
	return result;
}

int evict_file(int fd, uint64_t size, struct evicted *evicted)
{
	int result = 0;

	*evicted = (struct evicted){.is_memory = host_file_is_in_memory(fd)};
	evicted->has_before = cache_figures(fd, size, &evicted->before) == 0;
	if (!evicted->has_before || has_unwritten(&evicted->before))
		result = write_back(fd);
	if (result == 0)
		result = drop(fd, size, evicted);
	/* Somebody wrote meanwhile, or the file system keeps pages until its journal is written. */
	if (result == 0 && evicted->after.resident_bytes > 0 && !evicted->is_memory) {
		result = sys_fsync(fd);
		if (result == 0)
			result = drop(fd, size, evicted);
	}
	if (!evicted->has_after)
		evicted->has_after = cache_figures(fd, size, &evicted->after) == 0;
	return result;
}
