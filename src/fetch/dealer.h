/* SPDX-License-Identifier: MIT */
/*
 * Which stream fetches which stretch of a file. Pure: tests/unit/test_dealer.c has the table, and
 * 1,000 random networks.
 *
 * Invariants: each byte is here, or in the stretch of one stream, or nobody's. A stretch that is
 * here is never dealt again, but for the block that it ends in. A stream gets what lies right
 * behind the end of its last stretch, else the first that is nobody's; where nothing is, the second
 * half of the longest stretch of another, whose end comes down: so a fast stream helps a slow one,
 * and neighbours stay together. Stretches start at multiples of DEALER_BLOCK, so that they can be
 * written by O_DIRECT.
 */
#ifndef SLUICE_FETCH_DEALER_H
#define SLUICE_FETCH_DEALER_H

#include "landing/intervals.h"

enum {
	DEALER_STREAMS = 17, /* the first answer, and sixteen beside it */
	DEALER_BLOCK = 4096,
};

struct dealer_stretch {
	uint64_t from;
	uint64_t at, end; /* what is still to come; nothing where they are equal */
	uint64_t asked;   /* below this a request is under way */
};

struct dealer {
	uint64_t size; /* of the file; 0: nothing is dealt */
	struct intervals here;
	struct dealer_stretch streams[DEALER_STREAMS];
};

void dealer_open(struct dealer *dealer, uint64_t size, const struct intervals *here);
/*
 * Another stretch for a stream that has none. What is taken from another is at least `least` long,
 * and leaves it as much. False: there is nothing for it.
 */
bool dealer_take(struct dealer *dealer, unsigned stream, uint64_t least);
/* What lies right behind its stretch, where that is nobody's. False: nothing does. */
bool dealer_extend(struct dealer *dealer, unsigned stream);
/* Another stretch for a stream that has none: the first that is nobody's behind its last one, if it
 * begins within so many bytes. False: none does. */
bool dealer_take_ahead(struct dealer *dealer, unsigned stream, uint64_t within);
/* All below `at` has come. At the end of its stretch the stream has none. */
void dealer_advance(struct dealer *dealer, unsigned stream, uint64_t at);
/* The stream fetches no more of its stretch: the rest is nobody's, from a block's start on. */
void dealer_give_back(struct dealer *dealer, unsigned stream);
/* How much of its last bytes what is here has before this place, without a gap. */
uint64_t dealer_before(const struct dealer *dealer, uint64_t at);
bool dealer_is_done(const struct dealer *dealer); /* everything has come */

#endif
