/* SPDX-License-Identifier: MIT */
/* The names of a part and its state: which pair of them is ours, or is free. */
#ifndef SLUICE_LANDING_PAIR_H
#define SLUICE_LANDING_PAIR_H

#include "landing/target.h"

/*
 * Takes what an earlier call left, else the first pair of names that is free. Fills the target's
 * names, and its file, state_fd and journal with what is there. 0 or -errno with error.
 */
int pair_find(struct target *target, struct sluice_error *error);
/* Closes what pair_find took. */
void pair_let_go(struct target *target);

#endif
