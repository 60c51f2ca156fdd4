/* SPDX-License-Identifier: MIT */
#include "fetch/growth.h"

enum {
	GAIN_PERCENT = 8, /* of what there was, by each stream that is added */
	VAIN_MAX = 2,
	PAUSE_FIRST = 4, /* rounds; twice as many each time it was in vain */
	PAUSE_MAX = 64,
	LOCAL_FAST = 256 << 20, /* bytes a second: here more connections are only more work */
};

void growth_open(struct growth *growth)
{
	*growth = (struct growth){.wanted = 1, .pause = PAUSE_FIRST};
}

static void rest(struct growth *growth, unsigned rounds)
{
	growth->rate = 0;
	growth->rest = rounds;
}

static bool is_worth_a_try(const struct growth *growth, const struct growth_round *round,
			   uint64_t rate)
{
	return round->waits_for_network && growth->wanted < GROWTH_MAX && rate > 0 &&
	       !(round->is_local && rate / growth->wanted >= LOCAL_FAST);
}

static void try_more(struct growth *growth, const struct growth_round *round, uint64_t rate)
{
	unsigned more = growth->is_linear ? 1 : growth->wanted;

	rest(growth, 0);
	if (!is_worth_a_try(growth, round, rate))
		return;
	if (more > GROWTH_MAX - growth->wanted)
		more = GROWTH_MAX - growth->wanted;
	growth->rate = rate;
	growth->before = growth->wanted;
	growth->wanted += more;
	growth->vain = 0;
}

/* Some of those that were added brought something. */
static void keep_some(struct growth *growth, uint64_t rate)
{
	uint64_t worth = (growth->before * rate + growth->rate - 1) / growth->rate;

	if (worth < growth->wanted)
		growth->wanted = (unsigned)worth;
	growth->is_linear = true;
	rest(growth, 0);
}

static void take_back(struct growth *growth)
{
	growth->wanted = growth->before;
	growth->is_linear = true;
	rest(growth, growth->pause);
	growth->pause = growth->pause * 2 < PAUSE_MAX ? growth->pause * 2 : PAUSE_MAX;
}

static void judge(struct growth *growth, const struct growth_round *round, uint64_t rate)
{
	unsigned added = growth->wanted - growth->before;
	uint64_t percent = rate * 100 / growth->rate;

	if (percent >= 100 + (uint64_t)GAIN_PERCENT * added) {
		growth->pause = PAUSE_FIRST;
		try_more(growth, round, rate);
	} else if (percent >= 100 + GAIN_PERCENT) {
		keep_some(growth, rate);
	} else if (++growth->vain == VAIN_MAX) {
		take_back(growth);
	}
}

void growth_end_round(struct growth *growth, const struct growth_round *round)
{
	uint64_t rate = round->milliseconds ? round->bytes * 1000 / round->milliseconds : 0;

	if (round->streams < growth->wanted) {
		/* The server takes no more, or there is no more to share. */
		growth->wanted = round->streams > 0 ? round->streams : 1;
		rest(growth, growth->pause);
	} else if (growth->rate > 0) {
		judge(growth, round, rate);
	} else if (growth->rest > 0) {
		growth->rest--;
	} else {
		try_more(growth, round, rate);
	}
}
