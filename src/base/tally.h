/* SPDX-License-Identifier: MIT */
/*
 * What was moved, and by which path: the part of a bill that grows while bytes move. It is small,
 * because every answer of a server has one.
 *
 * Copies and moves are known by construction of the path, not measured: see path.h.
 */
#ifndef SLUICE_BASE_TALLY_H
#define SLUICE_BASE_TALLY_H

#include "sluice.h"

struct bill;

/* More than there are: a path for which there is no room left shares the last place, "other". */
enum { TALLY_PATHS = 16 };

struct tally {
	uint64_t bytes;
	unsigned path_count;
	struct sluice_path_bytes paths[TALLY_PATHS];
	uint64_t zerocopy_sends, zerocopy_copied;
	uint64_t cpu_copied_bytes, cpu_ciphered_bytes, device_moved_bytes;
	bool is_device_unknown; /* more may have been moved by devices than is known */
};

/* Adds bytes to the total and to the path's share; path is a static string. */
void tally_add(struct tally *tally, const char *path, uint64_t bytes);
/* What was added to one path's share belongs to another's. */
void tally_move(struct tally *tally, const char *from, const char *to, uint64_t bytes);
void tally_merge(struct tally *sum, const struct tally *other);
/* Fills the figures of the bill that a tally has, and no others. */
void tally_to_bill(const struct tally *tally, struct bill *bill);

#endif
