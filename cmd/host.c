/* SPDX-License-Identifier: MIT */
#include "host.h"

#include "base/text.h"
#include "command.h"
#include "host/read.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WIDTH = 100, LABEL = 18 };

static const char help[] =
	"Usage: sluice host [OPTION]...\n"
	"\n"
	"Lists what this machine offers for moving files, and what follows from each fact. It\n"
	"changes nothing, loads no kernel module and leaves nothing behind; features are tried,\n"
	"not guessed.\n"
	"\n"
	"  --disk PATH  describe the disk and file system of this file or directory, instead of\n"
	"               all mounted ones; repeatable\n"
	"  --rtt MS     judge TCP's buffers for this round-trip time, instead of 1, 10 and\n"
	"               100 ms; repeatable\n"
	"  --json       print one JSON object\n";

struct options {
	bool is_help, is_json;
	const char **disks;
	unsigned disk_count;
	double rtt_seconds[HOST_RTT_MAX];
	unsigned rtt_count;
};

/* Printing */

/* From column `used` on; what does not fit goes on below, indented. */
static void print_wrapped(const char *text, size_t used)
{
	while (*text) {
		size_t length = strcspn(text, " ");

		if (used + 1 + length > WIDTH && used > LABEL + 4) {
			printf("\n%*s", LABEL + 3, "");
			used = LABEL + 3;
		}
		printf(" %.*s", (int)length, text);
		used += 1 + length;
		text += length + strspn(text + length, " ");
	}
}

static void print_line(void *argument, const char *label, const char *value, const char *meaning)
{
	char safe[8192], text[9216];

	text_for_terminal(safe, sizeof(safe), value);
	snprintf(text, sizeof(text), "%s%s%s", safe, *meaning ? ": " : "", meaning);
	printf("  %-*s", LABEL, label);
	print_wrapped(text, LABEL + 2);
	putchar('\n');
}

