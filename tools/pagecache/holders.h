/* SPDX-License-Identifier: MIT */
/* Which processes keep a file's pages in memory by a mapping. */
#ifndef SLUICE_PAGECACHE_HOLDERS_H
#define SLUICE_PAGECACHE_HOLDERS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { HOLDERS_MAX = 4 };

struct holder {
	pid_t pid;
	char name[64];
	uint64_t resident_bytes, locked_bytes;
};

struct holders {
	struct holder list[HOLDERS_MAX];
	unsigned count;        /* of all that were found, in the list or not */
	unsigned hidden_count; /* processes whose mappings we may not see */
};

/* Looks at every process's mappings in /proc: milliseconds, so only where pages stayed. */
void holders_find(int fd, dev_t device, ino_t inode, struct holders *holders);

#endif
