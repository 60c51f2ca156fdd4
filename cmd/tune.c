/* SPDX-License-Identifier: MIT */
/* sluice tune: advice for the kernel's settings, applied, reverted, written, proven. */
#include "tune.h"
#include "command.h"

#include "base/cleanup.h"
#include "host/read.h"
#include "measure/report.h"
#include "tune/conf.h"
#include "tune/gather.h"
#include "tune/parse.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define LEAST_WAIT 0.01
#define MOST_WAIT  600.0

static const char help[] =
	"Usage: sluice tune [OPTION]...\n"
	"\n"
	"Advises on the kernel's settings for write-back, swapping, read-ahead and TCP's buffers,\n"
	"each with its current value, the reason with its figures, and the source of the rule.\n"
	"Measures how fast the disk can be written: up to 512 MiB, some seconds, nothing left\n"
	"behind.\n"
	"\n"
	"  --folder DIR      tune for the disk under DIR (the current directory)\n"
	"  --wait SECONDS    how long an fsync or a throttled writer may wait (2)\n"
	"  --round-trip TIME to the farthest peer that should get the full rate, such as 20ms\n"
	"  --write FILE      write the advice as a commented file for sysctl.d\n"
	"  --apply           set the values now, until the next boot; needs root\n"
	"  --revert          restore the values from before --apply; needs root\n"
	"  --prove           measure bursts before and after, about a minute; needs root\n"
	"  --html FILE       with --prove: write a page with charts of dirty memory\n"
	"  --json            print one JSON object instead of text\n"
	"\n"
	"For another machine, whose current values are unknown:\n"
	"  --cores N\n"
	"  --memory SIZE     such as 512G\n"
	"  --disk KIND:RATE  hdd, raid (of HDDs), ssd, nvme, emmc, virtual, network; bytes per\n"
	"                    second, such as nvme:6G\n"
	"  --network RATE[:ROUND-TRIP]\n"
	"                    bits per second, such as 100G or 10G:20ms\n"
	"  --swap KIND       none, zram, flash, hdd\n"
	"Facts that are not given are taken from this machine.\n";

struct options {
	struct tune_report *report;
	struct tune_facts told; /* of another machine; what is 0 was not told */
	double round_trip_seconds;
	bool apply, revert, prove, json;
	const char *html;
};

static int parse_wait(struct options *options, const char *text)
{
	if (tune_parse_time(text, &options->report->wait_seconds) < 0 ||
	    options->report->wait_seconds < LEAST_WAIT || options->report->wait_seconds > MOST_WAIT)
		return command_misused("tune: --wait %s: a time from 10ms to 600s, as in --wait 2",
				       text);
	return EXIT_DONE;
}

static int parse_round_trip(struct options *options, const char *text)
{
	if (tune_parse_time(text, &options->round_trip_seconds) < 0 ||
	    options->round_trip_seconds > 60)
		return command_misused("tune: --round-trip %s: a time up to 60s, as in 20ms", text);
	return EXIT_DONE;
}

typedef int parse_fact(struct tune_facts *facts, const char *text, struct sluice_error *error);

static int parse_told(struct options *options, parse_fact *parse, const char *text)
{
	struct sluice_error error;

	if (parse(&options->told, text, &error) < 0)
		return command_misused("tune: %s", error.text);
	options->report->is_this_machine = false;
	return EXIT_DONE;
}

static int take_option(struct options *options, int option, const char *value)
{
	switch (option) {
	case 'f':
		options->report->directory = value;
		return EXIT_DONE;
	case 'w':
		return parse_wait(options, value);
	case 't':
		return parse_round_trip(options, value);
	case 'W':
		options->report->written = value;
		return EXIT_DONE;
	case 'a':
		options->apply = true;
		return EXIT_DONE;
	case 'r':
		options->revert = true;
		return EXIT_DONE;
	case 'p':
		options->prove = true;
		return EXIT_DONE;
	case 'H':
		options->html = value;
		return EXIT_DONE;
	case 'j':
		options->json = true;
		return EXIT_DONE;
	case 'c':
		return parse_told(options, tune_parse_cores, value);
	case 'm':
		return parse_told(options, tune_parse_memory, value);
	case 'd':
		return parse_told(options, tune_parse_disk, value);
	case 'n':
		return parse_told(options, tune_parse_network, value);
	default:
		return parse_told(options, tune_parse_swap, value);
	}
}

