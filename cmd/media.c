/* SPDX-License-Identifier: MIT */
#include "measure/media.h"

#include "bar.h"
#include "base/size.h"
#include "base/text.h"
#include "command.h"
#include "measure/report.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

enum { FIGURES = 68 }; /* columns before the bar */

static volatile sig_atomic_t was_interrupted;

static void on_signal(int number)
{
	(void)number;
	was_interrupted = 1;
}

static const char help[] =
	"Usage: sluice media [OPTION...]\n"
	"\n"
	"Measures the memory and storage hierarchy of this machine: latency and bandwidth of\n"
	"caches, memory, page cache, disk and loopback, and the cost of a system call, a thread\n"
	"switch and a page fault. What cannot be measured is left out, with the reason.\n"
	"\n"
	"  --disk PATH   a directory on the disk to measure (.), or a block device, which is only\n"
	"                read\n"
	"  --size N      size of the file there, such as 512M (1G, or less if little is free);\n"
	"                it has no name and vanishes with the command\n"
	"  --runs N      runs of each row, of which the median counts (5)\n"
	"  --json        print one JSON object\n"
	"  --html FILE   also write a page with charts\n";

struct media_command {
	struct measure_media_options options;
	const char *html;
	bool is_json, is_help, is_terminal;
};

static int parse_size(struct media_command *media, const char *text)
{
	if (!size_parse(text, &media->options.size) || media->options.size < MEASURE_MEDIA_SIZE_MIN)
		return command_misused("media: --size %s: a size of at least 16M, such as 512M",
				       text);
	return EXIT_DONE;
}

static int parse_runs(struct media_command *media, const char *text)
{
	if (!command_number(text, MEASURE_MEDIA_RUNS_MAX, &media->options.runs) ||
	    media->options.runs == 0)
		return command_misused("media: --runs %s: a number from 1 to %d", text,
				       MEASURE_MEDIA_RUNS_MAX);
	return EXIT_DONE;
}

static int parse_option(struct media_command *media, int option, char **argv)
{
	switch (option) {
	case 'd':
		media->options.disk = optarg;
		return *optarg ? EXIT_DONE
			       : command_misused("media: --disk '' names no directory or device");
	case 's':
		return parse_size(media, optarg);
	case 'r':
		return parse_runs(media, optarg);
	case 'j':
		media->is_json = true;
		return EXIT_DONE;
	case 'w':
		media->html = optarg;
		return *optarg ? EXIT_DONE : command_misused("media: --html '' names no file");
	case 'h':
		media->is_help = true;
		return EXIT_DONE;
	default:
		return command_bad_option(argv, option);
	}
}

static int parse(struct media_command *media, int argc, char **argv)
{
	static const struct option options[] = {
		{"disk", required_argument, NULL, 'd'},
		{"help", no_argument, NULL, 'h'},
		{"html", required_argument, NULL, 'w'},
		{"json", no_argument, NULL, 'j'},
		{"runs", required_argument, NULL, 'r'},
		{"size", required_argument, NULL, 's'},
		{0},
	};
	int option, result = EXIT_DONE;

	while (result == EXIT_DONE && !media->is_help &&
	       (option = getopt_long(argc, argv, ":h", options, NULL)) != -1)
		result = parse_option(media, option, argv);
	if (result == EXIT_DONE && !media->is_help && optind < argc)
		return command_misused("media: unexpected argument '%s'", argv[optind]);
	return result;
}

static bool go_on(void *argument, const char *label, unsigned run)
{
	const struct media_command *media = argument;

	if (media->is_terminal && run > 0)
		fprintf(stderr, "\r\033[K%u of %u  %s", run, media->options.runs, label);
	else if (media->is_terminal)
		fprintf(stderr, "\r\033[Kpreparing: %s", label);
	return !was_interrupted;
}

/* How a row's figures are written: all in the unit that fits the median. */
struct unit {
	const char *name;
	double scale;
	int digits;
};

static struct unit unit_of(const struct measure_media_row *row)
{
	static const struct unit seconds[] = {
		{"ns", 1e9, 0}, {"us", 1e6, 0}, {"ms", 1e3, 0}, {"s", 1, 0}};
	struct unit unit = {"GB/s", 1e-9, 0};
	unsigned i = 0;
	double value;

	if (row->kind != MEASURE_MEDIA_BANDWIDTH) {
		while (i < 3 && row->value.median * seconds[i].scale >= 999.5)
			i++;
		unit = seconds[i];
	}
	value = row->value.median * unit.scale;
	unit.digits = value < 0.9995 ? 3 : value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
	return unit;
}

/* The methods that the rows have, each once, numbered as they come. */
struct methods {
	const char *texts[MEASURE_MEDIA_ROWS];
	unsigned count;
};

static unsigned method_number(struct methods *methods, const char *text)
{
	for (unsigned i = 0; i < methods->count; i++)
		if (strcmp(methods->texts[i], text) == 0)
			return i + 1;
	methods->texts[methods->count++] = text;
	return methods->count;
}

/* The rows of one kind are one table, whose bars share a logarithmic scale. */
struct table {
	const struct measure_media *media;
	enum measure_media_kind kind;
	double low, high;
	unsigned width;
};

static bool is_in(const struct table *table, const struct measure_media_row *row)
{
	return row->kind == table->kind && !row->skipped[0];
}

