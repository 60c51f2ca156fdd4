/* SPDX-License-Identifier: MIT */
#include "command.h"

#include "base/bill-json.h"
#include "base/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { MESSAGE = 1024, WHOLE = 64 << 10 };

/* Messages quote names that came from outside, and URLs of any length. */
static void print_message(const char *format, va_list args, const char *hint)
{
	char text[WHOLE], safe[4 * MESSAGE];

	vsnprintf(text, sizeof(text), format, args);
	text_for_terminal(safe, sizeof(safe), text_fit(text, MESSAGE));
	fprintf(stderr, "sluice: %s%s\n", safe, hint);
}

int command_failed(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print_message(format, args, "");
	va_end(args);
	return EXIT_FAILED;
}

int command_misused(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print_message(format, args, " (see sluice --help)");
	va_end(args);
	return EXIT_USAGE;
}

int command_bad_option(char *const *argv, int option)
{
	const char *word = argv[optind - 1];

	if (option == ':')
		return command_misused("%s: option '%s' needs a value", argv[0], word);
	if (optopt && strncmp(word, "--", 2) != 0)
		return command_misused("%s: unrecognized option '-%c'", argv[0], optopt);
	if (optopt)
		return command_misused("%s: option '%.*s' takes no value", argv[0],
				       (int)strcspn(word, "="), word);
	return command_misused("%s: unrecognized option '%s'", argv[0], word);
}

const char *command_path_list(char list[COMMAND_PATH_LIST], command_path_name *path_name)
{
	const char *name;
	size_t length = (size_t)snprintf(list, COMMAND_PATH_LIST, "auto");

	for (unsigned i = 0; (name = path_name(i)) && length < COMMAND_PATH_LIST; i++)
		length += (size_t)snprintf(list + length, COMMAND_PATH_LIST - length, ", %s", name);
	return list;
}

bool command_has_path(const char *name, command_path_name *path_name, const char *what)
{
	char list[COMMAND_PATH_LIST];
	const char *path;

	if (strcmp(name, "auto") == 0)
		return true;
	for (unsigned i = 0; (path = path_name(i)); i++)
		if (strcmp(path, name) == 0)
			return true;
	command_misused("no %s path '%s'; available: %s", what, name,
			command_path_list(list, path_name));
	return false;
}

bool command_number(const char *text, unsigned long max, unsigned *number)
{
	char *end;
	unsigned long value;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno || value > max)
		return false;
	*number = (unsigned)value;
	return true;
}

enum { CALLS_SHOWN = 5 }; /* of system calls by name; --json has them all */

static void print_cache(FILE *out, int64_t bytes)
{
	if (bytes < 0)
		fputs("unknown", out);
	else
		fprintf(out, "%.1f MiB", (double)bytes / (1 << 20));
}

static void print_calls(FILE *out, const struct sluice_bill *bill)
{
	fprintf(out, "  calls     %llu system calls", (unsigned long long)bill->system_calls);
	for (unsigned i = 0; i < bill->system_call_count && i < CALLS_SHOWN; i++)
		fprintf(out, "%s%s %llu", i == 0 ? " (" : ", ", bill->system_calls_by_name[i].name,
			(unsigned long long)bill->system_calls_by_name[i].count);
	if (bill->system_call_count > 0)
		fputs(bill->system_call_count > CALLS_SHOWN ? ", ...)" : ")", out);
	fprintf(out, "\n  switches  %llu of mode; of context %llu voluntary, %llu involuntary\n",
		(unsigned long long)bill->mode_switches,
		(unsigned long long)bill->context_switches_voluntary,
		(unsigned long long)bill->context_switches_involuntary);
}

/* Not measured, hence the "by construction": the paths are made so. */
static void print_copies(FILE *out, const struct sluice_bill *bill)
{
	fprintf(out, "  copies    by construction: the CPU copied %llu bytes, devices moved ",
		(unsigned long long)bill->cpu_copied_bytes);
	if (bill->device_moved_bytes < 0)
		fputs("unknown\n", out);
	else
		fprintf(out, "%llu\n", (unsigned long long)bill->device_moved_bytes);
}

static void print_ciphered(FILE *out, const struct sluice_bill *bill)
{
	if (bill->cpu_ciphered_bytes == 0)
		return;
	fprintf(out, "  TLS       the CPU ciphered %llu bytes, by OpenSSL",
		(unsigned long long)bill->cpu_ciphered_bytes);
	if (bill->tls_version)
		fprintf(out, ": %s, %s", bill->tls_version, bill->tls_suite);
	fputs("\n", out);
}

void command_print_bill_line(FILE *out, const char *title, const struct sluice_bill *bill)
{
	char safe[4096];

	text_for_terminal(safe, sizeof(safe), title);
	fprintf(out, "%s %llu bytes in %.3f s: %.2f GB/s\n", safe, (unsigned long long)bill->bytes,
		bill->seconds, bill_rate(bill));
}

void command_print_bill(FILE *out, const char *title, const struct sluice_bill *bill)
{
	command_print_bill_line(out, title, bill);
	fprintf(out, "  CPU       %.3f s (user %.3f, system %.3f), %.3f s per GB\n",
		bill->cpu_user_seconds + bill->cpu_system_seconds, bill->cpu_user_seconds,
		bill->cpu_system_seconds, bill_cpu_per_gb(bill));
	print_calls(out, bill);
	fputs("  paths    ", out);
	for (unsigned i = 0; i < bill->path_count; i++)
		fprintf(out, " %s %llu", bill->paths[i].path,
			(unsigned long long)bill->paths[i].bytes);
	fputs(bill->path_count ? "\n" : " none\n", out);
	print_copies(out, bill);
	print_ciphered(out, bill);
	if (bill->zerocopy_sends > 0)
		fprintf(out, "  zerocopy  %llu sends, of which the kernel copied %llu after all\n",
			(unsigned long long)bill->zerocopy_sends,
			(unsigned long long)bill->zerocopy_copied);
	if (bill->page_cache_before_bytes >= 0 || bill->page_cache_after_bytes >= 0) {
		fputs("  in cache  ", out);
		print_cache(out, bill->page_cache_before_bytes);
		fputs(" before, ", out);
		print_cache(out, bill->page_cache_after_bytes);
		fputs(" after\n", out);
	}
}