/* What cannot be meant together. */
static int check_options(const struct options *options)
{
	const struct tune_report *report = options->report;
	struct sluice_error error;

	if (options->apply + options->revert + options->prove > 1)
		return command_misused(
			"tune: --apply, --revert and --prove exclude one another: give one");
	if (options->revert && (report->written || !report->is_this_machine))
		return command_misused("tune: --revert restores what was saved: it takes no facts "
				       "and no --write");
	if (!report->is_this_machine && (options->apply || options->prove))
		return command_misused("tune: --%s works on this machine, but --cores, --memory, "
				       "--disk, --network and --swap describe another one: use "
				       "--write FILE instead, or leave them out",
				       options->apply ? "apply" : "prove");
	if (options->html && !options->prove)
		return command_misused("tune: --html requires --prove");
	if (tune_facts_check(&options->told, &error) < 0)
		return command_misused("tune: %s", error.text);
	return EXIT_DONE;
}

/* -1 to go on, else the exit status. */
static int parse_options(struct options *options, int argc, char **argv)
{
	static const struct option known[] = {
		{"help", no_argument, NULL, 'h'},
		{"folder", required_argument, NULL, 'f'},
		{"wait", required_argument, NULL, 'w'},
		{"round-trip", required_argument, NULL, 't'},
		{"write", required_argument, NULL, 'W'},
		{"apply", no_argument, NULL, 'a'},
		{"revert", no_argument, NULL, 'r'},
		{"prove", no_argument, NULL, 'p'},
		{"html", required_argument, NULL, 'H'},
		{"json", no_argument, NULL, 'j'},
		{"cores", required_argument, NULL, 'c'},
		{"memory", required_argument, NULL, 'm'},
		{"disk", required_argument, NULL, 'd'},
		{"network", required_argument, NULL, 'n'},
		{"swap", required_argument, NULL, 's'},
		{0},
	};
	int option, result;

	while ((option = getopt_long(argc, argv, ":h", known, NULL)) != -1) {
		if (option == 'h') {
			fputs(help, stdout);
			return EXIT_DONE;
		}
		if (option == '?' || option == ':')
			return command_bad_option(argv, option);
		result = take_option(options, option, optarg);
		if (result != EXIT_DONE)
			return result;
	}
	if (optind < argc)
		return command_misused("tune: unexpected argument '%s'", argv[optind]);
	result = check_options(options);
	return result == EXIT_DONE ? -1 : result;
}

static int print_json(json_t *json)
{
	int result = json ? json_dumpf(json, stdout, JSON_COMPACT) : -1;

	json_decref(json);
	if (result < 0 || putchar('\n') == EOF || fflush(stdout) == EOF)
		return command_failed("cannot write the JSON: %s", strerror(errno));
	return EXIT_DONE;
}

static int revert(const struct options *options, struct tune_system *system)
{
	struct tune_state saved, found;
	struct sluice_error error;

	if (tune_revert(system, &saved, &found, &error) < 0)
		return command_failed("%s", error.text);
	if (options->json)
		return print_json(tune_revert_json(&saved, &found));
	tune_print_revert(&saved, &found);
	if (fflush(stdout) == EOF)
		return command_failed("cannot write: %s", strerror(errno));
	return EXIT_DONE;
}

/* What was told about another machine takes the place of this one's. */
static void take_told(struct tune_facts *facts, const struct options *options)
{
	const struct tune_facts *told = &options->told;

	if (told->cores)
		facts->cores = told->cores;
	if (told->memory_bytes) {
		facts->memory_bytes = told->memory_bytes;
		facts->available_bytes = told->available_bytes;
	}
	if (told->disk) {
		facts->disk = told->disk;
		facts->disk_bytes_per_second = told->disk_bytes_per_second;
		facts->device[0] = '\0';
	}
	if (told->network_bits_per_second) {
		facts->network_bits_per_second = told->network_bits_per_second;
		facts->round_trip_seconds = told->round_trip_seconds;
	}
	if (told->swap)
		facts->swap = told->swap;
	if (options->round_trip_seconds > 0)
		facts->round_trip_seconds = options->round_trip_seconds;
}

static int find_facts(const struct options *options, struct tune_system *system)
{
	struct tune_report *report = options->report;
	struct sluice_error error;

	if (tune_gather(&report->facts, system->root, report->directory, &error) < 0 &&
	    !options->told.disk)
		return command_failed("%s", error.text);
	if (!options->told.disk && tune_measure_disk(&report->facts, report->directory, &error) < 0)
		return command_failed("%s", error.text);
	take_told(&report->facts, options);
	if (tune_facts_check(&report->facts, &error) < 0)
		return command_misused("tune: %s", error.text);
	return EXIT_DONE;
}

static void advise(struct tune_report *report, struct tune_system *system)
{
	struct tune_values values = {0};
	struct tune_state state;

	if (report->is_this_machine) {
		tune_sysctl_read_all(system, report->facts.device, &values);
		report->has_saved =
			tune_state_read(system->root, &state, NULL) > 0 && !state.is_stale;
	}
	tune_advise(&report->advice, &report->facts, &values, report->is_this_machine,
		    report->wait_seconds);
}

