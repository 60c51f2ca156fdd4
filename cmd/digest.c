/* SPDX-License-Identifier: MIT */
/* sluice digest: what sha256sum prints, and its lines checked. */
#include "digest.h"

#include "base/error.h"
#include "base/text.h"
#include "digest/sums.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
	"Usage: sluice digest [FILE...] [OPTION...]\n"
	"\n"
	"Prints the digest of each FILE (-, or none: standard input) as sha256sum does, several\n"
	"files at once, and leaves the page cache as it was.\n"
	"\n"
	"  -a, --algorithm NAME  sha256 (the default), sha512, or blake2b, as b2sum\n"
	"  -c, --check           each FILE has lines of sha256sum, sha512sum or b2sum: say which "
	"of\n"
	"                        the files named there have these digests\n"
	"      --ignore-missing  with --check: say nothing of files that are not there\n"
	"      --quiet           with --check: say nothing of files that are as they should be\n"
	"      --status          with --check: say nothing; the exit status tells\n"
	"  -j N                  files at once (one a core)\n"
	"      --json            print one JSON object\n"
	"  -h, --help            print this\n";

static int set_algorithm(struct digest_command *command, const char *name)
{
	command->algorithm = hash_find(name);
	if (command->algorithm)
		return EXIT_DONE;
	return command_misused("digest: no algorithm '%s'; available: sha256, sha512, blake2b",
			       name);
}

static int parse_option(struct digest_command *command, int option, char **argv)
{
	switch (option) {
	case 'a':
		return set_algorithm(command, optarg);
	case 'c':
		command->checks = true;
		break;
	case 'h':
		command->is_help = true;
		break;
	case 'i':
		command->ignores_missing = true;
		break;
	case 'j':
		if (!command_number(optarg, 256, &command->threads) || command->threads == 0)
			return command_misused("digest: -j %s: expected 1 to 256", optarg);
		break;
	case 'J':
		command->is_json = true;
		break;
	case 'q':
		command->is_quiet = true;
		break;
	case 's':
		command->is_silent = true;
		break;
	default:
		return command_bad_option(argv, option);
	}
	return EXIT_DONE;
}

static int parse(struct digest_command *command, int argc, char **argv)
{
	static const struct option options[] = {
		{"algorithm", required_argument, NULL, 'a'},
		{"check", no_argument, NULL, 'c'},
		{"help", no_argument, NULL, 'h'},
		{"ignore-missing", no_argument, NULL, 'i'},
		{"json", no_argument, NULL, 'J'},
		{"quiet", no_argument, NULL, 'q'},
		{"status", no_argument, NULL, 's'},
		{0},
	};
	int option, result = EXIT_DONE;

	while (result == EXIT_DONE && !command->is_help &&
	       (option = getopt_long(argc, argv, ":a:chj:", options, NULL)) != -1)
		result = parse_option(command, option, argv);
	if (result != EXIT_DONE || command->is_help || command->checks)
		return result;
	if (command->ignores_missing || command->is_quiet || command->is_silent)
		return command_misused("digest: --ignore-missing, --quiet and --status need "
				       "--check");
	return EXIT_DONE;
}

json_t *digest_json_name(const char *name)
{
	struct buffer safe = {0};
	json_t *string = json_string(name);

	if (!string) {
		text_escape(&safe, name, strlen(name));
		string = json_string(safe.data ? safe.data : "");
		buffer_free(&safe);
	}
	return string;
}

struct printing {
	struct digest_command *command;
	bool has_failed;
};

static void print_json(struct digest_command *command, const struct digest_job *job)
{
	char hex[HASH_HEX];

	json_array_append_new(command->files,
			      json_pack("{s:o, s:s, s:I}", "file", digest_json_name(job->name),
					"digest", digest_to_hex(&job->digest, hex), "bytes",
					(json_int_t)job->bytes));
}

static void print(void *argument, struct digest_job *job)
{
	struct printing *printing = argument;
	struct buffer line = {0};
	char words[ERROR_WORDS];

	if (job->code < 0) {
		printing->has_failed = true;
		command_failed("%s: %s", job->name, error_words(-job->code, words));
		return;
	}
	if (printing->command->is_json) {
		print_json(printing->command, job);
		return;
	}
	sums_format(&line, &job->digest, job->name);
	printing->has_failed |= line.failed;
	fwrite(line.data, 1, line.length, stdout);
	fflush(stdout); /* a large file takes long */
	buffer_free(&line);
}

static int digest_all(struct digest_command *command, char *const *names, size_t count)
{
	struct printing printing = {command, false};
	struct digest_job *jobs = calloc(count, sizeof(*jobs));
	char words[ERROR_WORDS];
	int result;

	for (size_t i = 0; jobs && i < count; i++)
		jobs[i] = (struct digest_job){.name = names[i], .algorithm = command->algorithm};
	result = jobs ? digest_files(jobs, count, command->threads, print, &printing) : -ENOMEM;
	free(jobs);
	if (result < 0)
		return command_failed("digest: %s", error_words(-result, words));
	return printing.has_failed ? EXIT_FAILED : EXIT_DONE;
}

static int check_all(struct digest_command *command, char *const *names, size_t count)
{
	int result = EXIT_DONE;

	for (size_t i = 0; i < count; i++)
		if (digest_check(command, names[i]) != EXIT_DONE)
			result = EXIT_FAILED;
	return result;
}

static int end_output(struct digest_command *command)
{
	json_t *root;

	if (command->is_json) {
		root = json_pack("{s:s?, s:O}", "algorithm",
				 command->algorithm ? command->algorithm->name : NULL, "files",
				 command->files);
		json_dumpf(root, stdout, JSON_INDENT(2));
		putchar('\n');
		json_decref(root);
		json_decref(command->files);
	}
	return fflush(stdout) != 0 || ferror(stdout)
		       ? command_failed("standard output: %s", strerror(errno))
		       : EXIT_DONE;
}

static int run(int argc, char **argv)
{
	static char *const input[] = {"-"};
	struct digest_command command = {0};
	int result = parse(&command, argc, argv);
	char *const *names = optind < argc ? argv + optind : input;
	size_t count = optind < argc ? (size_t)(argc - optind) : 1;

	if (result != EXIT_DONE)
		return result;
	if (command.is_help) {
		fputs(help, stdout);
		return EXIT_DONE;
	}
	if (!command.algorithm && !command.checks)
		command.algorithm = &hash_sha256;
	if (command.is_json)
		command.files = json_array();
	result = command.checks ? check_all(&command, names, count)
				: digest_all(&command, names, count);
	return end_output(&command) == EXIT_DONE ? result : EXIT_FAILED;
}

const struct command command_digest = {
	.name = "digest",
	.run = run,
	.arguments = "[FILE...] [--algorithm NAME] [--check] [--json] ...",
	.description = "print and check digests as sha256sum does, past the page cache",
};
