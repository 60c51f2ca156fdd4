/* SPDX-License-Identifier: MIT */
/*
 * The page cache of files, again every second. The kernel counts no hits: they are told from what
 * did not happen. Pages of these files that came in were misses, or were written; the machine's own
 * counters say whether disks were read meanwhile.
 */
#include "cache.h"

#include "base/clock.h"
#include "base/size.h"
#include "pagecache/machine.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct sample {
	struct cache_total total;
	struct machine_counters machine;
	double seconds; /* of the clock */
};

/* What cannot be looked at is named by the first look alone. */
static int take_sample(struct cache_run *run, struct sample *sample)
{
	int result;

	run->printer->begin(run);
	result = cache_walk(run);
	run->printer->end(run);
	run->is_quiet = true;
	sample->total = run->total;
	machine_counters_read(&sample->machine);
	sample->seconds = clock_seconds();
	return result;
}

static double seconds_between(const struct sample *from, const struct sample *to)
{
	double seconds = to->seconds - from->seconds;

	return seconds > 0 ? seconds : 1;
}

static int64_t change_of(const struct sample *from, const struct sample *to)
{
	return (int64_t)(to->total.figures.resident_bytes - from->total.figures.resident_bytes);
}

static bool is_known(const struct sample *sample)
{
	return cache_is_total_known(&sample->total);
}

static const char *verdict(const struct sample *from, const struct sample *to)
{
	int64_t change = change_of(from, to);

	if (!is_known(to))
		return "unknown";
	if (change < 0)
		return "went out";
	if (change == 0)
		return "no misses";
	return to->machine.has_vmstat && to->machine.read_bytes == from->machine.read_bytes
		       ? "written, not read from a disk"
		       : "misses";
}

/* "+4.0 MiB, dirty 0 B: misses" */
static void print_change(const struct sample *from, const struct sample *to)
{
	const struct cache_figures *figures = &to->total.figures;
	char change[SIZE_TEXT], dirty[SIZE_TEXT] = "unknown";
	int64_t by = change_of(from, to);

	if (figures->has_states)
		size_format(dirty, figures->dirty_bytes + figures->writeback_bytes);
	printf("%c%s, dirty %s: %s", by < 0 ? '-' : '+',
	       size_format(change, (uint64_t)(by < 0 ? -by : by)), dirty, verdict(from, to));
}

static void print_machine(const struct sample *from, const struct sample *to, const char *before)
{
	const struct machine_counters *was = &from->machine, *is = &to->machine;
	double seconds = seconds_between(from, to);

	if (is->has_vmstat)
		printf("%s%.2f GB/s read, %.0f refaults/s, %.0f major faults/s", before,
		       (double)(is->read_bytes - was->read_bytes) / seconds / 1e9,
		       (double)(is->refault_pages - was->refault_pages) / seconds,
		       (double)(is->major_faults - was->major_faults) / seconds);
	if (is->has_pressure)
		printf("%s%.0f %% of the time waiting for I/O", is->has_vmstat ? ", " : before,
		       (double)(is->stalled_us - was->stalled_us) / seconds / 1e4);
}

static void print_line(const struct sample *from, const struct sample *to)
{
	char resident[SIZE_TEXT], size[SIZE_TEXT];

	if (is_known(to)) {
		printf("resident %s of %s, ",
		       size_format(resident, to->total.figures.resident_bytes),
		       size_format(size, to->total.size - to->total.unknown_size));
		print_change(from, to);
	} else {
		fputs("resident unknown", stdout);
	}
	print_machine(from, to, "; machine: ");
	putchar('\n');
}

/* Below the table, in lines that fit a window. */
static void print_lines(const struct sample *from, const struct sample *to)
{
	fputs("\nsince the last look  ", stdout);
	if (is_known(to))
		print_change(from, to);
	else
		fputs("unknown", stdout);
	print_machine(from, to, "\nthe machine          ");
	puts("\n\nCtrl-C ends.");
}

