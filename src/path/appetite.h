/* SPDX-License-Identifier: MIT */
/*
 * How far ahead of a socket it pays to read: as much as its peer takes while the disk answers. It
 * follows from how fast the socket took what came before, so that a slow peer holds little memory
 * and a fast one as much as helps.
 *
 * Pure, and tested as a table. The driver of a path reports; a path that reads ahead asks.
 */
#ifndef SLUICE_PATH_APPETITE_H
#define SLUICE_PATH_APPETITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define APPETITE_BLOCK_MIN ((uint64_t)64 << 10)
#define APPETITE_BLOCK_MAX ((uint64_t)1 << 20)

/* Reads ahead: 16 beat 8 by a tenth and 2 by a third, reading beside a writing receiver. */
#define APPETITE_DEPTH 16

struct appetite {
	uint64_t window;   /* bytes worth reading ahead */
	uint64_t sent;     /* since the socket was full last */
	uint64_t full_ms;  /* when that was */
	uint64_t moved_ms; /* when the socket took bytes last */
};

/* is_plenty: there is memory for large reads before anything is known. */
struct appetite appetite_new(bool is_plenty, uint64_t now_ms);
void appetite_sent(struct appetite *appetite, uint64_t bytes, uint64_t now_ms);
/* The socket takes no more. */
void appetite_full(struct appetite *appetite, uint64_t now_ms);
/* The socket would have taken more than was read. */
void appetite_starved(struct appetite *appetite, uint64_t now_ms);
/* Others need the memory more. */
void appetite_robbed(struct appetite *appetite);

size_t appetite_block(const struct appetite *appetite);   /* bytes of a read, a power of two */
unsigned appetite_depth(const struct appetite *appetite); /* reads: two or more */

#endif
