/* SPDX-License-Identifier: MIT */
/*
 * Where a download goes: NAME, its NAME.part and NAME.part.state, in one folder that is held open.
 */
#ifndef SLUICE_TRANSFER_TARGET_H
#define SLUICE_TRANSFER_TARGET_H

#include "path/file.h"
#include "sluice.h"
#include "transfer/journal.h"

#define TARGET_NAME_MAX 240 /* leaves room for the suffixes in the 255 bytes a name may have */

struct target {
	const char *url;
	int folder; /* -1: not open */
	char name[256], part[264], state[272];
	struct path_file *file; /* the open part; NULL before target_create */
	struct journal journal; /* of an earlier call; done 0: nothing to continue */
	bool had_part;          /* there was one that cannot be continued */
	bool sync;              /* wait for the disk where it matters */
	bool has_lost;          /* a sync failed: what was written since the last one may be gone */
	uint64_t saved;         /* what the journal on the disk claims for this download */
	uint64_t part_inode;    /* of the part that the journal speaks of */
};

/* Opens the folder and looks for what an earlier call left. Writes nothing. Errors name the file.
 */
int target_open(struct target *target, const char *path, const char *url,
		struct sluice_error *error);
/*
 * Opens and locks the part; bytes below `keep` stay. The journal then tells of this download: its
 * etag, answered and size must be set.
 */
int target_create(struct target *target, uint64_t keep, struct sluice_error *error);
/* Remembers that `done` bytes are there, synced. */
void target_save(struct target *target, uint64_t done);
/*
 * The download failed with `done` bytes there. Keeps what a later call can continue from, and
 * returns how much that is; else removes the part, unless it is to stay anyway.
 */
uint64_t target_keep(struct target *target, uint64_t done, bool stays_anyway);
/* The part is whole: it becomes NAME, and with sync that is on the disk. */
int target_commit(struct target *target, struct sluice_error *error);
void target_close(struct target *target);

#endif
