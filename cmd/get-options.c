/* SPDX-License-Identifier: MIT */
/*
 * An option is one row of the table, which getopt_long and --help read: its names, what it does
 * with its value, and its line of help. What it needs of others is checked in get-check.c.
 */
#include "base/size.h"
#include "get.h"

#include <limits.h>
#include <stddef.h>
#include <string.h>

struct option_row {
	const char *name;     /* --name */
	char letter;          /* -l, or 0 */
	const char *argument; /* as --help names its value; NULL where it takes none */
	/* Returns an exit status. */
	int (*set)(struct get *get, const struct option_row *row, const char *value);
	size_t member; /* of struct get, for set_flag and set_text; or a value */
	const char *help;
	command_path_name *names; /* that follow the help */
};

#define MEMBER(name) offsetof(struct get, name)

enum { STREAMS_MAX = 16 };

static int set_flag(struct get *get, const struct option_row *row, const char *value)
{
	(void)value;
	*(bool *)((char *)get + row->member) = true;
	return EXIT_DONE;
}

static int set_text(struct get *get, const struct option_row *row, const char *value)
{
	*(const char **)((char *)get + row->member) = value;
	return EXIT_DONE;
}

static int set_path(struct get *get, const struct option_row *row, const char *value)
{
	get->options.path = value;
	return command_has_path(value, row->names, "receive") ? EXIT_DONE : EXIT_USAGE;
}

static int set_timeout(struct get *get, const struct option_row *row, const char *value)
{
	if (!command_number(value, 86400, &get->options.timeout_seconds) ||
	    get->options.timeout_seconds == 0)
		return command_misused("get: --%s %s: expected 1 to 86400 seconds", row->name,
				       value);
	return EXIT_DONE;
}

static int set_at_once(struct get *get, const struct option_row *row, const char *value)
{
	if (!command_number(value, GET_AT_ONCE_MAX, &get->at_once) || get->at_once == 0)
		return command_misused("get: --%s %s: expected 1 to %d", row->name, value,
				       GET_AT_ONCE_MAX);
	return EXIT_DONE;
}

static int set_input(struct get *get, const struct option_row *row, const char *value)
{
	if (get->input)
		return command_misused("get: --%s is given twice: join the lists", row->name);
	get->input = value;
	return EXIT_DONE;
}

static int set_ip_version(struct get *get, const struct option_row *row, const char *value)
{
	(void)value;
	if (get->options.ip_version && get->options.ip_version != row->member)
		return command_misused("get: -4 and -6 exclude each other");
	get->options.ip_version = (unsigned)row->member;
	return EXIT_DONE;
}

static int set_tries(struct get *get, const struct option_row *row, const char *value)
{
	if (!command_number(value, 1000000, &get->options.tries))
		return command_misused("get: --%s %s: expected 0 to 1000000", row->name, value);
	if (get->options.tries == 0)
		get->options.tries = UINT_MAX;
	return EXIT_DONE;
}

static int set_streams(struct get *get, const struct option_row *row, const char *value)
{
	unsigned *streams = &get->options.streams;

	*streams = 0;
	if (strcmp(value, "auto") == 0 ||
	    (command_number(value, STREAMS_MAX, streams) && *streams > 0))
		return EXIT_DONE;
	return command_misused("get: --%s %s: expected auto or 1 to %d", row->name, value,
			       STREAMS_MAX);
}

static int add_mirror(struct get *get, const struct option_row *row, const char *value)
{
	struct sluice_error error;

	if (get->mirror_count == GET_MIRRORS_MAX)
		return command_misused("get: more than %d times --%s", GET_MIRRORS_MAX, row->name);
	if (sluice_url_check(value, &error) < 0)
		return command_misused("get: --%s: %s", row->name, error.text);
	get->mirrors[get->mirror_count++] = value;
	get->options.mirrors = get->mirrors;
	return EXIT_DONE;
}

