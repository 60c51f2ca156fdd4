/* SPDX-License-Identifier: MIT */
#include "tune/advice.h"

#include "tune/advice-private.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define SWAPPINESS 60 /* the kernel's own */

char *tune_amount(char text[RATE_TEXT], double bytes)
{
	if (bytes >= 1e9)
		snprintf(text, RATE_TEXT, "%.1f GB", bytes / 1e9);
	else if (bytes >= 1e6)
		snprintf(text, RATE_TEXT, "%.0f MB", bytes / 1e6);
	else
		snprintf(text, RATE_TEXT, "%.0f kB", bytes / 1e3);
	return text;
}

bool rules_current(const struct rules *rules, enum tune_key key, uint64_t *value)
{
	return rules->is_known && tune_value_number(rules->current->text[key], value);
}

enum tune_key rules_in_force(const struct rules *rules, enum tune_key key)
{
	enum tune_key twin = tune_key_twin(key);
	uint64_t value;

	return twin != key && rules_current(rules, twin, &value) && value > 0 ? twin : key;
}

struct tune_line *rules_line(struct rules *rules, enum tune_key key, const char *source)
{
	struct tune_line *line = &rules->advice->lines[rules->advice->count++];
	enum tune_key now = rules_in_force(rules, key);

	memset(line, 0, sizeof(*line));
	tune_key_name(key, rules->facts->device, line->name);
	if (now != key)
		tune_key_name(now, rules->facts->device, line->current_name);
	if (rules->is_known)
		snprintf(line->current, sizeof(line->current), "%s", rules->current->text[now]);
	line->source = source;
	return line;
}

struct tune_line *rules_keep(struct rules *rules, enum tune_key key, const char *source)
{
	struct tune_line *line = rules_line(rules, rules_in_force(rules, key), source);

	snprintf(line->advised, sizeof(line->advised), "%s", line->current);
	return line;
}

struct tune_line *rules_change(struct rules *rules, enum tune_key key, const char *source,
			       const char *format, ...)
{
	struct tune_line *line = rules_line(rules, key, source);
	va_list args;

	va_start(args, format);
	vsnprintf(line->advised, sizeof(line->advised), format, args);
	va_end(args);
	line->is_change = rules->is_known;
	rules->advice->changes += line->is_change;
	return line;
}

void rules_cannot(struct rules *rules, enum tune_key key, const char *source, const char *missing)
{
	struct tune_line *line = rules_line(rules, key, source);

	snprintf(line->reason, sizeof(line->reason), "no advice without %s", missing);
}

#define SAY(line, ...) snprintf((line)->reason, sizeof((line)->reason), __VA_ARGS__)

/* A number that is right anywhere between two bounds, and else becomes `advised`. */
static struct tune_line *within(struct rules *rules, enum tune_key key, uint64_t low, uint64_t high,
				unsigned advised, const char *source)
{
	uint64_t now;

	if (rules_current(rules, key, &now) && now >= low && now <= high)
		return rules_keep(rules, key, source);
	return rules_change(rules, key, source, "%u", advised);
}

static void rule_expire(struct rules *rules)
{
	uint64_t now = 0;
	bool is_known = rules_current(rules, TUNE_EXPIRE, &now);
	struct tune_line *line = within(rules, TUNE_EXPIRE, 500, 6000, 3000, SOURCE_VM);

	if (!line->is_change)
		SAY(line,
		    "%.0f s: files that live shorter are never written, and a power cut takes no "
		    "more than that and the wake-up behind it",
		    is_known ? (double)now / 100 : 30.0);
	else if (now < 500)
		SAY(line,
		    "%.2f s is so short that a page which changes often is written again and "
		    "again; 30 s is the kernel's own value",
		    (double)now / 100);
	else
		SAY(line,
		    "a power cut may take the last %.0f s of work; 30 s is the kernel's own "
		    "value",
		    (double)now / 100);
}

static void rule_writeback(struct rules *rules)
{
	uint64_t now = 0;
	bool is_known = rules_current(rules, TUNE_WRITEBACK, &now);
	struct tune_line *line = within(rules, TUNE_WRITEBACK, 100, 1500, 500, SOURCE_VM);

	if (!line->is_change)
		SAY(line,
		    "the flusher looks for old pages every %.0f s; it is woken at once, and not by "
		    "this clock, where the background threshold is passed",
		    is_known ? (double)now / 100 : 5.0);
	else if (now == 0)
		SAY(line, "0 switches periodic write-back off: what stays below the background "
			  "threshold is never written by itself");
	else if (now < 100)
		SAY(line,
		    "a wake-up every %.2f s costs CPU time and finds nothing: pages are %s old "
		    "when they are due",
		    (double)now / 100, "many seconds");
	else
		SAY(line, "pages wait up to %.0f s longer than vm.dirty_expire_centisecs says",
		    (double)now / 100);
}

