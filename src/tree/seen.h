/* SPDX-License-Identifier: MIT */
/* A set of files that were met, so that one with several names is looked at once. */
#ifndef SLUICE_TREE_SEEN_H
#define SLUICE_TREE_SEEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What it may hold: bounded, so that a tree of any size can be walked. 32 MiB when full. */
#define SEEN_MAX ((size_t)1 << 20)

struct seen_file {
	uint64_t device, inode; /* inode 0: an empty place */
};

struct seen {
	struct seen_file *files;
	size_t count, room; /* room is a power of two */
	bool is_full;       /* some were not taken in: they may be met again */
};

/* Whether it was there already; takes it in if not. */
bool seen_before(struct seen *seen, uint64_t device, uint64_t inode);
void seen_free(struct seen *seen);

#endif
