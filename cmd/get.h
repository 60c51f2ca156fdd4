/* SPDX-License-Identifier: MIT */
/* What the files of `sluice get` share. */
#ifndef SLUICE_CMD_GET_H
#define SLUICE_CMD_GET_H

#include "command.h"
#include "names.h"
#include "progress.h"

enum { GET_AT_ONCE = 4, GET_AT_ONCE_MAX = 64 }; /* files */

struct get {
	struct sluice_get_options options;
	struct progress progress;
	const char **headers; /* as many as there are words, and NULL */
	unsigned header_count;
	const char *token_file; /* NULL: none; its token is a header, */
	char *token;            /* which is this */
	const char *input;      /* -i; NULL: there is none */
	unsigned at_once;       /* -J */
	struct names names;     /* that files have got */
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
/* 1: no URL so far is written to the same file as this one; 0: one is; -ENOMEM. */
int get_take_name(struct get *get, const char *url);

/* get-token.c: reads the token, and makes it a header. An exit status. */
int get_take_token(struct get *get);

/* get-print.c: what a get came to. An exit status. */
int get_print(const struct get *get, const char *url, const struct sluice_get_result *result);
/* The same where there are several, in a line. */
int get_print_line(const struct get *get, const char *url, const struct sluice_get_result *result);

/* get.c: a line, above the progress; */
void get_say(void *get, const char *line);
/* nothing is shown any more; */
void get_clear(struct get *get);
bool get_is_interrupted(void);

/* get-all.c: gets them all. An exit status. */
int get_all(struct get *get, char *const *urls);

/* get-directory.c: makes it, and those that it is in, where they are missing. An exit status. */
int get_make_directory(const char *path);

#endif
