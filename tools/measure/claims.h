/* SPDX-License-Identifier: MIT */
/*
 * What people say about zero-copy, held against what was measured: "half the copies, half the
 * switches, twice the speed". Pure.
 */
#ifndef SLUICE_MEASURE_CLAIMS_H
#define SLUICE_MEASURE_CLAIMS_H

#include "measure/matrix.h"

enum measure_verdict { MEASURE_UNKNOWN, MEASURE_TRUE, MEASURE_FALSE };

struct measure_claim {
	const char *claim; /* static */
	enum measure_verdict verdict;
	char text[512]; /* one sentence with the figures */
};

#define MEASURE_CLAIMS 3

/*
 * Compares the sending end of sendfile, or else splice, with that of readwrite, to the same
 * receiver and from the same kind of source; and adds what auto to auto made of it.
 */
void measure_claims_judge(const struct measure_matrix *matrix,
			  struct measure_claim claims[MEASURE_CLAIMS]);

#endif
