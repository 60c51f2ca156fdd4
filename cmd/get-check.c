/* SPDX-License-Identifier: MIT */
/* What cannot be had together, found before anything is fetched. */
#include "base/buffer.h"
#include "base/cleanup.h"
#include "channel/tls.h"
#include "get.h"
#include "http/credentials.h"
#include "http/field.h"

#include <string.h>
#include <unistd.h>

static bool is_path(const struct get *get, const char *name)
{
	return get->options.path && strcmp(get->options.path, name) == 0;
}

/* Where no name comes from the URL, none can be taken twice. */
static bool has_names(const struct get *get)
{
	return !get->options.output && !is_path(get, "discard");
}

int get_take_name(struct get *get, const char *url)
{
	char name[256];

	if (!has_names(get) || sluice_url_filename(url, name, NULL) < 0)
		return 1;
	return names_take(&get->names, name);
}

/* Two URLs that end alike would be written to one file, the second over the first. */
static int check_names(struct get *get, char *const *urls)
{
	char name[256];

	for (char *const *url = urls; *url; url++) {
		int result = get_take_name(get, *url);

		if (result < 0)
			return command_failed("out of memory");
		if (result == 0 && sluice_url_filename(*url, name, NULL) == 0)
			return command_misused("get: two of the URLs would be written to '%s'",
					       name);
	}
	return EXIT_DONE;
}

/* Without what may be a password in it. */
static int refuse_url(const char *url, const char *why)
{
	_cleanup_free_ char *shown = http_credentials_cut(url);

	return !shown || strstr(why, shown) ? command_misused("get: %s", why)
					    : command_misused("get: %s: %s", why, shown);
}

static int check_urls(struct get *get, char *const *urls)
{
	struct sluice_error error;

	if (!*urls && !get->input)
		return command_misused("get: missing URL");
	for (char *const *url = urls; *url; url++)
		if (sluice_url_check(*url, &error) < 0)
			return refuse_url(*url, error.text);
	if (get->options.output && !get->options.to_fd && *urls && urls[1])
		return command_misused("get: -o names one file, but there are several URLs");
	return check_names(get, urls);
}

static bool is_standard_output(const char *output)
{
	static const char *const names[] = {"-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strcmp(output, names[i]) == 0)
			return true;
	return false;
}

/* Two answers to the question who asks. */
static int check_authorization(const char *lines, bool has_token, char *const *urls)
{
	bool has_header = http_field_is_in(lines, "Authorization");

	if (has_header && has_token)
		return command_misused("get: --token-file and a header Authorization exclude each "
				       "other");
	for (; (has_header || has_token) && *urls; urls++)
		if (http_credentials_check(*urls, NULL) > 0)
			return command_misused("get: %s and a user name in the URL exclude each "
					       "other",
					       has_token ? "--token-file"
							 : "a header Authorization");
	return EXIT_DONE;
}

static int check_headers(const struct get *get, char *const *urls)
{
	struct sluice_error error;
	struct buffer lines = {0};
	int result = 0;

	for (unsigned i = 0; result == 0 && i < get->header_count; i++)
		result = http_field_add_to_request(&lines, get->headers[i], &error);
	result = result < 0 ? command_misused("get: %s", error.text)
			    : check_authorization(lines.data, get->token_file, urls);
	buffer_free(&lines);
	return result;
}

static int check_trust(const struct sluice_get_options *options)
{
	if (!options->certificate != !options->certificate_key)
		return command_misused("get: --cert and --key go together");
	if (options->pin && !tls_are_pins(options->pin))
		return command_misused("get: --pin %s: expected sha256// and 44 characters of "
				       "base64",
				       options->pin);
	return EXIT_DONE;
}

/* What is about a file, and its name. */
static int check_file(const struct get *get)
{
	const struct sluice_get_options *options = &get->options;
	const char *option = options->no_clobber   ? "--no-clobber"
			     : options->only_newer ? "-N"
			     : options->keep_time  ? "-R"
						   : NULL;

	if (options->no_clobber && options->only_newer)
		return command_misused("get: --no-clobber and -N exclude each other: the one never "
				       "replaces a file, the other an old one");
	if (option && options->to_fd)
		return command_misused("get: %s needs a file, not -o -", option);
	if (option && is_path(get, "discard"))
		return command_misused("get: --path discard writes no file: leave %s out", option);
	return EXIT_DONE;
}

int get_check(struct get *get, char *const *urls)
{
	struct sluice_get_options *options = &get->options;

	options->to_fd = options->output && strcmp(options->output, "-") == 0;
	options->output_fd = STDOUT_FILENO;
	if (options->output && !*options->output)
		return command_misused("get: -o '' names no file");
	if (options->output && is_standard_output(options->output) && get->is_json)
		return command_misused("get: -o %s and --json both want standard output",
				       options->output);
	if (options->output && !options->to_fd && get->input)
		return command_misused("get: -o names one file, and -i may list several");
	if (get->shows_progress && !get->is_json)
		return command_misused("get: --progress needs --json; without it a terminal shows "
				       "progress");
	if (options->output && options->directory)
		return command_misused("get: -o and -O both say where");
	if (options->directory && is_path(get, "discard"))
		return command_misused("get: --path discard writes no file: leave -O out");
	if (options->directory && !*options->directory)
		return command_misused("get: -O '' names no directory");
	if (options->to_fd && options->path && !is_path(get, "auto"))
		return command_misused("get: --path %s needs a file, not -o -", options->path);
	if (options->output && is_path(get, "discard"))
		return command_misused("get: --path discard writes no file: leave -o out");
	if (get->mirror_count > 0 && (get->input || (*urls && urls[1])))
		return command_misused("get: --mirror is of one URL, but there are several");
	if (options->sparse && (is_path(get, "splice") || is_path(get, "discard")))
		return command_misused("get: --path %s makes no holes: leave --sparse out",
				       options->path);
	if (options->keep_cached &&
	    (is_path(get, "dontcache") || is_path(get, "direct") || is_path(get, "discard")))
		return command_misused("get: --path %s keeps nothing cached", options->path);
	if (check_trust(options) != EXIT_DONE || check_file(get) != EXIT_DONE)
		return EXIT_USAGE;
	return check_headers(get, urls) == EXIT_DONE ? check_urls(get, urls) : EXIT_USAGE;
}
