/* SPDX-License-Identifier: MIT */
/* The command: one table drives dispatch and usage. */
#include "command.h"

#include <locale.h>
#include <string.h>

static const struct command *const commands[] = {
	&command_serve, &command_get,   &command_digest, &command_explain,
#ifdef SLUICE_TOOLS
	&command_cache, &command_media, &command_host,   &command_tune,    &command_bench,
#endif
	NULL,
};

static void print_usage(FILE *out)
{
	fputs("sluice moves files between machines at the speed of the hardware.\n\nUsage:\n", out);
	for (const struct command *const *command = commands; *command; command++)
		fprintf(out, "  sluice %s %s\n", (*command)->name, (*command)->arguments);
	fputs("\nCommands:\n", out);
	for (const struct command *const *command = commands; *command; command++)
		fprintf(out, "  %-8s %s\n", (*command)->name, (*command)->description);
	fputs("\n'sluice COMMAND --help' describes a command; 'sluice --version' prints the "
	      "version.\n",
	      out);
}

static const struct command *find(const char *name)
{
	for (const struct command *const *command = commands; *command; command++)
		if (strcmp((*command)->name, name) == 0)
			return *command;
	return NULL;
}

int main(int argc, char **argv)
{
	const char *word = argc > 1 ? argv[1] : NULL;
	const struct command *command;

	setlocale(LC_CTYPE, "");
	if (!word) {
		print_usage(stderr);
		return EXIT_USAGE;
	}
	if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0) {
		print_usage(stdout);
		return EXIT_DONE;
	}
	if (strcmp(word, "--version") == 0) {
		puts("sluice " SLUICE_VERSION);
		return EXIT_DONE;
	}
	command = find(word);
	if (!command)
		return command_misused("no command '%s'", word);
	return command->run(argc - 1, argv + 1);
}
