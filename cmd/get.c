/* SPDX-License-Identifier: MIT */
#include "base/bill-json.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "command.h"
#include "http/field.h"
#include "progress.h"

#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t was_interrupted;

static void on_signal(int number)
{
	(void)number;
	was_interrupted = 1;
}

static const char help[] =
	"Usage: sluice get URL... [OPTION...]\n"
	"\n"
	"Downloads each URL into a file. NAME.part holds the bytes until all are on the disk;\n"
	"an interrupted download continues when the same command is run again.\n"
	"\n"
	"  -o FILE           write to FILE instead of the name in the URL; - is standard output\n"
	"  --path NAME       how to receive (auto), one of\n"
	"                    %s\n"
	"  --cc auto|NAME    TCP congestion control (auto: the system's)\n"
	"  -H, --header 'NAME: VALUE'\n"
	"                    add a field to the requests to the URL's own host (repeatable)\n"
	"  --keep-cached     leave the file in the page cache, for a program that reads it next\n"
	"  --no-sync         do not wait for the disk\n"
	"  --timeout SECONDS give up after this long without progress (30)\n"
	"  -q, --quiet       print errors only\n"
	"  --explain         say which bytes went by which path, and why\n"
	"  --json            print the bill as JSON, one object per line\n"
	"  --help\n";

struct get {
	struct sluice_get_options options;
	struct progress progress;
	const char **headers; /* as many as there are words, and NULL */
	unsigned header_count;
	bool is_help, is_quiet, is_json;
};

static bool on_progress(void *argument, const struct sluice_progress *progress)
{
	struct get *get = argument;

	if (!get->is_quiet)
		progress_show(&get->progress, progress);
	return !was_interrupted;
}

static void say(struct get *get, const char *line)
{
	progress_clear(&get->progress);
	command_failed("%s", line); /* for its escaping: a note is no failure */
}

static void on_note(void *argument, const char *line)
{
	struct get *get = argument;

	if (!get->is_quiet)
		say(get, line);
}

static void on_explain(void *argument, const char *line)
{
	say(argument, line);
}

static int parse_option(struct get *get, int option, char **argv)
{
	switch (option) {
	case 'c':
		get->options.congestion = optarg;
		break;
	case 'e':
		get->options.explain = on_explain;
		break;
	case 'H':
		get->headers[get->header_count++] = optarg;
		break;
	case 'h':
		get->is_help = true;
		break;
	case 'j':
		get->is_json = true;
		break;
	case 'k':
		get->options.keep_cached = true;
		break;
	case 'n':
		get->options.no_sync = true;
		break;
	case 'o':
		get->options.output = optarg;
		break;
	case 'p':
		get->options.path = optarg;
		return command_has_path(optarg, sluice_receive_path_name, "receive") ? EXIT_DONE
										     : EXIT_USAGE;
	case 'q':
		get->is_quiet = true;
		break;
	case 't':
		if (!command_number(optarg, 86400, &get->options.timeout_seconds) ||
		    get->options.timeout_seconds == 0)
			return command_misused("get: --timeout %s: expected 1 to 86400 seconds",
					       optarg);
		break;
	default:
		return command_bad_option(argv, option);
	}
	return EXIT_DONE;
}

static bool is_path(const struct get *get, const char *name)
{
	return get->options.path && strcmp(get->options.path, name) == 0;
}

/* Two URLs that end alike would be written to one file, the second over the first. */
static int check_names(char *const *urls)
{
	char name[256], other[256];

	for (char *const *url = urls; *url; url++)
		for (char *const *later = url + 1; *later; later++)
			if (sluice_url_filename(*url, name, NULL) == 0 &&
			    sluice_url_filename(*later, other, NULL) == 0 &&
			    strcmp(name, other) == 0)
				return command_misused("get: two of the URLs would be written to "
						       "'%s'",
						       name);
	return EXIT_DONE;
}

static int check_urls(const struct get *get, char *const *urls)
{
	struct sluice_error error;

	if (!*urls)
		return command_misused("get: missing URL");
	for (char *const *url = urls; *url; url++)
		if (sluice_url_check(*url, &error) < 0)
			return strstr(error.text, *url)
				       ? command_misused("get: %s", error.text)
				       : command_misused("get: %s: %s", error.text, *url);
	if (get->options.output && !get->options.to_fd && urls[1])
		return command_misused("get: -o names one file, but there are several URLs");
	return get->options.output || is_path(get, "discard") ? EXIT_DONE : check_names(urls);
}

