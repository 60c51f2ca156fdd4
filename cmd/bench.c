/* SPDX-License-Identifier: MIT */
#include "bench.h"
#include "base/error.h"
#include "base/size.h"
#include "command.h"
#include "measure/report.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#define SIZE_MIN       (MIB)
#define SIZE_MAX_BYTES ((uint64_t)1 << 44)

static const char help[] =
	"Usage: sluice bench [OPTION...]\n"
	"\n"
	"Measures each path between two processes on this machine, over TCP on the loopback\n"
	"address, and compares it with read and write. A row is a send path, a receive path and\n"
	"whether the file is in the page cache (warm) or not (cold).\n"
	"\n"
	"By default: every send path to discard, sendfile to every receive path, auto to auto,\n"
	"readwrite to readwrite; all of them warm.\n"
	"\n"
	"  --size SIZE       size of the file (1G, or what memory and disk have room for)\n"
	"  --cold            measure the same rows with a cold file, too\n"
	"  --send A,B|all    only these send paths, to discard unless --recv names others; of\n"
	"                    %s\n"
	"  --recv A,B|all    only these receive paths, from sendfile unless --send names others; "
	"of\n"
	"                    %s\n"
	"  --runs N          how often each row is measured (3)\n"
	"  --dir DIR         where to create the files, which vanish by themselves (/var/tmp)\n"
	"  --html FILE       also write the results as a page for a browser\n"
	"  --json            print one JSON object instead of a table\n"
	"  --help\n"
	"\n"
	"The readwrite rows that the others are compared with are always measured.\n";

struct bench_options {
	struct measure_matrix matrix;
	struct measure_matrix_wish wish;
	const char *page;
	bool is_help, is_json;
};

static bool has(const char *const *list, const char *name)
{
	for (; *list; list++)
		if (strcmp(*list, name) == 0)
			return true;
	return false;
}

/* Adds the static name, once; "all" adds all of them. False where there is no such path. */
static bool wish_for(const char **list, const char *name, command_path_name *path_name)
{
	bool is_all = strcmp(name, "all") == 0, is_found = false;
	const char *path = "auto";
	size_t count = 0;

	while (list[count])
		count++;
	for (unsigned i = 0; path; path = path_name(i++)) {
		if (!is_all && strcmp(path, name) != 0)
			continue;
		is_found = true;
		if (!has(list, path) && count < MEASURE_PATHS_MAX)
			list[count++] = path;
	}
	return is_found;
}

static int parse_list(const char **list, char *text, command_path_name *path_name, const char *what)
{
	char names[COMMAND_PATH_LIST], *rest = text, *name;

	while ((name = strsep(&rest, ",")))
		if (!wish_for(list, name, path_name))
			return command_misused("bench: no %s path '%s'; available: all, %s", what,
					       name, command_path_list(names, path_name));
	return EXIT_DONE;
}

static int parse_option(struct bench_options *bench, int option, char **argv)
{
	struct measure_matrix *matrix = &bench->matrix;

	switch (option) {
	case 'c':
		bench->wish.with_cold = true;
		return EXIT_DONE;
	case 'd':
		matrix->directory = optarg;
		return *optarg ? EXIT_DONE : command_misused("bench: --dir '' names no directory");
	case 'h':
		bench->is_help = true;
		return EXIT_DONE;
	case 'p':
		bench->page = optarg;
		return *optarg ? EXIT_DONE : command_misused("bench: --html '' names no file");
	case 'j':
		bench->is_json = true;
		return EXIT_DONE;
	case 'n':
		if (command_number(optarg, MEASURE_RUNS_MAX, &matrix->runs) && matrix->runs > 0)
			return EXIT_DONE;
		return command_misused("bench: --runs %s: expected 1 to %d", optarg,
				       MEASURE_RUNS_MAX);
	case 'r':
		return parse_list(bench->wish.receive, optarg, sluice_receive_path_name, "receive");
	case 's':
		return parse_list(bench->wish.send, optarg, sluice_send_path_name, "send");
	case 'z':
		if (size_parse(optarg, &matrix->size) && matrix->size >= SIZE_MIN &&
		    matrix->size <= SIZE_MAX_BYTES)
			return EXIT_DONE;
		return command_misused(
			"bench: --size %s: expected a size from 1M to 16T, like 512M", optarg);
	default:
		return command_bad_option(argv, option);
	}
}

