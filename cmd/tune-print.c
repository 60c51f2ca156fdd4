/* SPDX-License-Identifier: MIT */
#include "tune.h"

#include "base/size.h"
#include "base/text.h"
#include "measure/facts.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

enum { WIDTH = 84, INDENT = 11 };

/* Text broken between words, behind a title. */
static void paragraph(const char *title, const char *text)
{
	printf("  %-*s", INDENT - 2, title);
	while (*text) {
		size_t length = text_line(text, WIDTH);

		printf("%.*s\n", (int)length, text);
		text += length;
		text += strspn(text, " ");
		if (*text)
			printf("%*s", INDENT, "");
	}
}

static void print_facts(const struct tune_report *report)
{
	const struct tune_facts *facts = &report->facts;
	char size[SIZE_TEXT];

	printf("%s: ", report->is_this_machine ? "This machine" : "A machine");
	if (facts->cores)
		printf("%u cores, ", facts->cores);
	if (facts->memory_bytes)
		printf("%s of memory, ", size_format(size, facts->memory_bytes));
	printf("disk %s%s%s", tune_disk_name(facts->disk), *facts->device ? " " : "",
	       facts->device);
	if (facts->disk_bytes_per_second)
		printf(" that writes back %.3g GB/s%s", (double)facts->disk_bytes_per_second / 1e9,
		       facts->is_disk_measured ? " (measured)" : "");
	if (facts->network_bits_per_second)
		printf(", network %.3g Gbit/s", (double)facts->network_bits_per_second / 1e9);
	else
		printf(", network rate unknown");
	if (facts->round_trip_seconds > 0)
		printf(" with %.3g ms round-trip time", facts->round_trip_seconds * 1e3);
	printf(", swap: %s\n", tune_swap_name(facts->swap));
}

static void print_line(const struct tune_line *line)
{
	printf("\n%s\n", line->name);
	if (*line->current && *line->current_name)
		printf("  %-*s%s = %s\n", INDENT - 2, "now", line->current_name, line->current);
	else
		printf("  %-*s%s\n", INDENT - 2, "now",
		       *line->current ? line->current : "not known");
	if (!*line->advised)
		printf("  %-*snothing can be said\n", INDENT - 2, "advised");
	else if (*line->instead)
		printf("  %-*s%s instead\n", INDENT - 2, "advised", line->instead);
	else if (line->is_without_effect)
		printf("  %-*sany value: no effect here\n", INDENT - 2, "advised");
	else if (*line->current && !line->is_change)
		printf("  %-*sright already\n", INDENT - 2, "advised");
	else
		printf("  %-*s%s\n", INDENT - 2, "advised", line->advised);
	paragraph("because", line->reason);
	printf("  %-*s%s\n", INDENT - 2, "source", line->source);
}

static void print_side(const char *title, const struct prove_side *side)
{
	printf("\n%s: %u rounds; write-back from %.2f GB on, limit %.2f GB\n", title, side->rounds,
	       (double)side->middle->background_bytes / 1e9,
	       (double)side->middle->dirty_bytes / 1e9);
	printf("  burst to the disk  %.2f GB/s (%.2f to %.2f), to the end of its sync\n",
	       side->rate.median / 1e9, side->rate.min / 1e9, side->rate.max / 1e9);
	printf("  fsync beside it    longest %.3f s (each round's: %.3f to %.3f), p99 %.3f s, "
	       "median "
	       "%.4f s, of %u\n",
	       side->longest.max, side->longest.min, side->longest.max, side->fsync_p99,
	       side->fsync_p50, side->fsync_count);
	printf("  throttled writer   longest write of 1 MiB %.3f s\n", side->longest_write);
	printf("  reader of hot data longest read of 1 MiB %.4f s, p99 %.4f s\n",
	       side->longest_read, side->read_p99);
	printf("  simulation         area between its curve of dirty pages and the measured one: "
	       "%.0f %%\n",
	       side->distance * 100);
}

static void print_proof(const struct proof *proof)
{
	printf("\nThe experiment: bursts of %.2f GB, filled at %.2f GB/s, written back at %.2f "
	       "GB/s; "
	       "%.0f s in all\n",
	       (double)proof->plan.burst_bytes / 1e9, proof->fill_rate / 1e9,
	       proof->drain_rate / 1e9, proof->seconds);
	if (proof->plan.is_capped)
		printf("The burst is capped at %s, so it may not reach the limit.\n",
		       proof->plan.cap);
	print_side("Before", &proof->before);
	if (proof->after.rounds)
		print_side("After", &proof->after);
	printf("\n%s\n", proof->text);
}

static void print_end(const struct tune_report *report)
{
	const struct tune_advice *advice = &report->advice;

	if (report->is_applied)
		printf("\n%u values are set until the next boot. The old ones are saved; sluice "
		       "tune --revert restores them.\n",
		       advice->changes);
	else if (report->is_this_machine && !advice->changes)
		printf("\nNothing to change.\n");
	else if (report->is_this_machine)
		printf("\n%u values to change: --apply sets them now, --write FILE keeps them in "
		       "sysctl.d, --prove shows what they do. --apply and --prove need root.\n",
		       advice->changes);
	if (report->has_saved && !report->is_applied)
		printf("Values of an earlier --apply are in force; sluice tune --revert restores "
		       "the "
		       "old ones.\n");
	if (report->written)
		printf("%s%s is written. To apply it, run sysctl --system or reboot.\n",
		       report->is_this_machine ? "" : "\n", report->written);
}

