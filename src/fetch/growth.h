/* SPDX-License-Identifier: MIT */
/*
 * How many streams share a file where nobody said how many: as many as make it faster. Pure:
 * tests/unit/test_growth.c has the table, and networks to simulate.
 *
 * It begins with one and doubles as long as each stream that was added brought at least 8 % of what
 * was there before; then takes back those that did not. Later one is added now and then, which
 * stays if it brings as much, and goes after two rounds in which it did not. Nothing is added while
 * it is not the network that is waited for, or one stream is as fast as a machine is by itself.
 */
#ifndef SLUICE_FETCH_GROWTH_H
#define SLUICE_FETCH_GROWTH_H

#include <stdbool.h>
#include <stdint.h>

enum { GROWTH_MAX = 16 };

/* What a round brought: about a second. */
struct growth_round {
	unsigned streams; /* that were open in all of it */
	uint64_t bytes, milliseconds;
	bool waits_for_network; /* for the most part, and not for the disk or the CPU */
	bool is_local;          /* the server is on this machine */
};

struct growth {
	unsigned wanted; /* streams */
	unsigned before; /* how many there were, */
	uint64_t rate;   /* and what they brought: bytes a second; 0: nothing is being tried */
	unsigned vain;   /* rounds since then that brought nothing */
	unsigned rest;   /* rounds until the next try */
	unsigned pause;  /* and how many there are to be after that */
	bool is_linear;  /* it has doubled too far */
};

void growth_open(struct growth *growth);
/* Afterwards `wanted` says how many there are to be. */
void growth_end_round(struct growth *growth, const struct growth_round *round);

#endif
