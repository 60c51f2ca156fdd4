/* SPDX-License-Identifier: MIT */
/*
 * How much the socket of a stream takes, learned from how it took what came before: how large reads
 * ahead of it should be, and how many. A slow peer fills few buffers, a fast one as many as help.
 *
 * Pure, and tested as a table. The driver of a path reports; a path that reads ahead asks.
 */
#ifndef SLUICE_PATH_APPETITE_H
#define SLUICE_PATH_APPETITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Reads ahead: 16 beat 8 by a tenth and 2 by a third, reading beside a writing receiver. */
#define APPETITE_DEPTH 16

struct appetite {
	uint64_t burst;    /* bytes that the socket took since it was full last */
	uint64_t usual;    /* the same, of the time before */
	unsigned depth;    /* reads ahead that are worth their memory */
	uint64_t moved_ms; /* when the socket took bytes last */
};

/* is_plenty: there is memory for a large read before anything is known. */
struct appetite appetite_new(bool is_plenty, uint64_t now_ms);
void appetite_sent(struct appetite *appetite, uint64_t bytes, uint64_t now_ms);
void appetite_full(struct appetite *appetite);    /* the socket took nothing */
void appetite_starved(struct appetite *appetite); /* it would have, but nothing was read yet */
void appetite_robbed(struct appetite *appetite);  /* others need the memory more */
size_t appetite_block(const struct appetite *appetite); /* the size of a read */

#endif
