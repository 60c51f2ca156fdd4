/* SPDX-License-Identifier: MIT */
/*
 * The thresholds of write-back.
 *
 * Whoever waits for the disk, an fsync behind the journal or a writer that is throttled, waits at
 * most for what is dirty: the limit in bytes over the rate of the disk is that time. So the limit
 * is the allowed time at the measured rate, and at most the kernel's own share of the memory. The
 * background threshold is a part of it that depends on who fills: a network faster than the disk
 * wins nothing by waiting, a slower one never gets far.
 */
#include "tune/advice-private.h"

#include "base/size.h"

#include <inttypes.h>
#include <stdio.h>

#define SHARE_PERCENT 20         /* the kernel's own vm.dirty_ratio */
#define SHARE_LIMIT   40         /* what tuned's throughput-performance goes up to */
#define LARGE_MEMORY  (8 * GIB)  /* one per cent of more is too coarse a step */
#define LEAST_DIRTY   (32 * MIB) /* below, writers of small files are throttled */
#define LEAST_PER_CPU (4 * MIB)  /* each CPU dirties a share before it looks at the threshold */
#define TOLERANCE     1.25       /* rates vary by more between two measurements */
#define FAR_TOO_SMALL 4          /* a limit below this part throttles bursts for nothing */

struct wanted {
	uint64_t bound; /* wait_seconds of the disk */
	uint64_t share; /* SHARE_PERCENT of the available memory */
	uint64_t dirty, background;
	unsigned part; /* background is dirty / part */
	bool is_by_memory;
};

uint64_t tune_threshold(const char *bytes, const char *ratio, uint64_t available_bytes)
{
	uint64_t value;

	if (tune_value_number(bytes, &value) && value > 0)
		return value;
	if (tune_value_number(ratio, &value) && value <= 100)
		return available_bytes / 100 * value;
	return 0;
}

static uint64_t network_bytes(const struct tune_facts *facts)
{
	return facts->network_bits_per_second / 8;
}

/* What the background threshold is of the limit: dirty / part. */
static unsigned background_part(const struct tune_facts *facts)
{
	if (!network_bytes(facts))
		return 4;
	return network_bytes(facts) > facts->disk_bytes_per_second ? 8 : 2;
}

/* Small ones to a little: they must not become 0, which the kernel does not take. */
static uint64_t round_amount(uint64_t bytes)
{
	uint64_t step = bytes >= GIB ? 64 * MIB : bytes >= 8 * MIB ? MIB : 64 * KIB;

	return size_round_down(bytes, step);
}

static struct wanted want(const struct rules *rules)
{
	const struct tune_facts *facts = rules->facts;
	double bound = rules->wait_seconds * (double)facts->disk_bytes_per_second;
	uint64_t least = LEAST_PER_CPU * facts->cores;
	struct wanted wanted = {.part = background_part(facts)};

	wanted.bound = bound < 0x1p62 ? (uint64_t)bound : (uint64_t)1 << 62;
	wanted.share = facts->available_bytes / 100 * SHARE_PERCENT;
	least = least > LEAST_DIRTY ? least : LEAST_DIRTY;
	wanted.is_by_memory = wanted.share < wanted.bound;
	wanted.dirty = wanted.is_by_memory ? wanted.share : wanted.bound;
	wanted.dirty = wanted.dirty > least ? wanted.dirty : size_min(least, wanted.share);
	wanted.dirty = round_amount(wanted.dirty);
	wanted.background = round_amount(wanted.dirty / wanted.part);
	return wanted;
}

static bool is_dirty_right(const struct rules *rules, const struct wanted *wanted, uint64_t now)
{
	double most = TOLERANCE * (double)(wanted->is_by_memory ? wanted->bound : wanted->dirty);

	return (double)now <= most && now >= wanted->dirty / FAR_TOO_SMALL &&
	       now <= rules->facts->available_bytes / 100 * SHARE_LIMIT;
}

/* Within a factor of 2.5: it only says when write-back starts. */
static bool is_background_right(const struct wanted *wanted, uint64_t now, uint64_t dirty)
{
	uint64_t background = dirty / wanted->part;

	return now < dirty && now >= background / 5 * 2 && now <= background / 2 * 5;
}

