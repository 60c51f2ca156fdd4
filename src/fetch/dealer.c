/* SPDX-License-Identifier: MIT */
#include "fetch/dealer.h"

#include "base/size.h"

/* With room for what the streams make of it. */
enum { HERE_MAX = INTERVALS_MAX - DEALER_STREAMS - 1 };

void dealer_open(struct dealer *dealer, uint64_t size, const struct intervals *here)
{
	*dealer = (struct dealer){.size = size, .here = *here};
	while (dealer->here.count > HERE_MAX)
		intervals_forget_smallest(&dealer->here);
}

/* The first stretch from `from` on that is neither here nor a stream's; empty at the file's end. */
static struct interval find_gap(const struct dealer *dealer, uint64_t from)
{
	struct intervals taken = dealer->here;

	for (unsigned i = 0; i < DEALER_STREAMS; i++)
		intervals_add(&taken, dealer->streams[i].from, dealer->streams[i].end);
	return intervals_gap(&taken, from, dealer->size);
}

static bool take(struct dealer *dealer, unsigned stream, struct interval gap)
{
	dealer->streams[stream] = (struct dealer_stretch){gap.from, gap.from, gap.to, gap.from};
	return gap.from < gap.to;
}

static uint64_t left(const struct dealer_stretch *stretch)
{
	return stretch->end - stretch->at;
}

static struct dealer_stretch *longest(struct dealer *dealer)
{
	struct dealer_stretch *longest = &dealer->streams[0];

	for (unsigned i = 1; i < DEALER_STREAMS; i++)
		if (left(&dealer->streams[i]) > left(longest))
			longest = &dealer->streams[i];
	return longest;
}

/* Where the second half begins; rather at the end of what is asked for, which costs a connection
 * where it is cut short. */
static uint64_t middle(const struct dealer_stretch *stretch, uint64_t least)
{
	uint64_t middle = size_round_up(stretch->at + left(stretch) / 2, DEALER_BLOCK);
	uint64_t asked = size_round_up(stretch->asked, DEALER_BLOCK);

	return asked > middle && stretch->end > asked && stretch->end - asked >= least ? asked
										       : middle;
}

static bool halve(struct dealer *dealer, unsigned stream, uint64_t least)
{
	struct dealer_stretch *other = longest(dealer);
	uint64_t end = other->end;

	least = least > DEALER_BLOCK ? least : DEALER_BLOCK;
	if (left(other) / 2 < least)
		return false;
	other->end = middle(other, least);
	return take(dealer, stream, (struct interval){other->end, end});
}

bool dealer_take(struct dealer *dealer, unsigned stream, uint64_t least)
{
	uint64_t behind = dealer->streams[stream].end;
	struct interval gap = find_gap(dealer, behind);

	if (gap.from != behind || gap.from == gap.to)
		gap = find_gap(dealer, 0);
	return take(dealer, stream, gap) || halve(dealer, stream, least);
}

bool dealer_take_ahead(struct dealer *dealer, unsigned stream, uint64_t within)
{
	uint64_t behind = dealer->streams[stream].end;
	struct interval gap = find_gap(dealer, behind);

	return gap.from - behind <= within && take(dealer, stream, gap);
}

bool dealer_extend(struct dealer *dealer, unsigned stream)
{
	struct dealer_stretch *stretch = &dealer->streams[stream];
	struct interval gap = find_gap(dealer, stretch->end);

	if (gap.from != stretch->end || gap.from == gap.to)
		return false;
	stretch->end = gap.to;
	return true;
}

void dealer_advance(struct dealer *dealer, unsigned stream, uint64_t at)
{
	struct dealer_stretch *stretch = &dealer->streams[stream];

	stretch->at = size_min(at, stretch->end);
	if (stretch->at == stretch->end)
		intervals_add(&dealer->here, stretch->from, stretch->end);
}

void dealer_give_back(struct dealer *dealer, unsigned stream)
{
	struct dealer_stretch *stretch = &dealer->streams[stream];
	uint64_t block = size_round_down(stretch->at, DEALER_BLOCK);

	/* Unless that would be no progress. */
	if (stretch->at < stretch->end && block > stretch->from)
		stretch->at = block;
	intervals_add(&dealer->here, stretch->from, stretch->at);
	*stretch = (struct dealer_stretch){stretch->at, stretch->at, stretch->at, stretch->at};
}

uint64_t dealer_before(const struct dealer *dealer, uint64_t at)
{
	for (unsigned i = 0; i < dealer->here.count; i++)
		if (dealer->here.at[i].to == at)
			return at - dealer->here.at[i].from;
	return 0;
}

bool dealer_is_done(const struct dealer *dealer)
{
	return intervals_prefix(&dealer->here) >= dealer->size;
}
