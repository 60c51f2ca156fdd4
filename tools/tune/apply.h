/* SPDX-License-Identifier: MIT */
/*
 * Values set and restored, all or none. Before the first one changes, all files were opened for
 * writing and the old values are on the disk (state.h); a failure in the middle puts back what was
 * done, and a crash leaves the state for tune_revert.
 */
#ifndef SLUICE_TUNE_APPLY_H
#define SLUICE_TUNE_APPLY_H

#include "tune/state.h"
#include "tune/sysctl.h"

/* Keeps others from applying and reverting until tune_unlock; the calls below then go through. */
int tune_lock(struct tune_system *system, struct sluice_error *error);
void tune_unlock(struct tune_system *system);

/* Sets what advice changes. What an earlier call saved stays saved: those values came first. */
int tune_apply(struct tune_system *system, const struct tune_advice *advice,
	       struct sluice_error *error);

/*
 * Restores what was saved. `state` gets what was saved and `found` what was in force: both for the
 * report, both by the same index; what belonged to a disk that is gone is in neither. -ENOENT where
 * nothing is saved, -ESTALE where it is of an earlier boot, and so has no effect any more: that is
 * then forgotten.
 */
int tune_revert(struct tune_system *system, struct tune_state *state, struct tune_state *found,
		struct sluice_error *error);

#endif