static int parse(struct bench_options *bench, int argc, char **argv)
{
	static const struct option options[] = {
		{"cold", no_argument, NULL, 'c'},       {"dir", required_argument, NULL, 'd'},
		{"help", no_argument, NULL, 'h'},       {"html", required_argument, NULL, 'p'},
		{"json", no_argument, NULL, 'j'},       {"recv", required_argument, NULL, 'r'},
		{"runs", required_argument, NULL, 'n'}, {"send", required_argument, NULL, 's'},
		{"size", required_argument, NULL, 'z'}, {0},
	};
	int option, result = EXIT_DONE;

	while (result == EXIT_DONE && !bench->is_help &&
	       (option = getopt_long(argc, argv, ":h", options, NULL)) != -1)
		result = parse_option(bench, option, argv);
	if (result == EXIT_DONE && !bench->is_help && optind < argc)
		return command_misused("bench: unexpected argument '%s'", argv[optind]);
	return result;
}

/* Progress, where somebody looks at it */

#define CLEAR_LINE "\r\033[K"

static void clear_line(void)
{
	if (isatty(STDERR_FILENO))
		fputs(CLEAR_LINE, stderr);
}

/* There is nothing to clear up but the line: files without a name, ends that die with us. */
static void on_signal(int number)
{
	ssize_t ignored = write(STDERR_FILENO, CLEAR_LINE, sizeof(CLEAR_LINE) - 1);

	(void)ignored;
	raise(number); /* SA_RESETHAND: this one ends us */
}

static void on_progress(void *argument, const struct measure_row *row, unsigned number,
			unsigned count)
{
	(void)argument;
	fprintf(stderr, CLEAR_LINE "%u of %u: %s -> %s, %s", number, count, row->send, row->receive,
		row->is_cold ? "cold" : "warm");
}

static void show_progress(struct measure_matrix *matrix)
{
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};

	if (!isatty(STDERR_FILENO))
		return;
	matrix->progress = on_progress;
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	fputs("making the source", stderr);
}

static void print_help(void)
{
	char send[COMMAND_PATH_LIST], receive[COMMAND_PATH_LIST];

	printf(help, command_path_list(send, sluice_send_path_name),
	       command_path_list(receive, sluice_receive_path_name));
}

/* Chooses the size where the user did not, and sees whether there is room. */
static int fit(struct bench_options *bench, struct sluice_error *error)
{
	struct measure_matrix *matrix = &bench->matrix;
	char wanted[SIZE_TEXT], fits[SIZE_TEXT];
	struct measure_room room;
	bool is_ours = matrix->size == 0;
	int result = measure_room_look(matrix->directory, &room, error);

	if (result < 0)
		return result;
	if (is_ours)
		matrix->size = measure_matrix_fitting(matrix, &room, GIB);
	result = measure_matrix_check(matrix, &room, error);
	if (result == 0 && is_ours && matrix->size < GIB)
		fprintf(stderr, "sluice: not %s but %s, which fits here\n",
			size_format(wanted, GIB), size_format(fits, matrix->size));
	return result;
}

static int print(const struct bench_options *bench, const json_t *document)
{
	if (bench->is_json) {
		json_dumpf(document, stdout, JSON_INDENT(2));
		putchar('\n');
	} else {
		bench_print_table(stdout, &bench->matrix, json_object_get(document, "machine"));
	}
	return fflush(stdout) != 0 || ferror(stdout)
		       ? command_failed("standard output: %s", strerror(errno))
		       : EXIT_DONE;
}

static int report(const struct bench_options *bench)
{
	json_t *document = bench_json(&bench->matrix);
	struct sluice_error error;
	int result;

	if (!document)
		return command_failed("bench: %s", strerror(ENOMEM));
	result = print(bench, document);
	if (bench->page && report_write(bench->page, "bench", document, &error) < 0)
		result = command_failed("%s", error.text);
	json_decref(document);
	return result;
}

static int measure(struct bench_options *bench)
{
	struct sluice_error error;
	int result;

	measure_matrix_plan(&bench->matrix, &bench->wish);
	result = fit(bench, &error);
	if (result == 0 && bench->page)
		result = report_check(bench->page, &error);
	if (result == 0) {
		show_progress(&bench->matrix);
		result = measure_matrix_run(&bench->matrix, &error);
		clear_line();
	}
	return result < 0 ? command_failed("bench: %s", error.text) : report(bench);
}

static int run(int argc, char **argv)
{
	static struct bench_options bench = {.matrix = {.directory = "/var/tmp", .runs = 3}};
	int result = parse(&bench, argc, argv);

	if (result != EXIT_DONE)
		return result;
	if (bench.is_help) {
		print_help();
		return EXIT_DONE;
	}
	result = measure(&bench);
	measure_matrix_free(&bench.matrix);
	return result;
}

const struct command command_bench = {
	.name = "bench",
	.run = run,
	.arguments = "[--size SIZE] [--cold] [--send A,B] [--recv C,D] [--json] ...",
	.description = "measure each path on this machine, compared with read and write",
};
