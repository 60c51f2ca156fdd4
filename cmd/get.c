/* SPDX-License-Identifier: MIT */
#include "get.h"
#include "base/cleanup.h"

#include <signal.h>
#include <stdlib.h>

static volatile sig_atomic_t was_interrupted;

static void on_signal(int number)
{
	(void)number;
	was_interrupted = 1;
}

bool get_is_interrupted(void)
{
	return was_interrupted;
}

void get_clear(struct get *get)
{
	progress_clear(&get->progress);
}

static void catch_signals(void)
{
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	/* A reader that left and a limit on sizes are errors like others, said in words. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
}

static int run_parsed(struct get *get, char *const *urls)
{
	int result = get_check(get, urls);

	if (result == EXIT_DONE)
		result = get_choose_proxies(get);
	if (result == EXIT_DONE)
		result = get_take_token(get);
	if (result == EXIT_DONE)
		result = get_open_digests(get, urls);
	if (result == EXIT_DONE && get->options.directory)
		result = get_make_directory(get->options.directory);
	if (result != EXIT_DONE)
		return result;
	progress_open(&get->progress);
	catch_signals();
	return get_all(get, urls);
}

static int run(int argc, char **argv)
{
	_cleanup_free_ const char **words = calloc((size_t)argc + 1, sizeof(*words));
	struct get get = {.options.size = sizeof(get.options),
			  .options.headers = words,
			  .headers = words,
			  .at_once = GET_AT_ONCE};
	int result = words ? get_parse(&get, argc, argv) : command_failed("out of memory");

	if (get.is_help)
		get_print_help();
	else if (result == EXIT_DONE)
		result = run_parsed(&get, argv + optind);
	names_free(&get.names);
	free(get.token);
	sums_free(&get.sums);
	return get.is_help ? EXIT_DONE : result;
}

const struct command command_get = {
	.name = "get",
	.run = run,
	.arguments = "URL... [-o FILE | -O DIR] [-i FILE] [--json] ...",
	.description = "download files durably",
};
