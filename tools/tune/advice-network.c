/* SPDX-License-Identifier: MIT */
/*
 * The limits of TCP's buffers. A connection can have no more under way than its buffer holds, so a
 * full rate needs the bandwidth-delay product, and twice that because the kernel counts its own
 * bookkeeping in and keeps what is not yet acknowledged. Limits are only raised: a larger one costs
 * nothing until a connection needs it.
 */
#include "tune/advice-private.h"

#include "base/size.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define ASSUMED_ROUND_TRIP 0.01 /* within a country; a farther peer needs to be told */
#define MOST_BUFFER        (size_round_down(INT32_MAX, MIB))
#define MEMORY_PART        64 /* one connection gets no more of the memory than this part */

struct need {
	uint64_t bytes, product;
	double round_trip;
	bool is_capped, is_assumed;
};

static struct need need_of(const struct tune_facts *facts)
{
	struct need need = {.round_trip = facts->round_trip_seconds};
	uint64_t most = MOST_BUFFER, part = facts->memory_bytes / MEMORY_PART;
	double product;

	need.is_assumed = need.round_trip <= 0;
	if (need.is_assumed)
		need.round_trip = ASSUMED_ROUND_TRIP;
	if (facts->memory_bytes)
		most = size_min(most, size_round_down(part, part < MIB ? 64 * KIB : MIB));
	product = (double)facts->network_bits_per_second / 8 * need.round_trip;
	need.product = (uint64_t)product;
	need.is_capped = 2 * product > (double)most;
	need.bytes = need.is_capped ? most : size_round_up(2 * need.product, MIB);
	return need;
}

static void explain(struct tune_line *line, const struct rules *rules, const struct need *need,
		    const char *whose)
{
	char product[RATE_TEXT], buffer[RATE_TEXT];
	double rate = (double)rules->facts->network_bits_per_second;

	tune_amount(product, (double)need->product);
	tune_amount(buffer, (double)need->bytes);
	snprintf(line->reason, sizeof(line->reason),
		 "%.3g Gbit/s x %.3g ms%s is %s under way; twice that with the kernel's "
		 "bookkeeping: %s%s. "
		 "%s",
		 rate / 1e9, need->round_trip * 1e3,
		 need->is_assumed ? " (assumed; --network RATE:RTT tells it)" : "", product, buffer,
		 need->is_capped ? ", as far as the kernel or a 64th of the memory allows" : "",
		 whose);
}

static void rule_limit(struct rules *rules, enum tune_key key, const struct need *need)
{
	uint64_t now;
	struct tune_line *line;

	if (rules_current(rules, key, &now) && now >= need->bytes)
		line = rules_keep(rules, key, SOURCE_NET);
	else
		line = rules_change(rules, key, SOURCE_NET, "%" PRIu64, need->bytes);
	explain(line, rules, need, "For programs that set their buffers themselves");
}

/* minimum, default, maximum: only the maximum is raised */
static void rule_triple(struct rules *rules, enum tune_key key, const struct need *need,
			const uint64_t usual[3])
{
	uint64_t now[3] = {usual[0], usual[1], usual[2]};
	bool is_known = rules->is_known && tune_value_triple(rules->current->text[key], now);
	struct tune_line *line;

	if (is_known && now[2] >= need->bytes)
		line = rules_keep(rules, key, SOURCE_TCP);
	else
		line = rules_change(rules, key, SOURCE_TCP, "%" PRIu64 " %" PRIu64 " %" PRIu64,
				    now[0], now[1], need->bytes > now[2] ? need->bytes : now[2]);
	explain(line, rules, need, "For all others, whose buffers the kernel sizes itself");
}

static void cannot(struct rules *rules)
{
	static const char missing[] = "the network's rate, which is not told here (--network "
				      "RATE[:ROUND-TRIP], and --write for a file)";

	rules_cannot(rules, TUNE_RMEM_MAX, SOURCE_NET, missing);
	rules_cannot(rules, TUNE_WMEM_MAX, SOURCE_NET, missing);
	rules_cannot(rules, TUNE_TCP_RMEM, SOURCE_TCP, missing);
	rules_cannot(rules, TUNE_TCP_WMEM, SOURCE_TCP, missing);
}

void rules_network(struct rules *rules)
{
	static const uint64_t usual_rmem[3] = {4096, 131072, 6291456},
			      usual_wmem[3] = {4096, 16384, 4194304};
	struct need need;

	if (!rules->facts->network_bits_per_second) {
		cannot(rules);
		return;
	}
	need = need_of(rules->facts);
	rule_limit(rules, TUNE_RMEM_MAX, &need);
	rule_limit(rules, TUNE_WMEM_MAX, &need);
	rule_triple(rules, TUNE_TCP_RMEM, &need, usual_rmem);
	rule_triple(rules, TUNE_TCP_WMEM, &need, usual_wmem);
}
