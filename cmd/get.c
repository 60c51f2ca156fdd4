/* SPDX-License-Identifier: MIT */
#include "get.h"
#include "base/cleanup.h"
#include "http/credentials.h"

#include <signal.h>
#include <stdlib.h>

static volatile sig_atomic_t was_interrupted;

static void on_signal(int number)
{
	(void)number;
	was_interrupted = 1;
}

static bool on_progress(void *argument, const struct sluice_progress *progress)
{
	struct get *get = argument;

	if (!get->is_quiet)
		progress_show(&get->progress, progress);
	return !was_interrupted;
}

void get_say(void *argument, const char *line)
{
	struct get *get = argument;

	progress_clear(&get->progress);
	command_failed("%s", line); /* for its escaping: a note is no failure */
}

static void on_note(void *argument, const char *line)
{
	struct get *get = argument;

	if (!get->is_quiet)
		get_say(get, line);
}

static int get_one(struct get *get, const char *url)
{
	_cleanup_free_ char *shown = http_credentials_cut(url);
	struct sluice_get_result *result;
	struct sluice_error error = {0};
	int code = sluice_get(url, &get->options, &result, &error);

	progress_clear(&get->progress);
	if (code < 0)
		command_failed("%s (%s)", error.text, shown ? shown : "?");
	code = code < 0 ? EXIT_FAILED : get_print(get, shown ? shown : "?", result);
	sluice_get_result_free(result);
	return code;
}

static int fetch(struct get *get, char *const *urls)
{
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
	int result = EXIT_DONE;

	get->options.argument = get;
	get->options.server_bill = get->is_json || !get->is_quiet;
	progress_open(&get->progress);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	/* A reader that left and a limit on sizes are errors like others, said in words. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	for (; *urls; urls++)
		if (was_interrupted || get_one(get, *urls) != EXIT_DONE)
			result = EXIT_FAILED;
	return result;
}

static int run(int argc, char **argv)
{
	_cleanup_free_ const char **words = calloc((size_t)argc + 1, sizeof(*words));
	struct get get = {.options.size = sizeof(get.options),
			  .options.progress = on_progress,
			  .options.note = on_note,
			  .options.headers = words,
			  .headers = words};
	int result = words ? get_parse(&get, argc, argv) : command_failed("out of memory");

	if (get.is_help) {
		get_print_help();
		return EXIT_DONE;
	}
	if (result == EXIT_DONE)
		result = get_check(&get, argv + optind);
	if (result == EXIT_DONE)
		result = get_take_token(&get);
	if (result == EXIT_DONE)
		result = fetch(&get, argv + optind);
	free(get.token);
	return result;
}

const struct command command_get = {
	.name = "get",
	.run = run,
	.arguments = "URL... [-o FILE] [--path NAME] [--json] ...",
	.description = "download files durably",
};
