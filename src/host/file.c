/* SPDX-License-Identifier: MIT */
#include "host/file.h"

#include "base/sys.h"

#include <linux/magic.h>

enum { GUESS = 4096 };

bool host_file_is_in_memory(int fd)
{
	uint64_t magic = 0;

	if (sys_filesystem(fd, &magic) < 0)
		return false;
	return magic == TMPFS_MAGIC || magic == RAMFS_MAGIC || magic == HUGETLBFS_MAGIC;
}

bool host_file_is_on_overlay(int fd)
{
	uint64_t magic = 0;

	return sys_filesystem(fd, &magic) == 0 && magic == OVERLAYFS_SUPER_MAGIC;
}

uint32_t host_file_direct_align(const struct statx *status)
{
	struct statx_more more = statx_more(status);
	uint32_t align;

	if (!(status->stx_mask & STATX_DIOALIGN))
		return GUESS;
	align = more.memory_align > more.offset_align ? more.memory_align : more.offset_align;
	if (align == 0 || (align & (align - 1)) != 0)
		return 0;
	/* Below a page nothing is gained, and reads next to a page boundary stay simple. */
	return align > GUESS ? align : GUESS;
}
