/* SPDX-License-Identifier: MIT */
#include "command.h"

#include <string.h>

static const char help[] = "Usage: sluice explain FILE...\n\nShows by which path serve would send "
			   "each range of a file right now, and why.\n";

static void on_line(void *argument, const char *line)
{
	(void)argument;
	puts(line);
}

static int explain_one(const char *file, bool is_one_of_many)
{
	struct sluice_error error;

	if (is_one_of_many)
		printf("%s:\n", file);
	if (sluice_explain(file, on_line, NULL, &error) < 0)
		return command_failed("%s", error.text);
	return EXIT_DONE;
}

static int run(int argc, char **argv)
{
	static const struct option options[] = {{"help", no_argument, NULL, 'h'}, {0}};
	int option, result = EXIT_DONE;

	while ((option = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		if (option != 'h')
			return command_bad_option(argv, option);
		fputs(help, stdout);
		return EXIT_DONE;
	}
	if (optind == argc)
		return command_misused("explain: missing operand FILE");
	for (int i = optind; i < argc; i++)
		if (explain_one(argv[i], argc - optind > 1) != EXIT_DONE)
			result = EXIT_FAILED;
	return result;
}

const struct command command_explain = {
	.name = "explain",
	.run = run,
	.arguments = "FILE...",
	.description = "show by which path each range of a file would be sent now, and why",
};