static int set_limit(struct get *get, const struct option_row *row, const char *value)
{
	if (!size_parse(value, &get->options.bytes_per_second) ||
	    get->options.bytes_per_second == 0)
		return command_misused("get: --%s %s: expected bytes a second, such as 10M",
				       row->name, value);
	return EXIT_DONE;
}

static int add_header(struct get *get, const struct option_row *row, const char *value)
{
	(void)row;
	get->headers[get->header_count++] = value;
	return EXIT_DONE;
}

/* clang-format off */
static const struct option_row rows[] = {
	{"output", 'o', "FILE", set_text, MEMBER(options.output),
	 "write to FILE instead of the name in the URL; - is standard output"},
	{"output-dir", 'O', "DIR", set_text, MEMBER(options.directory),
	 "write to files in DIR, which is created where it is missing"},
	{"input-file", 'i', "FILE", set_input, 0,
	 "get the URLs in FILE, too: one a line; - is standard input"},
	{"at-once", 'J', "N", set_at_once, 0,
	 "how many files to get at once (4)"},
	{"streams", 'j', "N|auto", set_streams, 0,
	 "connections that share one file, 1 to 16 (auto: as many as make it faster)"},
	{"path", 0, "NAME", set_path, 0,
	 "how to receive (auto), one of\n", sluice_receive_path_name},
	{"cc", 0, "auto|NAME", set_text, MEMBER(options.congestion),
	 "TCP congestion control (auto: the system's)"},
	{"header", 'H', "'NAME: VALUE'", add_header, 0,
	 "add a field to the requests to the URL's own origin: scheme, host and port\n"
	 "(repeatable)"},
	{"token-file", 0, "FILE", set_text, MEMBER(token_file),
	 "send the token in FILE to the URL's own origin: Authorization: Bearer ..."},
	{"proxy", 0, "URL", set_text, MEMBER(proxy),
	 "fetch through this proxy, not those of http_proxy and all_proxy; '' is none"},
	{"ipv4", '4', NULL, set_ip_version, 4,
	 "use IPv4 addresses only"},
	{"ipv6", '6', NULL, set_ip_version, 6,
	 "use IPv6 addresses only"},
	{"cacert", 0, "FILE", set_text, MEMBER(options.ca_file),
	 "trust the CAs in this PEM file, instead of the system's"},
	{"pin", 0, "sha256//...", set_text, MEMBER(options.pin),
	 "trust the URL's host by this key alone (several: with ';' between)"},
	{"cert", 0, "FILE", set_text, MEMBER(options.certificate),
	 "show this certificate (PEM) to the URL's host, if it asks; with --key"},
	{"key", 0, "FILE", set_text, MEMBER(options.certificate_key),
	 "the key of --cert (PEM)"},
	{"no-clobber", 0, NULL, set_flag, MEMBER(options.no_clobber),
	 "leave files that are there as they are, and fetch the others"},
	{"only-newer", 'N', NULL, set_flag, MEMBER(options.only_newer),
	 "fetch only what the server changed later than the file that is there"},
	{"remote-time", 'R', NULL, set_flag, MEMBER(options.keep_time),
	 "give the file the time of its last change on the server"},
	{"keep-cached", 0, NULL, set_flag, MEMBER(options.keep_cached),
	 "leave the file in the page cache, for a program that reads it next"},
	{"no-sync", 0, NULL, set_flag, MEMBER(options.no_sync),
	 "do not wait for the disk"},
	{"timeout", 0, "SECONDS", set_timeout, 0,
	 "how long may pass without progress in one try (30)"},
	{"tries", 0, "N", set_tries, 0,
	 "how often what may pass is tried without progress (20); 0: for ever"},
	{"sparse", 0, NULL, set_flag, MEMBER(options.sparse),
	 "leave holes where 64 KiB of zeros and more come"},
	{"mirror", 0, "URL", add_mirror, 0,
	 "another place of the same file, which goes on where one fails\n(repeatable)"},
	{"limit", 0, "RATE", set_limit, 0,
	 "at most RATE bytes a second, of all files together; 500K, 10M, 1.5G"},
	{"sha256", 0, "HEX", set_text, MEMBER(sha256),
	 "the SHA-256 that the file is to have: checked while it arrives; a file\n"
	 "that has it already is not fetched"},
	{"checksums", 0, "FILE", set_text, MEMBER(checksums),
	 "the same of each file by its name, from the output of sha256sum,\n"
	 "sha512sum or b2sum"},
	{"sidecar", 0, NULL, set_flag, MEMBER(wants_sidecar),
	 "the same from URL.sha256, which is fetched first"},
	{"quiet", 'q', NULL, set_flag, MEMBER(is_quiet),
	 "print errors only"},
	{"explain", 0, NULL, set_flag, MEMBER(wants_explain),
	 "say which bytes went by which path, and why"},
	{"json", 0, NULL, set_flag, MEMBER(is_json),
	 "print the bill as JSON, one object per line"},
	{"progress", 0, NULL, set_flag, MEMBER(shows_progress),
	 "with --json: print lines while files come, too"},
	{"help", 'h', NULL, set_flag, MEMBER(is_help), "print this"},
};
/* clang-format on */

