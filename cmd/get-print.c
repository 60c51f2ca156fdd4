/* SPDX-License-Identifier: MIT */
/* What a get came to: bills for a person, an object for programs. */
#include "base/bill-json.h"
#include "base/text.h"
#include "get.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static json_t *server_bill_json(const struct sluice_get_result *result)
{
	json_t *bill;

	if (!result->server_bill)
		return json_null();
	bill = bill_to_json(result->server_bill);
	json_object_set_new(bill, "is_alone", json_boolean(result->server_was_alone));
	return bill;
}

static void print_bills(const char *name, const struct sluice_get_result *result)
{
	command_print_bill(stderr, name, result->bill);
	if (!result->server_bill)
		return;
	command_print_bill(stderr, "the server sent", result->server_bill);
	if (!result->server_was_alone)
		fputs("  It served other clients at the same time: CPU, calls and switches are "
		      "those of one\n  thread, including what the others cost there.\n",
		      stderr);
}

/* JSON is UTF-8, and a name or a URL need not be. */
static json_t *safe_string(const char *text)
{
	size_t size = 4 * strlen(text) + 1;
	char *safe = malloc(size);
	json_t *string = safe ? json_string(text_for_terminal(safe, size, text)) : NULL;

	free(safe);
	return string;
}

/* Lines of several kinds have an "event". */
static int print_line(json_t *root)
{
	json_dumpf(root, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(root);
	return fflush(stdout) != 0 || ferror(stdout)
		       ? command_failed("standard output: %s", strerror(errno))
		       : EXIT_DONE;
}

void get_print_progress(const char *url, const struct sluice_progress *progress, double rate)
{
	bool has_total = progress->total_bytes != UINT64_MAX;

	print_line(
		json_pack("{s:s, s:o, s:I, s:I, s:o, s:f, s:f, s:i}", "event", "progress", "url",
			  safe_string(url), "done_bytes", (json_int_t)progress->done_bytes,
			  "resumed_bytes", (json_int_t)progress->resumed_bytes, "total_bytes",
			  has_total ? json_integer((json_int_t)progress->total_bytes) : json_null(),
			  "seconds", progress->seconds, "rate_bytes_per_second", rate, "streams",
			  (int)progress->streams));
}

void get_print_event(const char *event, const char *url, const char *text)
{
	print_line(json_pack("{s:s, s:o, s:o}", "event", event, "url", safe_string(url), "text",
			     safe_string(text)));
}

static int print_json(const struct get *get, const char *url,
		      const struct sluice_get_result *result)
{
	json_t *root = json_pack(
		"{s:o, s:o, s:i, s:b, s:I, s:i, s:o, s:o}", "url", safe_string(url), "file",
		safe_string(result->file), "status", (int)result->status, "is_skipped",
		(int)result->is_skipped, "resumed_from_bytes",
		(json_int_t)result->resumed_from_bytes, "streams", (int)result->streams, "bill",
		bill_to_json(result->bill), "server_bill", server_bill_json(result));

	if (!root)
		return command_failed("the bill: %s", strerror(ENOMEM));
	if (get->shows_progress)
		json_object_set_new(root, "event", json_string("done"));
	return print_line(root);
}

/* Returns whether that was all there is to say. */
static bool say_unchanged(const struct sluice_get_result *result)
{
	if (result->is_skipped) /* for its escaping: this is no failure */
		command_failed("%s is there already: skipped", result->file);
	else if (result->status == 304)
		command_failed("%s is up to date: nothing to fetch", result->file);
	return result->is_skipped || result->status == 304;
}

int get_print(const struct get *get, const char *url, const struct sluice_get_result *result)
{
	if (get->is_json)
		return print_json(get, url, result);
	if (!get->is_quiet && !say_unchanged(result))
		print_bills(*result->file ? result->file : url, result);
	return EXIT_DONE;
}

int get_print_line(const struct get *get, const char *url, const struct sluice_get_result *result)
{
	if (get->is_json)
		return print_json(get, url, result);
	if (!get->is_quiet && !say_unchanged(result))
		command_print_bill_line(stderr, *result->file ? result->file : url, result->bill);
	return EXIT_DONE;
}