static void print_json(const struct sample *from, const struct sample *to, bool is_first)
{
	bool has_states = is_known(to) && to->total.figures.has_states;
	json_t *object = json_pack(
		"{s:f, s:I, s:o, s:o, s:o, s:s, s:o, s:o, s:o, s:o}", "seconds",
		seconds_between(from, to), "size_bytes", (json_int_t)to->total.size,
		"resident_bytes",
		is_known(to) ? json_integer((json_int_t)to->total.figures.resident_bytes)
			     : json_null(),
		"change_bytes", is_known(to) ? json_integer(change_of(from, to)) : json_null(),
		"unwritten_bytes",
		has_states ? json_integer((json_int_t)(to->total.figures.dirty_bytes +
						       to->total.figures.writeback_bytes))
			   : json_null(),
		"verdict", verdict(from, to), "machine_read_bytes",
		to->machine.has_vmstat ? json_integer((json_int_t)(to->machine.read_bytes -
								   from->machine.read_bytes))
				       : json_null(),
		"machine_refault_pages",
		to->machine.has_vmstat ? json_integer((json_int_t)(to->machine.refault_pages -
								   from->machine.refault_pages))
				       : json_null(),
		"machine_major_faults",
		to->machine.has_vmstat ? json_integer((json_int_t)(to->machine.major_faults -
								   from->machine.major_faults))
				       : json_null(),
		"machine_io_wait_seconds",
		to->machine.has_pressure
			? json_real((double)(to->machine.stalled_us - from->machine.stalled_us) /
				    1e6)
			: json_null());

	fputs(is_first ? "\n" : ",\n", stdout);
	json_dumpf(object, stdout, JSON_COMPACT);
	json_decref(object);
}

/* A second after the last look; a signal ends it. */
static void wait_second(const struct sample *last)
{
	if (!cache_is_stopped())
		clock_sleep_until(last->seconds + 1);
}

static void print(const struct cache_run *run, const struct sample *from, const struct sample *to,
		  bool is_first)
{
	if (run->is_json)
		print_json(from, to, is_first);
	else if (run->printer == &cache_table)
		print_lines(from, to);
	else
		print_line(from, to);
	fflush(stdout);
}

static void clear_screen(const struct cache_run *run)
{
	if (run->printer == &cache_table)
		fputs("\033[H\033[J", stdout);
}

static int watch(struct cache_run *run)
{
	struct sample from, to;
	int result;

	clear_screen(run);
	result = take_sample(run, &from);
	fflush(stdout);
	for (unsigned n = 0; result >= 0 && (run->count == 0 || n < run->count); n++) {
		wait_second(&from);
		if (cache_is_stopped())
			break;
		clear_screen(run);
		result = take_sample(run, &to);
		if (result >= 0)
			print(run, &from, &to, n == 0);
		from = to;
	}
	return result == -ECANCELED ? 0 : result;
}

/* On a terminal the table, drawn again each time: without its files where they have no room. */
static void choose_printer(struct cache_run *run)
{
	unsigned count = 0;

	run->printer = !run->is_json && isatty(STDOUT_FILENO) ? &cache_table : &cache_silent;
	for (char *const *path = run->paths; *path; path++) {
		struct stat status;

		count++;
		if (stat(*path, &status) == 0 && S_ISDIR(status.st_mode))
			run->is_summary = true;
	}
	run->is_summary |= count > 6;
}

int cache_watch(struct cache_run *run)
{
	int result;

	choose_printer(run);
	if (run->is_json)
		fputs("{\"command\":\"cache\",\"version\":\"" SLUICE_VERSION
		      "\",\"action\":\"watch\",\"samples\":[",
		      stdout);
	result = watch(run);
	if (run->is_json)
		fputs("\n]}\n", stdout);
	if (result < 0)
		return command_failed("cache: %s", strerror(-result));
	if (fflush(stdout) || ferror(stdout))
		return command_failed("cache: standard output: %s", strerror(errno));
	return run->total.failed || run->total.unknown ? EXIT_FAILED : EXIT_DONE;
}
