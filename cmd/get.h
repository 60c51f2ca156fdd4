/* SPDX-License-Identifier: MIT */
/* What the files of `sluice get` share. */
#ifndef SLUICE_CMD_GET_H
#define SLUICE_CMD_GET_H

#include "command.h"
#include "digest/sums-file.h"
#include "names.h"
#include "progress.h"

enum { GET_AT_ONCE = 4, GET_AT_ONCE_MAX = 64 }; /* files */
enum { GET_MIRRORS_MAX = 15 };

struct get {
	struct sluice_get_options options;
	struct progress progress;
	const char **headers; /* as many as there are words, and NULL */
	unsigned header_count;
	const char *mirrors[GET_MIRRORS_MAX + 1];
	unsigned mirror_count;
	const char *proxy;              /* NULL: not set; empty: none */
	const char *token_file;         /* NULL: none; its token is a header, */
	char *token;                    /* which is this */
	const char *input;              /* -i; NULL: there is none */
	unsigned at_once;               /* -J */
	struct names names;             /* that files have got */
	const char *sha256, *checksums; /* NULL: not given */
	struct sums sums;               /* of the latter */
	bool wants_sidecar, wants_explain;
	bool shows_progress; /* lines of JSON for programs */
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

/* get-digest.c: what the files are to have. Reads the checksums. An exit status. */
int get_open_digests(struct get *get, char *const *urls);
/* As options.digest has it; empty: whatever the file has. */
struct get_digest {
	char text[16 + HASH_HEX];
};

void get_digest_set(struct get_digest *digest, const struct digest *from);
/* As checksums name the file. 0 or -errno. */
int get_file_name(const struct get *get, const char *url, char name[256],
		  struct sluice_error *error);
/* 0 or -errno. */
int get_find_digest(const struct get *get, const char *url, struct get_digest *digest,
		    struct sluice_error *error);

/* get-proxy.c. An exit status. */
int get_choose_proxies(struct get *get);

/* get-print.c: what a get came to. An exit status. */
int get_print(const struct get *get, const char *url, const struct sluice_get_result *result);
/* The same where there are several, in a line. */
int get_print_line(const struct get *get, const char *url, const struct sluice_get_result *result);

/* With --json and --progress: a line that says how far it is, and one for each end that is no
 * success. */
void get_print_progress(const char *url, const struct sluice_progress *progress, double rate);
void get_print_event(const char *event, const char *url, const char *text);
/* get.c: nothing is shown any more. */
void get_clear(struct get *get);
bool get_is_interrupted(void);

/* get-all.c: gets them all. An exit status. */
int get_all(struct get *get, char *const *urls);

/* get-directory.c: makes it, and those that it is in, where they are missing. An exit status. */
int get_make_directory(const char *path);

#endif
