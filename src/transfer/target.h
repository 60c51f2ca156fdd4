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
	uint64_t part_inode;    /* of the part that the journal speaks of */
};

/* Opens the folder and looks for what an earlier call left. Writes nothing. Errors name the file.
 */
int target_open(struct target *target, const char *path, const char *url,
		struct sluice_error *error);
/* Opens and locks the part; bytes below `keep` stay. */
int target_create(struct target *target, uint64_t keep, struct sluice_error *error);
/* Remembers that `done` bytes are there, synced; journal.etag and size are set. */
int target_save(struct target *target, uint64_t done);
/*
 * Cuts the part to the bytes that are there, and remembers them. Returns whether a later call can
 * continue; else the part is removed, unless it is to stay anyway.
 */
bool target_keep(struct target *target, uint64_t done, bool stays_anyway);
/* The part is whole: it becomes NAME, and with sync that is on the disk. */
int target_commit(struct target *target, bool sync, struct sluice_error *error);
void target_close(struct target *target);

#endif