static void print_head(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void print_head(const char *format, ...)
{
	char text[8192], safe[8192];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	text_for_terminal(safe, sizeof(safe), text);
	printf("%s\n", safe);
}

static void print_place(const struct host_say *say, const struct host_place *place)
{
	const struct host_filesystem *system = &place->system;

	putchar('\n');
	if (place->error.code) {
		print_head("Disk: %s", place->error.text);
		return;
	}
	if (*system->disk.name)
		print_head("Disk %s: %s (%s) at %s", system->disk.name, system->asked, system->type,
			   system->point);
	else
		print_head("No disk: %s (%s) at %s", system->asked, system->type, system->point);
	host_say_filesystem(say, system);
}

static void print_network(const struct host_say *say, const struct host_found *found)
{
	if (found->network_status < 0)
		printf("\nNetwork: cannot list the links: %s\n", strerror(-found->network_status));
	for (unsigned i = 0; i < found->network.count; i++) {
		putchar('\n');
		print_head("Network link %s%s", found->network.links[i].name,
			   found->network.links[i].has_default_route ? ", of the default route"
								     : "");
		host_say_link(say, &found->network.links[i]);
	}
}

static void print_tcp(const struct host_say *say, const struct host_found *found)
{
	const struct host_link *link = host_network_default(&found->network);
	uint64_t speed = host_found_speed(found);

	putchar('\n');
	if (speed)
		print_head("TCP, for %s's %.6g Gbit/s and assumed round-trip times", link->name,
			   (double)speed / 1e9);
	else
		print_head("TCP, with assumed round-trip times (%s)",
			   link ? "the speed of the default route's link is unknown"
				: "there is no default route");
	host_say_tcp(say, &found->tcp, speed, found->rtt_seconds, found->rtt_count);
}

static void print_found(const struct host_found *found)
{
	const struct host_say say = {.line = print_line};

	print_head("Kernel %s, %s", found->kernel.release, found->kernel.architecture);
	host_say_kernel(&say, &found->kernel);
	putchar('\n');
	print_head("CPUs");
	host_say_cpu(&say, &found->cpu);
	putchar('\n');
	print_head("Memory");
	host_say_memory(&say, &found->memory, &found->huge);
	for (unsigned i = 0; i < found->place_count; i++)
		print_place(&say, &found->places[i]);
	if (found->place_count == 0)
		puts("\nDisk: no mounted file system is on a disk; name one with --disk PATH");
	print_network(&say, found);
	print_tcp(&say, found);
}

/* Asking */

uint64_t host_found_speed(const struct host_found *found)
{
	const struct host_link *link = host_network_default(&found->network);

	return link ? link->speed_bits_per_second : 0;
}

static int add_place(struct host_found *found, const char *path)
{
	struct host_place *places =
		realloc(found->places, (found->place_count + 1) * sizeof(*found->places));
	struct host_place *place;

	if (!places)
		return -ENOMEM;
	found->places = places;
	place = &places[found->place_count++];
	place->error = (struct sluice_error){0};
	return host_filesystem_of(found->root, path, &place->system, &place->error);
}

/* One that cannot be asked says so in its place, and the others are told all the same. */
static void add_mounted(void *argument, const char *point)
{
	add_place(argument, point);
}

static int find_places(struct host_found *found, const struct options *options)
{
	int status;

	for (unsigned i = 0; i < options->disk_count; i++)
		if (add_place(found, options->disks[i]) < 0)
			return command_failed("host: %s", found->places
								  ? found->places[i].error.text
								  : strerror(ENOMEM));
	if (options->disk_count)
		return EXIT_DONE;
	status = host_filesystem_each(found->root, add_mounted, found);
	if (status < 0)
		return command_failed("host: the list of mounts: %s", strerror(-status));
	return EXIT_DONE;
}

static int find(struct host_found *found, const struct options *options)
{
	static const double usual[] = {0.001, 0.01, 0.1};

	found->root = host_root_open();
	if (found->root < 0)
		return command_failed("host: /: %s", strerror(-found->root));
	if (find_places(found, options) != EXIT_DONE)
		return EXIT_FAILED;
	host_kernel_try(&found->kernel);
	host_cpu_read(found->root, &found->cpu);
	host_memory_read(found->root, &found->memory);
	host_huge_read(found->root, &found->huge);
	found->network_status = host_network_read(found->root, &found->network);
	host_tcp_read(found->root, &found->tcp);
	found->rtt_count = options->rtt_count ? options->rtt_count : 3;
	memcpy(found->rtt_seconds, options->rtt_count ? options->rtt_seconds : usual,
	       found->rtt_count * sizeof(double));
	return EXIT_DONE;
}

static void forget(struct host_found *found)
{
	if (found->root >= 0)
		close(found->root);
	free(found->places);
	host_network_free(&found->network);
}

static int print_json(const struct host_found *found)
{
	json_t *root = host_found_json(found);
	int status = EXIT_DONE;

	if (!root)
		status = command_failed("host: out of memory");
	else
		json_dumpf(root, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(root);
	return status;
}

static int tell(const struct options *options)
{
	struct host_found found = {.root = -1};
	int status = find(&found, options);

	if (status == EXIT_DONE) {
		if (options->is_json)
			status = print_json(&found);
		else
			print_found(&found);
		if (status == EXIT_DONE && (fflush(stdout) != 0 || ferror(stdout)))
			status = command_failed("standard output: %s", strerror(errno));
	}
	forget(&found);
	return status;
}

/* Options */

static int take_rtt(struct options *options, const char *text)
{
	char *end;
	double milliseconds = strtod(text, &end);

	/* 10 s: above it nobody waits for a connection */
	if (end == text || *end || !(milliseconds >= 0.001 && milliseconds <= 10000))
		return command_misused(
			"host: --rtt %s: expected 0.001 to 10000 milliseconds, as in --rtt 20",
			text);
	if (options->rtt_count == HOST_RTT_MAX)
		return command_misused("host: --rtt: at most %d times", HOST_RTT_MAX);
	options->rtt_seconds[options->rtt_count++] = milliseconds / 1e3;
	return EXIT_DONE;
}

static int take_options(int argc, char **argv, struct options *options)
{
	static const struct option known[] = {
		{"help", no_argument, NULL, 'h'},
		{"json", no_argument, NULL, 'j'},
		{"disk", required_argument, NULL, 'd'},
		{"rtt", required_argument, NULL, 'r'},
		{0},
	};
	int option;

	while ((option = getopt_long(argc, argv, ":h", known, NULL)) != -1) {
		if (option == 'h')
			options->is_help = true;
		else if (option == 'j')
			options->is_json = true;
		else if (option == 'd')
			options->disks[options->disk_count++] = optarg;
		else if (option != 'r')
			return command_bad_option(argv, option);
		else if (take_rtt(options, optarg) != EXIT_DONE)
			return EXIT_USAGE;
	}
	if (optind < argc && !options->is_help)
		return command_misused("host: unexpected argument '%s'; use --disk to name a place",
				       argv[optind]);
	return EXIT_DONE;
}

static int run(int argc, char **argv)
{
	struct options options = {.disks = calloc((size_t)argc, sizeof(char *))};
	int status;

	if (!options.disks)
		return command_failed("host: %s", strerror(ENOMEM));
	status = take_options(argc, argv, &options);
	if (status == EXIT_DONE && options.is_help)
		fputs(help, stdout);
	else if (status == EXIT_DONE)
		status = tell(&options);
	free(options.disks);
	return status;
}

const struct command command_host = {
	.name = "host",
	.run = run,
	.arguments = "[--disk PATH] [--rtt MS] [--json]",
	.description = "list what this machine offers for moving files, and what follows from it",
};
