/* SPDX-License-Identifier: MIT */
/*
 * What a file system can do, tried on an unnamed file of our own (O_TMPFILE) that is gone when it
 * is closed; where that cannot be had, on a file that is there, which is only read.
 */
#ifndef SLUICE_MACHINE_FILESYSTEM_H
#define SLUICE_MACHINE_FILESYSTEM_H

#include "host/mounts.h"
#include "machine/disk.h"
#include "machine/kernel.h"

#include "sluice.h"

enum host_tried { HOST_TRIED_NOTHING, HOST_TRIED_OWN, HOST_TRIED_EXISTING };

struct host_filesystem {
	char asked[4096];           /* the file or directory that was asked about */
	char point[4096];           /* where it is mounted; "" where not told */
	char type[64], source[256]; /* "ext4", "/dev/vda" */
	struct host_disk disk;
	enum host_tried tried;
	char tried_in[4096]; /* the directory of the unnamed file, or the file read */
	int why_not_own;     /* -errno of the unnamed file; 0 for a file, which is only read */
	/* 0 works, -errno does not, HOST_NOT_TRIED */
	int direct_read, direct_write, dontcache, nowait, fallocate, cachestat;
	bool is_direct_cached; /* O_DIRECT is taken, and the cache used all the same */
	int64_t direct_memory_align_bytes, direct_offset_align_bytes; /* of statx */
};

int host_filesystem_of(int root, const char *path, struct host_filesystem *system,
		       struct sluice_error *error);

/*
 * Calls each with the mount points of what is on disks, once for each device. Network file systems
 * are left out, because a server that does not answer would hold it up, and images in squashfs.
 */
int host_filesystem_each(int root, void (*each)(void *argument, const char *point), void *argument);

#endif
