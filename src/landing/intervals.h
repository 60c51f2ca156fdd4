/* SPDX-License-Identifier: MIT */
/*
 * A set of stretches of a file: sorted, apart from one another, none empty, at most INTERVALS_MAX.
 * Where one more does not fit the smallest is forgotten, so that the set never has what was not
 * added to it; what is forgotten is only fetched again. Pure.
 */
#ifndef SLUICE_LANDING_INTERVALS_H
#define SLUICE_LANDING_INTERVALS_H

#include <stdbool.h>
#include <stdint.h>

enum { INTERVALS_MAX = 64 };

struct interval {
	uint64_t from, to; /* bytes from `from` on, below `to` */
};

struct intervals {
	unsigned count;
	struct interval at[INTERVALS_MAX + 1]; /* the last one is room for `add` */
};

/* Adds the bytes from `from` on, below `to`; none where to <= from. */
void intervals_add(struct intervals *set, uint64_t from, uint64_t to);
void intervals_merge(struct intervals *set, const struct intervals *other);
/* Of equal ones the last. Nothing where the set is empty. */
void intervals_forget_smallest(struct intervals *set);

uint64_t intervals_total(const struct intervals *set); /* bytes in it */
uint64_t intervals_end(const struct intervals *set);   /* behind the last byte in it */
/* The first stretch from `from` on, below `end`, that is not in the set; empty (from == to ==
 * end) where there is none. */
struct interval intervals_gap(const struct intervals *set, uint64_t from, uint64_t end);
bool intervals_equal(const struct intervals *one, const struct intervals *other);

/* The first gap's start: how many bytes are there from the file's start on. */
static inline uint64_t intervals_prefix(const struct intervals *set)
{
	return set->count > 0 && set->at[0].from == 0 ? set->at[0].to : 0;
}

#endif
