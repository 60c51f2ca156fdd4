/* SPDX-License-Identifier: MIT */
#include "fault.h"

#include "base/size.h"

#include <stdlib.h>

enum {
	STALLS = 4,       /* one step in so many */
	CUTS = 4,         /* one transfer in so many */
	CUT_BITS = 23,    /* somewhere in the first 8 MiB */
	LENGTH_BITS = 19, /* of a step: up to 512 KiB, each power of two as often as the next */
};

/* xorshift64* */
static uint64_t draw(struct fault *fault, uint64_t below)
{
	fault->random ^= fault->random >> 12;
	fault->random ^= fault->random << 25;
	fault->random ^= fault->random >> 27;
	return (fault->random * 0x2545f4914f6cdd1d >> 32) % below;
}

void fault_open(struct fault *fault, uint64_t offset)
{
	const char *seed = getenv(FAULT_SEED);

	fault->random = (seed ? strtoull(seed, NULL, 10) : 1) * 0x9e3779b97f4a7c15 + offset + 1;
	if (fault->random == 0) /* the one state that xorshift never leaves */
		fault->random = 1;
	fault->end = UINT64_MAX;
	draw(fault, 1);
	if (draw(fault, CUTS) == 0)
		fault->end = offset + draw(fault, (uint64_t)1 << draw(fault, CUT_BITS + 1));
}

bool fault_stalls(struct fault *fault)
{
	return draw(fault, STALLS) == 0;
}

uint64_t fault_length(struct fault *fault, uint64_t offset, uint64_t length)
{
	uint64_t most = (uint64_t)1 << draw(fault, LENGTH_BITS + 1);

	if (offset >= fault->end)
		return 0;
	return size_min(size_min(length, most), fault->end - offset);
}
