/* SPDX-License-Identifier: MIT */
/*
 * Where a download goes: NAME, its NAME.part and NAME.part.state, in one directory that is held
 * open.
 *
 * What is not ours is never written to, cut, renamed or removed. A part is ours when this call made
 * it, or when it is found as its journal describes it; a lock on it keeps other calls away from
 * both files from the first look on. Before each step that goes by name, the name is compared with
 * the descriptor. What lies at these names and is not ours stays there, and other names are taken.
 */
#ifndef SLUICE_LANDING_TARGET_H
#define SLUICE_LANDING_TARGET_H

#include "landing/journal.h"
#include "path/file.h"
#include "sluice.h"

struct target {
	char *url;
	int directory; /* -1: not open */
	char name[256], part[256], state[256];
	char aside_name[256];   /* where part or state is for a moment: see name.h */
	char why[128];          /* what was looked at last is not ours */
	char aside[400];        /* what is not ours at the usual names; empty: nothing */
	struct path_file *file; /* the open part, locked; NULL: there is none yet */
	int state_fd;           /* -1: there is none yet */
	struct journal journal; /* of an earlier call; nothing done: nothing to continue */
	struct intervals saved; /* what the journal on the disk claims */
	bool had_part;          /* there was one that cannot be continued */
	bool is_ours;           /* the part and its state, from target_create on */
	bool is_begun; /* the journal on the disk is this call's; before that none is touched */
	bool sync;     /* wait for the disk where it matters */
	bool keeps_existing; /* what has the name NAME is not replaced */
	bool has_lost;       /* a sync failed: what was written since the last one may be gone */
	bool has_synced_names;
};

/* Opens the directory and looks for what an earlier call left. Changes nothing. Errors name the
 * file. */
int target_open(struct target *target, const char *path, const char *url,
		struct sluice_error *error);
/* What comes is this, all of it: the journal speaks of it from target_create on. */
void target_set_source(struct target *target, const struct validator *validator, uint64_t size);
/* Makes the part, or takes the one that was found, of which `keep` stays. */
int target_create(struct target *target, const struct intervals *keep, struct sluice_error *error);
/* What has come into our part is of no use: empties it. */
int target_start_over(struct target *target, struct sluice_error *error);
/*
 * Syncs the part and remembers that these bytes are there. Blocks: to be called on a helper
 * thread, while nobody else uses the target. Returns 0, or -errno where the sync failed, which the
 * kernel tells only once: then nothing more is ever claimed. A journal that cannot be written is no
 * error.
 */
int target_save(struct target *target, const struct intervals *done);
/*
 * The download failed with these bytes there, of which target_save knows. Keeps what a later call
 * can continue from, and removes the rest, unless it is to stay anyway; says which
 * behind the error.
 */
void target_keep(struct target *target, const struct intervals *done, bool stays_anyway,
		 struct sluice_error *error);
/*
 * All has come, and is not what it should be: the part stays, for whoever looks into it, and no
 * later call continues it or writes to it. Says so behind the error.
 */
void target_set_aside(struct target *target, struct sluice_error *error);
/* The part is whole, with `size` bytes: it becomes NAME, and with sync that is on the disk. */
int target_commit(struct target *target, uint64_t size, struct sluice_error *error);
void target_close(struct target *target);

#endif
