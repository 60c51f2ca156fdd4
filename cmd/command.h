/* SPDX-License-Identifier: MIT */
/* What the subcommands share. Parsing and printing only: the work is the library's. */
#ifndef SLUICE_CMD_COMMAND_H
#define SLUICE_CMD_COMMAND_H

#include "sluice.h"

#include <getopt.h>
#include <stdio.h>

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

struct command {
	const char *name;
	int (*run)(int argc, char **argv); /* argv[0] is the subcommand's name */
	const char *arguments;
	const char *description;
};

extern const struct command command_serve, command_get, command_digest, command_explain,
	command_cache, command_media, command_host, command_tune, command_bench;

/* "sluice: TEXT" on stderr, names from outside escaped; returns EXIT_FAILED. */
int command_failed(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The same for a usage error, naming --help; returns EXIT_USAGE. */
int command_misused(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Says which option getopt_long did not take, and returns EXIT_USAGE. */
int command_bad_option(char *const *argv, int option);

/* sluice_send_path_name or sluice_receive_path_name */
typedef const char *command_path_name(unsigned index);

#define COMMAND_PATH_LIST 128

/* "auto, NAME, NAME"; returns list. */
const char *command_path_list(char list[COMMAND_PATH_LIST], command_path_name *path_name);
/* Whether name is one of these; else says so, with the list. */
bool command_has_path(const char *name, command_path_name *path_name, const char *what);
bool command_number(const char *text, unsigned long max, unsigned *number);

/* For a person; bill_to_json is for programs. */
void command_print_bill(FILE *out, const char *title, const struct sluice_bill *bill);
/* Its first line alone. */
void command_print_bill_line(FILE *out, const char *title, const struct sluice_bill *bill);

#endif
