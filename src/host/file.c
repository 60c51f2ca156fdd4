/* SPDX-License-Identifier: MIT */
#include "host/file.h"

#include "base/sys.h"

#include <linux/magic.h>
#include <stddef.h>

enum { GUESS = 4096 };

static bool is_local(uint64_t magic)
{
	/* The newer ones have their numbers in no header. */
	static const uint32_t local[] = {
		EXT4_SUPER_MAGIC,
		XFS_SUPER_MAGIC,
		BTRFS_SUPER_MAGIC,
		TMPFS_MAGIC,
		OVERLAYFS_SUPER_MAGIC,
		F2FS_SUPER_MAGIC,
		RAMFS_MAGIC,
		HUGETLBFS_MAGIC,
		SQUASHFS_MAGIC,
		ISOFS_SUPER_MAGIC,
		MSDOS_SUPER_MAGIC,
		PROC_SUPER_MAGIC,
		SYSFS_MAGIC,
		CRAMFS_MAGIC,
		NILFS_SUPER_MAGIC,
		REISERFS_SUPER_MAGIC,
		MINIX3_SUPER_MAGIC,
		0x2011bab0 /* exfat */,
		0x7366746e /* ntfs3 */,
		0x15013346 /* udf */,
		0xe0f5e1e2 /* erofs */,
		0x2fc12fc1 /* zfs */,
		0xca451a4e /* bcachefs */,
		0x3153464a /* jfs */,
	};

	for (size_t i = 0; i < sizeof(local) / sizeof(*local); i++)
		if (magic == local[i])
			return true;
	return false;
}

struct host_storage host_file_storage(int fd)
{
	uint64_t magic = 0;

	if (sys_filesystem(fd, &magic) < 0)
		return (struct host_storage){0};
	return (struct host_storage){
		.is_in_memory =
			magic == TMPFS_MAGIC || magic == RAMFS_MAGIC || magic == HUGETLBFS_MAGIC,
		.may_hang = !is_local(magic),
	};
}

bool host_file_is_in_memory(int fd)
{
	return host_file_storage(fd).is_in_memory;
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