/* What can be filled at the speed of memory: writers are first slowed down half-way between. */
static double free_run(uint64_t background, uint64_t dirty)
{
	return ((double)background + (double)dirty) / 2;
}

#define SAY(line, ...) snprintf((line)->reason, sizeof((line)->reason), __VA_ARGS__)

static void explain_dirty(struct tune_line *line, const struct rules *rules,
			  const struct wanted *wanted, uint64_t now_background, uint64_t now)
{
	char rate[RATE_TEXT], bound[RATE_TEXT], burst[RATE_TEXT], limit[RATE_TEXT];
	char was[RATE_TEXT], was_burst[RATE_TEXT];
	double speed = (double)rules->facts->disk_bytes_per_second;

	tune_amount(rate, speed);
	tune_amount(bound, (double)wanted->bound);
	tune_amount(limit, (double)wanted->dirty);
	tune_amount(burst, free_run(wanted->background, wanted->dirty));
	if (!now) {
		SAY(line,
		    "%.3g s of the disk's %s/s is %s%s%s; it is %.3g s here. Bursts of up to %s "
		    "still go at the speed of memory",
		    rules->wait_seconds, rate, bound,
		    wanted->is_by_memory ? ", but 20 % of the available memory is " : "",
		    wanted->is_by_memory ? limit : "", (double)wanted->dirty / speed, burst);
		return;
	}
	tune_amount(was, (double)now);
	tune_amount(was_burst, free_run(now_background, now));
	if (!line->is_change)
		SAY(line,
		    "%s is %.3g s of the disk's %s/s: an fsync or a throttled writer waits no "
		    "longer "
		    "than the %.3g s allowed; bursts of up to %s go at the speed of memory",
		    was, (double)now / speed, rate, rules->wait_seconds, was_burst);
	else
		SAY(line,
		    "%s now: %.3g s of the disk's %s/s that an fsync or a throttled writer may "
		    "wait; "
		    "%s is %.3g s. The price: bursts go at the speed of memory up to %s instead of "
		    "%s",
		    was, (double)now / speed, rate, limit, (double)wanted->dirty / speed, burst,
		    was_burst);
}

static void explain_background(struct tune_line *line, const struct rules *rules,
			       uint64_t background, uint64_t dirty)
{
	char disk[RATE_TEXT], network[RATE_TEXT], amount[RATE_TEXT];

	tune_amount(disk, (double)rules->facts->disk_bytes_per_second);
	tune_amount(network, (double)network_bytes(rules->facts));
	tune_amount(amount, (double)background);
	if (!network_bytes(rules->facts))
		SAY(line,
		    "write-back starts at %s, %.0f %% of the limit, so that the disk works while a "
		    "burst still comes; the network's rate is unknown (--network)",
		    amount, 100.0 * (double)background / (double)dirty);
	else if (network_bytes(rules->facts) > rules->facts->disk_bytes_per_second)
		SAY(line,
		    "the network brings %s/s, the disk takes %s/s: waiting wins nothing, so "
		    "write-back starts early, at %s, %.0f %% of the limit",
		    network, disk, amount, 100.0 * (double)background / (double)dirty);
	else
		SAY(line,
		    "the disk's %s/s keep up with the network's %s/s: write-back may start late, "
		    "at "
		    "%s, %.0f %% of the limit, and what is soon deleted is never written",
		    disk, network, amount, 100.0 * (double)background / (double)dirty);
}

/* A ratio where that is what memory of this size is steered by, else bytes. */
static struct tune_line *set_threshold(struct rules *rules, bool is_ratio, enum tune_key bytes,
				       uint64_t amount)
{
	uint64_t percent = rules->facts->available_bytes / 100;
	const char *source =
		rules->facts->is_disk_measured ? SOURCE_VM ", measured rate" : SOURCE_VM;

	if (is_ratio)
		return rules_change(
			rules, tune_key_twin(bytes), source, "%" PRIu64,
			(amount + percent / 2) / percent ? (amount + percent / 2) / percent : 1);
	return rules_change(rules, bytes, source, "%" PRIu64, amount);
}