static bool is_standard_output(const char *output)
{
	static const char *const names[] = {"-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strcmp(output, names[i]) == 0)
			return true;
	return false;
}

static int check_headers(const struct get *get)
{
	struct sluice_error error;
	struct buffer lines = {0};
	int result = 0;

	for (unsigned i = 0; result == 0 && i < get->header_count; i++)
		result = http_field_add_to_request(&lines, get->headers[i], &error);
	buffer_free(&lines);
	return result < 0 ? command_misused("get: %s", error.text) : EXIT_DONE;
}

/* What cannot be had together. */
static int check(struct get *get, char *const *urls)
{
	struct sluice_get_options *options = &get->options;

	options->to_fd = options->output && strcmp(options->output, "-") == 0;
	options->output_fd = STDOUT_FILENO;
	if (options->output && !*options->output)
		return command_misused("get: -o '' names no file");
	if (options->output && is_standard_output(options->output) && get->is_json)
		return command_misused("get: -o %s and --json both want standard output",
				       options->output);
	if (options->to_fd && options->path && !is_path(get, "auto"))
		return command_misused("get: --path %s needs a file, not -o -", options->path);
	if (options->output && is_path(get, "discard"))
		return command_misused("get: --path discard writes no file: leave -o out");
	if (options->keep_cached &&
	    (is_path(get, "dontcache") || is_path(get, "direct") || is_path(get, "discard")))
		return command_misused("get: --path %s keeps nothing cached", options->path);
	return check_headers(get) == EXIT_DONE ? check_urls(get, urls) : EXIT_USAGE;
}

static int parse(struct get *get, int argc, char **argv)
{
	static const struct option long_options[] = {
		{"cc", required_argument, NULL, 'c'},      {"explain", no_argument, NULL, 'e'},
		{"header", required_argument, NULL, 'H'},  {"help", no_argument, NULL, 'h'},
		{"json", no_argument, NULL, 'j'},          {"keep-cached", no_argument, NULL, 'k'},
		{"no-sync", no_argument, NULL, 'n'},       {"output", required_argument, NULL, 'o'},
		{"path", required_argument, NULL, 'p'},    {"quiet", no_argument, NULL, 'q'},
		{"timeout", required_argument, NULL, 't'}, {0},
	};
	int option, result = EXIT_DONE;

	while (result == EXIT_DONE && !get->is_help &&
	       (option = getopt_long(argc, argv, ":hH:o:q", long_options, NULL)) != -1)
		result = parse_option(get, option, argv);
	if (result != EXIT_DONE || get->is_help)
		return result;
	return check(get, argv + optind);
}

static json_t *server_bill_json(const struct sluice_get_result *result)
{
	json_t *bill;

	if (!result->server_bill)
		return json_null();
	bill = bill_to_json(result->server_bill);
	json_object_set_new(bill, "is_alone", json_boolean(result->server_was_alone));
	return bill;
}

static void print_bills(const char *name, const struct sluice_get_result *result)
{
	command_print_bill(stderr, name, result->bill);
	if (!result->server_bill)
		return;
	command_print_bill(stderr, "the server sent", result->server_bill);
	if (!result->server_was_alone)
		fputs("  It served other clients at the same time: CPU, calls and switches are "
		      "those of one\n  thread, including what the others cost there.\n",
		      stderr);
}

/* JSON is UTF-8, and a name or a URL need not be. */
static json_t *safe_string(const char *text)
{
	size_t size = 4 * strlen(text) + 1;
	char *safe = malloc(size);
	json_t *string = safe ? json_string(text_for_terminal(safe, size, text)) : NULL;

	free(safe);
	return string;
}

static int print_json(const char *url, const struct sluice_get_result *result)
{
	json_t *root =
		json_pack("{s:o, s:o, s:i, s:I, s:o, s:o}", "url", safe_string(url), "file",
			  safe_string(result->file), "status", (int)result->status,
			  "resumed_from_bytes", (json_int_t)result->resumed_from_bytes, "bill",
			  bill_to_json(result->bill), "server_bill", server_bill_json(result));

	if (!root)
		return command_failed("the bill: %s", strerror(ENOMEM));
	json_dumpf(root, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(root);
	return fflush(stdout) != 0 || ferror(stdout)
		       ? command_failed("standard output: %s", strerror(errno))
		       : EXIT_DONE;
}

static int tell(const struct get *get, const char *url, const struct sluice_get_result *result)
{
	if (get->is_json)
		return print_json(url, result);
	if (get->is_quiet)
		return EXIT_DONE;
	if (result->status == 304) /* for its escaping: this is no failure */
		command_failed("%s is up to date: nothing to fetch", result->file);
	else
		print_bills(*result->file ? result->file : url, result);
	return EXIT_DONE;
}

static int get_one(struct get *get, const char *url)
{
	struct sluice_get_result *result;
	struct sluice_error error = {0};
	int code = sluice_get(url, &get->options, &result, &error);

	progress_clear(&get->progress);
	if (code < 0)
		command_failed("%s (%s)", error.text, url);
	code = code < 0 ? EXIT_FAILED : tell(get, url, result);
	sluice_get_result_free(result);
	return code;
}

static void print_help(void)
{
	char list[COMMAND_PATH_LIST];

	printf(help, command_path_list(list, sluice_receive_path_name));
}

static int run(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
	_cleanup_free_ const char **words = calloc((size_t)argc + 1, sizeof(*words));
	struct get get = {.options.size = sizeof(get.options),
			  .options.progress = on_progress,
			  .options.note = on_note,
			  .options.headers = words,
			  .headers = words};
	int result = words ? parse(&get, argc, argv) : command_failed("out of memory");

	if (result != EXIT_DONE)
		return result;
	if (get.is_help) {
		print_help();
		return EXIT_DONE;
	}
	get.options.argument = &get;
	get.options.server_bill = get.is_json || !get.is_quiet;
	progress_open(&get.progress);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	/* A reader that left and a limit on sizes are errors like others, said in words. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	for (int i = optind; i < argc; i++)
		if (was_interrupted || get_one(&get, argv[i]) != EXIT_DONE)
			result = EXIT_FAILED;
	return result;
}

const struct command command_get = {
	.name = "get",
	.run = run,
	.arguments = "URL... [-o FILE] [--path NAME] [--json] ...",
	.description = "download files durably",
};