enum { ROWS = sizeof(rows) / sizeof(*rows), LONG = 256, HELP_COLUMN = 20 };

static const char intro[] =
	"Usage: sluice get URL... [OPTION...]\n"
	"\n"
	"Downloads each URL into a file. NAME.part holds the bytes until all are on the disk;\n"
	"an interrupted download continues when the same command is run again.\n"
	"\n";

static void print_row(const struct option_row *row)
{
	char list[COMMAND_PATH_LIST], letter[] = {'-', row->letter, ',', ' ', '\0'};
	int width = printf("  %s--%s%s%s", row->letter ? letter : "", row->name,
			   row->argument ? " " : "", row->argument ? row->argument : "");

	if (width >= HELP_COLUMN)
		width = -printf("\n") + 1;
	for (const char *line = row->help; *line; width = 0) {
		int length = (int)strcspn(line, "\n");

		printf("%*s%.*s\n", HELP_COLUMN - width, "", length, line);
		line += length + (line[length] == '\n');
	}
	if (row->names)
		printf("%*s%s\n", HELP_COLUMN, "", command_path_list(list, row->names));
}

void get_print_help(void)
{
	fputs(intro, stdout);
	for (unsigned i = 0; i < ROWS; i++)
		print_row(&rows[i]);
}

static void list_options(char letters[2 * ROWS + 2], struct option list[ROWS + 1])
{
	*letters++ = ':'; /* tell a missing value from an unknown option */
	for (int i = 0; i < ROWS; i++) {
		list[i] = (struct option){
			.name = rows[i].name, .has_arg = rows[i].argument != NULL, .val = LONG + i};
		if (rows[i].letter)
			*letters++ = rows[i].letter;
		if (rows[i].letter && rows[i].argument)
			*letters++ = ':';
	}
	*letters = '\0';
	list[ROWS] = (struct option){0};
}

static const struct option_row *find_row(int option)
{
	for (int i = 0; i < ROWS; i++)
		if (option == LONG + i || (rows[i].letter && option == rows[i].letter))
			return &rows[i];
	return NULL; /* getopt's ':' and '?' */
}

int get_parse(struct get *get, int argc, char **argv)
{
	struct option list[ROWS + 1];
	char letters[2 * ROWS + 2];
	int option, result = EXIT_DONE;

	list_options(letters, list);
	while (result == EXIT_DONE && !get->is_help &&
	       (option = getopt_long(argc, argv, letters, list, NULL)) != -1) {
		const struct option_row *row = find_row(option);

		result = row ? row->set(get, row, optarg) : command_bad_option(argv, option);
	}
	return result;
}
