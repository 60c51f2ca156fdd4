/* SPDX-License-Identifier: MIT */
/* sluice cache --read-ahead: what the disk under a file reads ahead. */
#include "cache.h"

#include "base/size.h"
#include "base/text.h"
#include "pagecache/device.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>
#include <sys/stat.h>

static int find(const struct cache_run *run, const char *path, struct device_ahead *ahead,
		struct sluice_error *error)
{
	struct stat status;
	uint64_t bytes;
	int result;

	if ((run->tree_options.follow ? stat : lstat)(path, &status) < 0) {
		error->code = errno;
		snprintf(error->text, sizeof(error->text), "%s", strerror(errno));
		return -error->code;
	}
	result = device_ahead_read(status.st_dev, ahead, error);
	if (result < 0 || strcmp(run->ahead, "show") == 0)
		return result;
	size_parse(run->ahead, &bytes); /* it was looked at when it was read */
	return device_ahead_set(ahead, bytes, error);
}

static void print_text(const char *path, const struct device_ahead *ahead)
{
	char name[4096], text[SIZE_TEXT];

	printf("%s: on %s, which reads ahead %s\n", text_for_terminal(name, sizeof(name), path),
	       ahead->name, size_format(text, ahead->bytes));
}

static void print_json(const char *path, const struct device_ahead *ahead, const char *error)
{
	json_t *object = json_pack(
		"{s:s?, s:o, s:s?}", "device", error ? NULL : ahead->name, "read_ahead_bytes",
		error ? json_null() : json_integer((json_int_t)ahead->bytes), "error", error);

	putchar('{');
	cache_json_path(path);
	putchar(',');
	json_dumpf(object, stdout, JSON_COMPACT | JSON_EMBED);
	putchar('}');
	json_decref(object);
}

static int one(const struct cache_run *run, const char *path)
{
	struct device_ahead ahead;
	struct sluice_error error;
	int result = find(run, path, &ahead, &error);

	if (run->is_json)
		print_json(path, &ahead, result < 0 ? error.text : NULL);
	else if (result == 0)
		print_text(path, &ahead);
	return result < 0 ? command_failed("%s: %s", path, error.text) : EXIT_DONE;
}

int cache_read_ahead(struct cache_run *run)
{
	int result = EXIT_DONE;

	if (run->is_json)
		fputs("{\"command\":\"cache\",\"version\":\"" SLUICE_VERSION
		      "\",\"action\":\"read-ahead\",\"files\":[",
		      stdout);
	for (char *const *path = run->paths; *path; path++) {
		if (run->is_json)
			fputs(path == run->paths ? "\n" : ",\n", stdout);
		if (one(run, *path) != EXIT_DONE)
			result = EXIT_FAILED;
	}
	if (run->is_json)
		fputs("\n]}\n", stdout);
	if (fflush(stdout) || ferror(stdout))
		return command_failed("cache: standard output: %s", strerror(errno));
	return result;
}
