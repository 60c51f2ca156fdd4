/* SPDX-License-Identifier: MIT */
/* What the files of `sluice get` share. */
#ifndef SLUICE_CMD_GET_H
#define SLUICE_CMD_GET_H

#include "command.h"
#include "progress.h"

struct get {
	struct sluice_get_options options;
	struct progress progress;
	const char **headers; /* as many as there are words, and NULL */
	unsigned header_count;
	const char *token_file; /* NULL: none; its token is a header, */
	char *token;            /* which is this */
	bool is_help, is_quiet, is_json;
};

/*
 * get-options.c: the options, one table for parsing and --help; what they set is in struct get.
 * Returns an exit status; optind is then the first URL.
 */
int get_parse(struct get *get, int argc, char **argv);
void get_print_help(void);

/* get-check.c: what cannot be had together, and URLs that cannot be fetched. An exit status. */
int get_check(struct get *get, char *const *urls);

/* get-token.c: reads the token, and makes it a header. An exit status. */
int get_take_token(struct get *get);

/* get-print.c: what a get came to. An exit status. */
int get_print(const struct get *get, const char *url, const struct sluice_get_result *result);
/* get.c: a line, above the progress. */
void get_say(void *get, const char *line);

#endif
