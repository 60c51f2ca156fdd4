/* SPDX-License-Identifier: MIT */
/* What the file system under an open file can do. */
#ifndef SLUICE_HOST_FILE_H
#define SLUICE_HOST_FILE_H

#include "base/statx.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * The alignment that O_DIRECT needs on this file for offset, length and memory; 0 where it cannot
 * be had. status comes from sys_statx with HOST_FILE_STATX. Where the kernel does not tell
 * (before 6.1) it is a guess that holds for every block size up to a page: the caller still has to
 * try.
 */
#define HOST_FILE_STATX (STATX_BASIC_STATS | STATX_DIOALIGN)

uint32_t host_file_direct_align(const struct statx *status);

/*
 * Whether the file is on overlayfs. Its pages are in the page cache of the file below, and
 * cachestat(2), which looks at the overlay's own file, finds none.
 */
bool host_file_is_on_overlay(int fd);

/*
 * What holds an open file; fd may be one of O_PATH. Waits itself where the file system may hang: a
 * call on it may wait for another machine or another program, and so perhaps for ever. That is said
 * of all but those that are known not to.
 */
struct host_storage {
	bool is_in_memory; /* the page cache is the storage: no disk, nothing to go around */
	bool may_hang;
};

struct host_storage host_file_storage(int fd);
bool host_file_is_in_memory(int fd);

#endif
