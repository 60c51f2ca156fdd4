/* SPDX-License-Identifier: MIT */
/*
 * The completions of MSG_ZEROCOPY sends, which the kernel puts into a socket's error queue. A
 * private part of path/.
 *
 * The kernel numbers the sends of a socket, 32 bits wide, from when the socket was made. Which
 * number our first one had is not known, as others may have sent before us. It follows once all
 * sends so far are complete; until then no single one counts as complete. Nobody else has sends of
 * this kind under way on the socket at the same time.
 */
#ifndef SLUICE_PATH_NOTICES_H
#define SLUICE_PATH_NOTICES_H

#include <stdbool.h>
#include <stdint.h>

struct notices {
	uint32_t sent, complete;  /* how many */
	uint32_t lowest, highest; /* numbers that completed, before has_base */
	uint32_t base;            /* the number of the first send */
	bool has_base;
};

/* Consecutive sends whose completion matters together. */
struct notices_range {
	uint32_t first; /* counted from 0 */
	uint32_t count;
	uint32_t open; /* of them, not complete */
};

/* One more send was made; it is the range's next. */
void notices_expect(struct notices *notices, struct notices_range *range);

/* Reads what has come, without waiting, and notes it in the ranges. Returns for how many of the
 * sends the kernel copied the bytes after all. */
uint64_t notices_take(struct notices *notices, int socket, struct notices_range *const *ranges,
		      unsigned range_count);

/* The same for the numbers low to high, as notices_take reads them. */
void notices_complete(struct notices *notices, uint32_t low, uint32_t high,
		      struct notices_range *const *ranges, unsigned range_count);

/* How many sends are not complete. */
static inline uint32_t notices_open(const struct notices *notices)
{
	return notices->sent - notices->complete;
}

#endif