static void on_progress(void *argument, const char *what, double part)
{
	(void)argument;
	fprintf(stderr, "\r\033[Ksluice tune: %s, %.0f %%", what, part * 100);
}

static double centisecs(struct tune_system *system, const char *name)
{
	char value[TUNE_VALUE];
	uint64_t number;

	if (tune_sysctl_read(system, name, value, NULL) < 0 || !tune_value_number(value, &number))
		return 0;
	return (double)number / 100;
}

static int run_proof(struct tune_report *report, struct tune_system *system)
{
	struct tune_values values;
	struct prove_options options = {.directory = report->directory};
	struct prove_plan plan;
	struct sluice_error error;
	uint64_t now, space;
	int result;

	tune_sysctl_read_all(system, report->facts.device, &values);
	now = tune_threshold(values.text[TUNE_DIRTY_BYTES], values.text[TUNE_DIRTY_RATIO],
			     report->facts.available_bytes);
	options.wake_seconds = centisecs(system, "vm.dirty_writeback_centisecs");
	options.expire_seconds = centisecs(system, "vm.dirty_expire_centisecs");
	options.progress = isatty(STDERR_FILENO) ? on_progress : NULL;
	result = tune_free_space(report->directory, &space, &error);
	if (result == 0)
		result = prove_plan(&plan, now, report->advice.dirty_bytes,
				    report->facts.available_bytes, space,
				    report->facts.disk_bytes_per_second, &error);
	if (result == 0)
		result = prove(&report->proof, system, &report->advice, &plan, &options, &error);
	if (options.progress)
		fputs("\r\033[K", stderr);
	report->has_proof = result == 0;
	return result < 0 ? command_failed("%s", error.text) : EXIT_DONE;
}

static int act(const struct options *options, struct tune_system *system)
{
	struct tune_report *report = options->report;
	struct sluice_error error;

	if (options->prove && run_proof(report, system) != EXIT_DONE)
		return EXIT_FAILED;
	/* Before anything is applied: a file that cannot be written must not end a command whose
	 * values are in force. */
	if (report->written && tune_conf_write(report->written, &report->advice, &report->facts,
					       report->wait_seconds, &error) < 0)
		return command_failed("%s", error.text);
	if (options->apply) {
		if (tune_apply(system, &report->advice, &error) < 0)
			return command_failed("%s", error.text);
		report->is_applied = report->advice.changes > 0;
	}
	return EXIT_DONE;
}

static int tell(const struct options *options)
{
	struct tune_report *report = options->report;
	struct sluice_error error;

	if (options->html) {
		json_t *json = tune_report_json(report);
		int result = report_write(options->html, "prove", json, &error);

		json_decref(json);
		if (result < 0)
			return command_failed("%s", error.text);
	}
	if (options->json)
		return print_json(tune_report_json(report));
	tune_print(report);
	if (fflush(stdout) == EOF)
		return command_failed("cannot write: %s", strerror(errno));
	return EXIT_DONE;
}

static int work(const struct options *options, struct tune_system *system)
{
	struct sluice_error error;
	int result;

	if (options->revert)
		return revert(options, system);
	/* Before seconds or minutes of work, what would make them useless. */
	if ((options->prove || options->apply) && geteuid() != 0)
		return command_failed("tune --%s sets values, which needs root: run it with sudo",
				      options->prove ? "prove" : "apply");
	if (options->html && report_check(options->html, &error) < 0)
		return command_failed("%s", error.text);
	result = find_facts(options, system);
	if (result != EXIT_DONE)
		return result;
	advise(options->report, system);
	result = act(options, system);
	if (result == EXIT_DONE)
		result = tell(options);
	proof_free(&options->report->proof);
	return result;
}

static int run(int argc, char **argv)
{
	struct tune_report *report = calloc(1, sizeof(*report));
	struct options options = {.report = report};
	struct tune_system system;
	int result, root;

	if (!report)
		return command_failed("no memory");
	report->directory = ".";
	report->wait_seconds = TUNE_WAIT_SECONDS;
	report->is_this_machine = true;
	result = parse_options(&options, argc, argv);
	if (result < 0) {
		root = host_root_open();
		tune_system_init(&system, root);
		result = root < 0 ? command_failed("cannot open /: %s", strerror(-root))
				  : work(&options, &system);
		if (root >= 0)
			close(root);
	}
	free(report);
	return result;
}

const struct command command_tune = {
	.name = "tune",
	.run = run,
	.arguments = "[--apply | --revert | --prove [--html FILE]] [--write FILE] [--json]",
	.description = "advise on the kernel's I/O settings; apply, revert and prove the advice",
};
