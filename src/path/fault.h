/* SPDX-License-Identifier: MIT */
/*
 * What the two fault paths share: the misfortunes of one transfer, drawn from PATH_FAULT_SEED and
 * the offset it starts at, so that a test can have the same ones again. A private part of path/.
 */
#ifndef SLUICE_PATH_FAULT_H
#define SLUICE_PATH_FAULT_H

#include <stdbool.h>
#include <stdint.h>

struct fault {
	uint64_t random;
	uint64_t end; /* the transfer is cut here; UINT64_MAX: it is not */
};

void fault_open(struct fault *fault, uint64_t offset);
/* Whether to pretend that nothing can be moved now. */
bool fault_stalls(struct fault *fault);
/* How much of length to move: at least 1, often little, not beyond the cut. 0: cut here. */
uint64_t fault_length(struct fault *fault, uint64_t offset, uint64_t length);

#endif