void tune_print(const struct tune_report *report)
{
	print_facts(report);
	for (unsigned i = 0; i < report->advice.count; i++)
		print_line(&report->advice.lines[i]);
	if (report->has_proof)
		print_proof(&report->proof);
	print_end(report);
}

static json_t *text_or_null(const char *text)
{
	return *text ? json_string(text) : json_null();
}

static json_t *number_or_null(uint64_t number)
{
	return number ? json_integer((json_int_t)number) : json_null();
}

static json_t *facts_json(const struct tune_facts *facts)
{
	return json_pack(
		"{s:o, s:o, s:o, s:s, s:o, s:o, s:b, s:o, s:o, s:s}", "cores",
		number_or_null(facts->cores), "memory_bytes", number_or_null(facts->memory_bytes),
		"available_bytes", number_or_null(facts->available_bytes), "disk",
		tune_disk_name(facts->disk), "device", text_or_null(facts->device),
		"disk_bytes_per_second", number_or_null(facts->disk_bytes_per_second),
		"is_disk_measured", facts->is_disk_measured, "network_bits_per_second",
		number_or_null(facts->network_bits_per_second), "round_trip_seconds",
		facts->round_trip_seconds > 0 ? json_real(facts->round_trip_seconds) : json_null(),
		"swap", tune_swap_name(facts->swap));
}

static json_t *advice_json(const struct tune_advice *advice)
{
	json_t *lines = json_array();

	for (unsigned i = 0; i < advice->count; i++) {
		const struct tune_line *line = &advice->lines[i];
		const char *now = *line->current_name ? line->current_name : line->name;

		json_array_append_new(
			lines,
			json_pack("{s:s, s:o, s:o, s:o, s:b, s:o, s:b, s:o, s:s, s:s}", "name",
				  line->name, "current_name",
				  *line->current ? json_string(now) : json_null(), "current",
				  text_or_null(line->current), "advised",
				  text_or_null(line->advised), "is_change", line->is_change,
				  "instead", text_or_null(line->instead), "has_effect",
				  !line->is_without_effect, "available_percent",
				  line->available_percent > 0 ? json_real(line->available_percent)
							      : json_null(),
				  "reason", line->reason, "source", line->source));
	}
	return lines;
}

json_t *tune_report_json(const struct tune_report *report)
{
	const struct tune_advice *advice = &report->advice;

	return json_pack("{s:s, s:s, s:o, s:b, s:o, s:f, s:o, s:i, s:o, s:o, s:b, s:b, s:o, s:o}",
			 "command", "tune", "version", SLUICE_VERSION, "machine",
			 report->is_this_machine ? measure_facts_json(report->directory)
						 : json_null(),
			 "is_this_machine", report->is_this_machine, "facts",
			 facts_json(&report->facts), "wait_seconds", report->wait_seconds, "advice",
			 advice_json(advice), "changes", (int)advice->changes,
			 "advised_background_bytes", number_or_null(advice->background_bytes),
			 "advised_dirty_bytes", number_or_null(advice->dirty_bytes), "is_applied",
			 report->is_applied, "has_saved", report->has_saved || report->is_applied,
			 "written", report->written ? json_string(report->written) : json_null(),
			 "proof", report->has_proof ? proof_json(&report->proof) : json_null());
}

/* Whether somebody changed a value between --apply and now. */
static bool is_changed_since(const struct tune_saved *saved, const struct tune_saved *found)
{
	return strcmp(found->name, saved->new_name) != 0 ||
	       strcmp(found->value, saved->new_value) != 0;
}

void tune_print_revert(const struct tune_state *saved, const struct tune_state *found)
{
	for (unsigned i = 0; i < saved->count; i++) {
		const struct tune_saved *old = &saved->saved[i], *now = &found->saved[i];

		printf("%s = %s is restored", old->name, old->value);
		if (strcmp(now->name, old->name) == 0 && strcmp(now->value, old->value) == 0)
			puts("; it was set already");
		else if (is_changed_since(old, now))
			printf("; %s = %s had been set after --apply\n", now->name, now->value);
		else
			printf("; it was %s = %s\n", now->name, now->value);
	}
}

json_t *tune_revert_json(const struct tune_state *saved, const struct tune_state *found)
{
	json_t *values = json_array();

	for (unsigned i = 0; i < saved->count; i++)
		json_array_append_new(
			values, json_pack("{s:s, s:s, s:s, s:s, s:b}", "name", saved->saved[i].name,
					  "restored", saved->saved[i].value, "found_name",
					  found->saved[i].name, "found", found->saved[i].value,
					  "is_changed_since_apply",
					  is_changed_since(&saved->saved[i], &found->saved[i])));
	return json_pack("{s:s, s:s, s:o}", "command", "tune", "version", SLUICE_VERSION,
			 "reverted", values);
}
