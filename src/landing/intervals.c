/* SPDX-License-Identifier: MIT */
#include "landing/intervals.h"

#include "base/size.h"

#include <string.h>

static void erase(struct intervals *set, unsigned first, unsigned count)
{
	memmove(&set->at[first], &set->at[first + count],
		(set->count - first - count) * sizeof(*set->at));
	set->count -= count;
}

static void insert(struct intervals *set, unsigned place, struct interval interval)
{
	memmove(&set->at[place + 1], &set->at[place], (set->count - place) * sizeof(*set->at));
	set->at[place] = interval;
	set->count++;
}

void intervals_forget_smallest(struct intervals *set)
{
	unsigned smallest = 0;

	for (unsigned i = 1; i < set->count; i++)
		if (set->at[i].to - set->at[i].from <=
		    set->at[smallest].to - set->at[smallest].from)
			smallest = i;
	if (set->count > 0)
		erase(set, smallest, 1);
}

void intervals_add(struct intervals *set, uint64_t from, uint64_t to)
{
	unsigned first = 0, last;

	if (to <= from)
		return;
	while (first < set->count && set->at[first].to < from)
		first++;
	/* Those that it overlaps or touches become one with it. */
	for (last = first; last < set->count && set->at[last].from <= to; last++) {
		from = size_min(from, set->at[last].from);
		to = set->at[last].to > to ? set->at[last].to : to;
	}
	erase(set, first, last - first);
	insert(set, first, (struct interval){from, to});
	if (set->count > INTERVALS_MAX)
		intervals_forget_smallest(set);
}

void intervals_merge(struct intervals *set, const struct intervals *other)
{
	for (unsigned i = 0; i < other->count; i++)
		intervals_add(set, other->at[i].from, other->at[i].to);
}

uint64_t intervals_total(const struct intervals *set)
{
	uint64_t total = 0;

	for (unsigned i = 0; i < set->count; i++)
		total += set->at[i].to - set->at[i].from;
	return total;
}

uint64_t intervals_end(const struct intervals *set)
{
	return set->count > 0 ? set->at[set->count - 1].to : 0;
}

struct interval intervals_gap(const struct intervals *set, uint64_t from, uint64_t end)
{
	unsigned i = 0;

	while (i < set->count && set->at[i].to <= from)
		i++;
	if (i < set->count && set->at[i].from <= from)
		from = set->at[i++].to;
	from = size_min(from, end);
	return (struct interval){from, i < set->count ? size_min(set->at[i].from, end) : end};
}

bool intervals_equal(const struct intervals *one, const struct intervals *other)
{
	return one->count == other->count &&
	       (one->count == 0 || memcmp(one->at, other->at, one->count * sizeof(*one->at)) == 0);
}
