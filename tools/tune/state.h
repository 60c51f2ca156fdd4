/* SPDX-License-Identifier: MIT */
/*
 * The values from before --apply, in run/sluice/tune.state, written to the disk before the first
 * value changes and removed after the last is restored. It lives in /run and names the boot it
 * belongs to, because the kernel's values do not outlive that boot either.
 */
#ifndef SLUICE_TUNE_STATE_H
#define SLUICE_TUNE_STATE_H

#include "tune/advice.h"

#define TUNE_STATE_FILE "/run/sluice/tune.state"

struct tune_saved {
	char name[TUNE_NAME], value[TUNE_VALUE]; /* in force before */
	char new_name[TUNE_NAME],
		new_value[TUNE_VALUE]; /* set by --apply; the name may be the twin */
};

struct tune_state {
	struct tune_saved saved[TUNE_LINES];
	unsigned count;
	bool is_stale; /* of an earlier boot */
};

/* Keeps others out until the descriptor is closed; creates run/sluice. */
int tune_state_lock(int root, struct sluice_error *error);
/* 1 and the state, or 0 where there is none. */
int tune_state_read(int root, struct tune_state *state, struct sluice_error *error);
int tune_state_write(int root, const struct tune_state *state, struct sluice_error *error);
int tune_state_remove(int root, struct sluice_error *error);

#endif
