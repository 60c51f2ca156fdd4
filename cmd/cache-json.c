/* SPDX-License-Identifier: MIT */
/*
 * The page cache of files for a program: one JSON object, written as it comes, so that neither a
 * million files nor a million ranges are ever in memory. Jansson makes the pieces.
 */
#include "cache.h"

#include "base/text.h"

#include <jansson.h>
#include <string.h>

enum { FORMAT = JSON_COMPACT | JSON_EMBED };

/* Takes the reference. */
static void write_members(json_t *object)
{
	json_dumpf(object, stdout, FORMAT);
	json_decref(object);
}

static json_t *hex_of(const char *text)
{
	struct buffer hex = {0};
	json_t *string;

	for (const char *at = text; *at; at++)
		buffer_printf(&hex, "%02x", (unsigned char)*at);
	string = json_string(hex.data ? hex.data : "");
	buffer_free(&hex);
	return string;
}

/* A name that is not UTF-8 cannot stand in JSON: it is escaped there, and whole in hexadecimal. */
void cache_json_path(const char *path)
{
	json_t *string = json_string(path), *hex = NULL;
	struct buffer escaped = {0};

	if (!string) {
		text_escape(&escaped, path, strlen(path));
		string = json_string(escaped.data ? escaped.data : "");
		hex = hex_of(path);
		buffer_free(&escaped);
	}
	write_members(json_pack("{s:o, s:o}", "path", string, "path_hex", hex ? hex : json_null()));
}

static json_t *known(bool is_known, uint64_t value)
{
	return is_known ? json_integer((json_int_t)value) : json_null();
}

static json_t *figures_json(const struct cache_figures *figures, bool is_known)
{
	bool has_states = is_known && figures->has_states;

	return json_pack("{s:o, s:o, s:o, s:o, s:o}", "resident_bytes",
			 known(is_known, figures->resident_bytes), "dirty_bytes",
			 known(has_states, figures->dirty_bytes), "writeback_bytes",
			 known(has_states, figures->writeback_bytes), "evicted_bytes",
			 known(has_states, figures->evicted_bytes), "recently_evicted_bytes",
			 known(has_states, figures->recently_evicted_bytes));
}

static void begin(struct cache_run *run)
{
	static const char *const actions[] = {[CACHE_LOOK] = "look",
					      [CACHE_WARM] = "warm",
					      [CACHE_EVICT] = "evict",
					      [CACHE_FLUSH] = "flush"};

	putchar('{');
	write_members(json_pack("{s:s, s:s, s:s}", "command", "cache", "version", SLUICE_VERSION,
				"action", actions[run->action]));
	fputs(run->is_summary ? ",\"files\":null" : ",\"files\":[", stdout);
}

struct ranges {
	uint64_t bytes;
	bool has_one;
};

static int write_range(void *argument, uint64_t offset, uint64_t length)
{
	struct ranges *ranges = argument;

	printf("%s{\"offset_bytes\":%llu,\"length_bytes\":%llu}", ranges->has_one ? "," : "",
	       (unsigned long long)offset, (unsigned long long)length);
	ranges->has_one = true;
	ranges->bytes += length;
	return 0;
}

static void write_ranges(struct cache_file *file, int fd)
{
	struct ranges ranges = {0};
	int result;

	if (!file->is_known) {
		fputs(",\"ranges\":null", stdout);
		return;
	}
	fputs(",\"ranges\":[", stdout);
	result = cache_ranges(fd, file->size, write_range, &ranges);
	putchar(']');
	if (result < 0 && !file->failed_code)
		file->failed_code = -result;
	file->figures.resident_bytes = ranges.bytes;
}

static json_t *holders_json(const struct holders *holders)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < holders->count && i < HOLDERS_MAX; i++) {
		const struct holder *holder = &holders->list[i];
		char name[256];

		json_array_append_new(
			list, json_pack("{s:i, s:s, s:I, s:I}", "pid", (int)holder->pid, "name",
					text_for_terminal(name, sizeof(name), holder->name),
					"resident_bytes", (json_int_t)holder->resident_bytes,
					"locked_bytes", (json_int_t)holder->locked_bytes));
	}
	return list;
}