static unsigned find_scale(struct table *table)
{
	unsigned count = 0;

	for (size_t i = 0; i < table->media->count; i++) {
		const struct measure_media_row *row = &table->media->rows[i];

		if (!is_in(table, row))
			continue;
		if (count == 0 || row->value.median < table->low)
			table->low = row->value.median;
		if (count == 0 || row->value.median > table->high)
			table->high = row->value.median;
		count++;
	}
	return count;
}

/* The smallest has a bar, too: the scale begins at half of it. */
static double share_of(const struct table *table, double value)
{
	return log(value / (table->low / 2)) / log(table->high / (table->low / 2));
}

static void print_row(const struct table *table, const struct measure_media_row *row,
		      unsigned method)
{
	char size[SIZE_TEXT] = "", median[32], spread[48], number[16], bar[BAR_TEXT];
	struct unit unit = unit_of(row);

	if (row->size)
		size_format(size, row->size);
	snprintf(median, sizeof(median), "%.*f %s", unit.digits, row->value.median * unit.scale,
		 unit.name);
	snprintf(spread, sizeof(spread), "%.*f-%.*f", unit.digits, row->value.min * unit.scale,
		 unit.digits, row->value.max * unit.scale);
	snprintf(number, sizeof(number), "[%u]", method);
	printf("  %-20s %9s %10s  %-11s %-4s %s", row->label, size, median, spread, number,
	       row->is_noisy  ? "noisy"
	       : table->width ? "     "
			      : "");
	printf("%s%s\n", table->width ? " " : "",
	       bar_text(bar, share_of(table, row->value.median), table->width));
}

static void print_kind(const struct measure_media *media, enum measure_media_kind kind,
		       const char *title, struct methods *methods)
{
	struct table table = {.media = media, .kind = kind, .width = bar_room(stdout, FIGURES)};

	if (find_scale(&table) == 0)
		return;
	printf("%s\n", title);
	for (size_t i = 0; i < media->count; i++)
		if (is_in(&table, &media->rows[i]))
			print_row(&table, &media->rows[i],
				  method_number(methods, media->rows[i].method));
	putchar('\n');
}

static void print_skipped(const struct measure_media *media)
{
	char safe[4 * MEASURE_MEDIA_TEXT];
	bool has_title = false;

	for (size_t i = 0; i < media->count; i++) {
		if (!media->rows[i].skipped[0])
			continue;
		if (!has_title)
			puts("left out");
		has_title = true;
		printf("  %-20s %s\n", media->rows[i].label,
		       text_for_terminal(safe, sizeof(safe), media->rows[i].skipped));
	}
	if (has_title)
		putchar('\n');
}

static void print_table(const struct measure_media *media)
{
	struct methods methods = {0};

	print_kind(media, MEASURE_MEDIA_LATENCY, "latency: how long one access takes", &methods);
	print_kind(media, MEASURE_MEDIA_BANDWIDTH, "bandwidth", &methods);
	print_kind(media, MEASURE_MEDIA_COST, "cost: time spent in the kernel", &methods);
	print_skipped(media);
	puts("how: the median of the runs, with the lowest and highest; noisy: these differ by "
	     "more\nthan a tenth of the median");
	for (unsigned i = 0; i < methods.count; i++)
		printf("  [%u] %s\n", i + 1, methods.texts[i]);
}

static int finish_output(void)
{
	return fflush(stdout) != 0 || ferror(stdout)
		       ? command_failed("standard output: %s", strerror(errno))
		       : EXIT_DONE;
}

static int print_json(const json_t *document)
{
	json_dumpf(document, stdout, JSON_COMPACT);
	putchar('\n');
	return finish_output();
}

static int report(const struct media_command *command, const struct measure_media *media)
{
	json_t *document = measure_media_json(media, command->options.disk);
	struct sluice_error error = {0};
	int result = EXIT_DONE;

	if (!document)
		return command_failed("media: %s", strerror(ENOMEM));
	if (command->is_json) {
		result = print_json(document);
	} else {
		print_table(media);
		result = finish_output();
	}
	if (command->html && report_write(command->html, "media", document, &error) < 0)
		result = command_failed("media: %s", error.text);
	json_decref(document);
	return result;
}

static int measure(struct media_command *command)
{
	static struct measure_media media;
	struct sluice_error error = {0};
	int status;

	if (command->html && report_check(command->html, &error) < 0)
		return command_failed("media: %s", error.text);
	status = measure_media_run(&command->options, &media, &error);
	if (command->is_terminal)
		fputs("\r\033[K", stderr);
	return status < 0 ? command_failed("media: %s", error.text) : report(command, &media);
}

static int run(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
	struct media_command media = {.options = {.disk = ".", .runs = 5, .go_on = go_on}};
	int result = parse(&media, argc, argv);

	if (result != EXIT_DONE)
		return result;
	if (media.is_help) {
		fputs(help, stdout);
		return EXIT_DONE;
	}
	media.options.argument = &media;
	media.is_terminal = isatty(STDERR_FILENO);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	return measure(&media);
}

const struct command command_media = {
	.name = "media",
	.run = run,
	.arguments = "[--disk PATH] [--size N] [--runs N] [--json] [--html FILE]",
	.description = "measure caches, memory, page cache, disk, loopback and kernel",
};
