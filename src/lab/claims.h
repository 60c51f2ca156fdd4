/* SPDX-License-Identifier: MIT */
/*
 * What people say about zero-copy, held against what was measured: "half the copies, half the
 * switches, twice the speed". Pure.
 */
#ifndef SLUICE_LAB_CLAIMS_H
#define SLUICE_LAB_CLAIMS_H

#include "lab/matrix.h"

enum lab_verdict { LAB_UNKNOWN, LAB_TRUE, LAB_FALSE };

struct lab_claim {
	const char *claim; /* static */
	enum lab_verdict verdict;
	char text[512]; /* one sentence with the figures */
};

#define LAB_CLAIMS 3

/*
 * Compares the sending end of sendfile, or else splice, with that of readwrite, to the same
 * receiver and from the same kind of source; and adds what auto to auto made of it.
 */
void lab_claims_judge(const struct lab_matrix *matrix, struct lab_claim claims[LAB_CLAIMS]);

#endif
