/* SPDX-License-Identifier: MIT */
/* sluice digest --check, in the words and with the exit status of sha256sum -c. */
#include "base/error.h"
#include "digest.h"
#include "digest/sums-file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct checking {
	struct digest_command *command;
	const struct sums_line *next; /* of the job that is done next */
	size_t good, bad, unreadable;
};

static void tell(struct checking *checking, const char *name, const char *word)
{
	struct buffer line = {0};
	bool has_to_escape = strpbrk(name, "\n\r");

	if (checking->command->is_json) {
		json_array_append_new(
			checking->command->files,
			json_pack("{s:o, s:s}", "file", digest_json_name(name), "result", word));
		return;
	}
	if (has_to_escape) {
		buffer_text(&line, "\\");
		sums_name(&line, name);
		name = line.data ? line.data : "";
	}
	printf("%s: %s\n", name, word);
	fflush(stdout);
	buffer_free(&line);
}

static void on_done(void *argument, struct digest_job *job)
{
	struct checking *checking = argument;
	const struct digest_command *command = checking->command;
	const struct sums_line *line = checking->next++;
	char words[ERROR_WORDS];
	const char *word = "FAILED open or read";

	if (job->code == -ENOENT && command->ignores_missing)
		return;
	if (job->code < 0) {
		command_failed("%s: %s", job->name, error_words(-job->code, words));
		checking->unreadable++;
	} else if (digest_equal(&job->digest, &line->digest)) {
		checking->good++;
		word = "OK";
	} else {
		checking->bad++;
		word = "FAILED";
	}
	if (!command->is_silent && !(command->is_quiet && job->code == 0 && *word == 'O'))
		tell(checking, job->name, word);
}

static void warn(size_t count, const char *one, const char *many)
{
	if (count > 0)
		command_failed("WARNING: %zu %s", count, count == 1 ? one : many);
}

static int sum_up(const struct checking *checking, const struct sums *sums, const char *file)
{
	if (!checking->command->is_silent) {
		warn(sums->bad, "line is improperly formatted", "lines are improperly formatted");
		warn(checking->unreadable, "listed file could not be read",
		     "listed files could not be read");
		warn(checking->bad, "computed checksum did NOT match",
		     "computed checksums did NOT match");
	}
	if (checking->command->ignores_missing && checking->good == 0 && checking->bad == 0)
		return command_failed("%s: no file was verified", file);
	return checking->bad + checking->unreadable > 0 ? EXIT_FAILED : EXIT_DONE;
}

static int check(struct digest_command *command, const struct sums *sums, const char *file)
{
	struct checking checking = {command, sums->lines, 0, 0, 0};
	struct digest_job *jobs = calloc(sums->count, sizeof(*jobs));
	char words[ERROR_WORDS];
	int result;

	for (size_t i = 0; jobs && i < sums->count; i++)
		jobs[i] = (struct digest_job){.name = sums->lines[i].name,
					      .algorithm = sums->lines[i].digest.algorithm};
	result = jobs ? digest_files(jobs, sums->count, command->threads, on_done, &checking)
		      : -ENOMEM;
	free(jobs);
	return result < 0 ? command_failed("%s: %s", file, error_words(-result, words))
			  : sum_up(&checking, sums, file);
}

int digest_check(struct digest_command *command, const char *file)
{
	const char *name = strcmp(file, "-") == 0 ? "standard input" : file;
	struct sums sums;
	char words[ERROR_WORDS];
	int result = sums_read(&sums, file, command->algorithm);

	if (result < 0)
		result = command_failed("%s: %s", name, error_words(-result, words));
	else if (sums.count == 0)
		result = command_failed("%s: no properly formatted checksum lines found", name);
	else
		result = check(command, &sums, name);
	sums_free(&sums);
	return result;
}