static double percent_of(const struct rules *rules, uint64_t amount)
{
	return 100 * (double)amount / (double)rules->facts->available_bytes;
}

/*
 * The line of a ratio whose twin is kept or set. The twin's line follows, so that who sets one
 * after the other, as they stand, ends with the twin in force.
 */
static void point_to_twin(struct rules *rules, enum tune_key bytes, uint64_t amount)
{
	struct tune_line *line = rules_line(rules, tune_key_twin(bytes), SOURCE_VM);
	double percent = percent_of(rules, amount);
	char step[RATE_TEXT];

	line->available_percent = percent;
	tune_key_name(bytes, rules->facts->device, line->instead);
	snprintf(line->advised, sizeof(line->advised), "%.0f", percent < 1 ? 1 : percent);
	SAY(line,
	    "%s is the better one to set, and this one then reads 0: %" PRIu64 " bytes come to "
	    "%.3g %% of the available memory. They follow from the disk and stay when programs "
	    "take "
	    "memory; a ratio shrinks with it, and has steps of 1 %%, %s here",
	    line->instead, amount, percent,
	    tune_amount(step, (double)rules->facts->available_bytes / 100));
}

/* A threshold that stays, or is set as a ratio or in bytes. */
static struct tune_line *threshold_line(struct rules *rules, enum tune_key bytes, bool is_kept,
					bool is_ratio, uint64_t amount)
{
	enum tune_key ratio = tune_key_twin(bytes);
	struct tune_line *line;

	if (is_kept ? rules_in_force(rules, ratio) == bytes : !is_ratio)
		point_to_twin(rules, bytes, amount);
	line = is_kept ? rules_keep(rules, ratio, SOURCE_VM)
		       : set_threshold(rules, is_ratio, bytes, amount);
	line->available_percent = percent_of(rules, amount);
	return line;
}

static void advise_pair(struct rules *rules, const struct wanted *wanted, uint64_t now_background,
			uint64_t now)
{
	bool is_dirty_kept = now && is_dirty_right(rules, wanted, now);
	uint64_t dirty = is_dirty_kept ? now : wanted->dirty, background;
	bool is_kept = is_dirty_kept && is_background_right(wanted, now_background, dirty);
	bool is_ratio = rules->facts->available_bytes < LARGE_MEMORY && !is_kept &&
			(is_dirty_kept ? !*rules->current->text[TUNE_DIRTY_BYTES] ||
						 rules->current->text[TUNE_DIRTY_BYTES][0] == '0'
				       : wanted->is_by_memory);
	struct tune_line *line;

	background = is_kept ? now_background : round_amount(dirty / wanted->part);
	line = threshold_line(rules, TUNE_BACKGROUND_BYTES, is_kept, is_ratio, background);
	explain_background(line, rules, background, dirty);
	line = threshold_line(rules, TUNE_DIRTY_BYTES, is_dirty_kept, is_ratio, dirty);
	explain_dirty(line, rules, wanted, now_background, now);
	rules->advice->background_bytes = background;
	rules->advice->dirty_bytes = dirty;
}

void rules_dirty(struct rules *rules)
{
	const struct tune_facts *facts = rules->facts;
	const char *missing = !facts->disk_bytes_per_second ? "the write rate of the disk (--disk "
							      "KIND:RATE)"
			      : !facts->available_bytes     ? "the size of the memory (--memory)"
							    : NULL;
	struct wanted wanted;
	uint64_t background = 0, dirty = 0;

	if (missing) {
		rules_cannot(rules, TUNE_BACKGROUND_RATIO, SOURCE_VM, missing);
		rules_cannot(rules, TUNE_DIRTY_RATIO, SOURCE_VM, missing);
		return;
	}
	if (rules->is_known) {
		const char(*text)[TUNE_VALUE] = rules->current->text;

		background = tune_threshold(text[TUNE_BACKGROUND_BYTES],
					    text[TUNE_BACKGROUND_RATIO], facts->available_bytes);
		dirty = tune_threshold(text[TUNE_DIRTY_BYTES], text[TUNE_DIRTY_RATIO],
				       facts->available_bytes);
	}
	wanted = want(rules);
	advise_pair(rules, &wanted, background, dirty);
}