static json_t *stayed_json(const struct cache_file *file)
{
	if (!file->evicted)
		return json_null();
	return json_pack("{s:I, s:b, s:o, s:i, s:i}", "bytes",
			 (json_int_t)file->figures.resident_bytes, "is_memory_file_system",
			 file->evicted->is_memory, "mapped_by", holders_json(file->holders),
			 "mapping_processes", (int)file->holders->count, "hidden_processes",
			 (int)file->holders->hidden_count);
}

static const char *const done_names[] = {[CACHE_WARM] = "read_bytes",
					 [CACHE_EVICT] = "taken_out_bytes",
					 [CACHE_FLUSH] = "written_bytes"};

static void write_done(const struct cache_run *run, bool has_done, uint64_t bytes)
{
	if (run->action == CACHE_LOOK)
		return;
	putchar(',');
	write_members(json_pack("{s:o}", done_names[run->action], known(has_done, bytes)));
}

static void open_file(struct cache_run *run, const char *path)
{
	fputs(run->is_first ? "\n{" : ",\n{", stdout);
	run->is_first = false;
	cache_json_path(path);
}

static void write_file(struct cache_run *run, struct cache_file *file, int fd)
{
	const char *unknown = file->is_known ? NULL : cache_why_unknown(file->unknown_code);

	if (run->is_summary)
		return;
	open_file(run, file->path);
	write_ranges(file, fd);
	putchar(',');
	write_members(json_pack("{s:I}", "size_bytes", (json_int_t)file->size));
	putchar(',');
	write_members(figures_json(&file->figures, file->is_known));
	write_done(run, file->has_done, file->done_bytes);
	if (run->action == CACHE_EVICT) {
		putchar(',');
		write_members(json_pack("{s:o}", "stayed", stayed_json(file)));
	}
	putchar(',');
	write_members(json_pack("{s:s?, s:s?}", "unknown", unknown, "error",
				file->failed_code ? strerror(file->failed_code) : NULL));
	putchar('}');
}

/* The same members, of what could not be opened. */
static void write_failed(struct cache_run *run, const char *path, const char *text)
{
	if (!run->is_summary) {
		open_file(run, path);
		fputs(",\"ranges\":null,\"size_bytes\":null,", stdout);
		write_members(figures_json(&(struct cache_figures){0}, false));
		write_done(run, false, 0);
		if (run->action == CACHE_EVICT)
			fputs(",\"stayed\":null", stdout);
		fputs(",\"unknown\":null,", stdout);
		write_members(json_pack("{s:s}", "error", text));
		putchar('}');
	}
	cache_print_error(run, path, text);
}

static void end(struct cache_run *run)
{
	const struct cache_total *total = &run->total;

	fputs(run->is_summary ? ",\"total\":{" : "\n],\"total\":{", stdout);
	write_members(json_pack(
		"{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "files",
		(json_int_t)total->files, "folders", (json_int_t)run->directories, "failed",
		(json_int_t)total->failed, "vanished", (json_int_t)total->vanished, "links_skipped",
		(json_int_t)total->links, "special_skipped", (json_int_t)total->special,
		"other_file_systems_skipped", (json_int_t)total->elsewhere, "loops_skipped",
		(json_int_t)total->loops, "unknown_files", (json_int_t)total->unknown,
		"unknown_size_bytes", (json_int_t)total->unknown_size, "size_bytes",
		(json_int_t)total->size));
	putchar(',');
	write_members(figures_json(&total->figures, cache_is_total_known(total)));
	write_done(run, cache_is_total_done_known(total), total->done_bytes);
	fputs("}}\n", stdout);
}

const struct cache_printer cache_json = {begin, write_file, write_failed, end};