/* The value of now, whatever it is; for another machine the kernel's own. */
static void no_swap(struct rules *rules)
{
	struct tune_line *line = rules_keep(rules, TUNE_SWAPPINESS, SOURCE_VM);

	line->is_without_effect = true;
	if (!*line->advised)
		snprintf(line->advised, sizeof(line->advised), "%d", SWAPPINESS);
	SAY(line, "it does nothing here: there is no swap, so memory of programs stays where it is "
		  "and only "
		  "the page cache gives way. Once there is swap, ask again");
}

static void rule_swappiness(struct rules *rules)
{
	switch (rules->facts->swap) {
	case TUNE_SWAP_ZRAM:
		SAY(within(rules, TUNE_SWAPPINESS, 100, 200, 150, SOURCE_VM),
		    "the swap is zram, compressed memory: cheaper to go to than the disk under the "
		    "page "
		    "cache, and the kernel's text suggests values beyond 100 for it");
		break;
	case TUNE_SWAP_HDD:
		SAY(within(rules, TUNE_SWAPPINESS, 1, 30, 10, SOURCE_TUNED),
		    "the swap is on a rotating disk: a page swapped in costs a seek of about 10 "
		    "ms, "
		    "while cached files are read back in long runs");
		break;
	case TUNE_SWAP_FLASH:
		SAY(within(rules, TUNE_SWAPPINESS, 1, 100, SWAPPINESS, SOURCE_VM),
		    "the swap is on flash: idle memory may go there to make room for files, but "
		    "not "
		    "before the page cache does");
		break;
	case TUNE_SWAP_NONE:
		no_swap(rules);
		break;
	default:
		rules_cannot(rules, TUNE_SWAPPINESS, SOURCE_VM, "the kind of swap (--swap)");
		break;
	}
}

struct read_ahead {
	unsigned kib;
	const char *source, *why;
};

static struct read_ahead read_ahead_for(enum tune_disk disk)
{
	switch (disk) {
	case TUNE_DISK_HDD:
		return (struct read_ahead){
			4096, SOURCE_TUNED,
			"a seek of about 10 ms costs as much as reading 1.5 MB, so "
			"two streams side by side need long runs"};
	case TUNE_DISK_RAID:
		return (struct read_ahead){
			16384, SOURCE_ARRAY,
			"one run must reach all the disks of the array, 1 MiB and "
			"more on each, to have their rates added up"};
	case TUNE_DISK_NVME:
		return (struct read_ahead){
			1024, SOURCE_TUNED,
			"0.1 ms of latency at several GB/s is several hundred kB under way at "
			"any time; the profile goes on to 4096"};
	case TUNE_DISK_VIRTUAL:
	case TUNE_DISK_NETWORK:
		return (struct read_ahead){
			4096, SOURCE_TUNED,
			"each read goes through a host or a network, about 1 ms: long runs "
			"hide that"};
	default:
		return (struct read_ahead){
			128, SOURCE_BLOCK,
			"the latency is low against the rate: the kernel's own value "
			"keeps the disk busy, and more would read in vain"};
	}
}

static void rule_read_ahead(struct rules *rules)
{
	struct read_ahead advised = read_ahead_for(rules->facts->disk);
	uint64_t now;

	if (rules->facts->disk == TUNE_DISK_UNKNOWN || (rules->is_known && !*rules->facts->device))
		return;
	if (rules_current(rules, TUNE_READ_AHEAD, &now) && now >= advised.kib)
		SAY(rules_keep(rules, TUNE_READ_AHEAD, advised.source),
		    "%u KiB or more is right for this kind of disk (%s): %s", advised.kib,
		    tune_disk_name(rules->facts->disk), advised.why);
	else
		SAY(rules_change(rules, TUNE_READ_AHEAD, advised.source, "%u", advised.kib),
		    "kind of disk: %s. %s", tune_disk_name(rules->facts->disk), advised.why);
}

void tune_advise(struct tune_advice *advice, const struct tune_facts *facts,
		 const struct tune_values *current, bool is_known, double wait_seconds)
{
	struct rules rules = {advice, facts, current, is_known, wait_seconds};

	memset(advice, 0, sizeof(*advice));
	rules_dirty(&rules);
	rule_expire(&rules);
	rule_writeback(&rules);
	rule_swappiness(&rules);
	rule_read_ahead(&rules);
	rules_network(&rules);
}
