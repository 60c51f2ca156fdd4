/* SPDX-License-Identifier: MIT */
/*
 * Paths with bad luck, which only tests link: path_add makes them known, as add.c does in the
 * command sluice-faulty. The misfortunes of one transfer are drawn from FAULT_SEED and the offset
 * it starts at, so that a test can have the same ones again.
 */
#ifndef SLUICE_TESTS_FAULT_H
#define SLUICE_TESTS_FAULT_H

#include "path/path.h"

#define FAULT_SEED "SLUICE_FAULT_SEED"

extern const struct path_send path_send_fault;
extern const struct path_recv path_recv_fault;

/* What the two share. */

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
