/* SPDX-License-Identifier: MIT */
/*
 * A directory as a page or as JSON. See listing.h. File names are bytes: where they are not UTF-8,
 * what is shown has U+FFFD for the bytes that are not, and the link, percent-encoded, has the true
 * name.
 */
#include "http/listing.h"

#include "http/date.h"
#include "http/listing-page.h"
#include "http/url.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

static int compare_entries(const void *left, const void *right)
{
	const struct http_entry *a = left, *b = right;

	if (a->is_directory != b->is_directory)
		return a->is_directory ? -1 : 1;
	return strcmp(a->name, b->name);
}

void http_listing_sort(struct http_entry *entries, size_t count)
{
	if (count)
		qsort(entries, count, sizeof(*entries), compare_entries);
}

/* How many bytes follow this first byte of a UTF-8 sequence, and its part of the code point. */
static int sequence_tail(unsigned char first, uint32_t *point)
{
	if (first >= 0xc2 && first <= 0xdf)
		return *point = first & 0x1f, 1;
	if (first >= 0xe0 && first <= 0xef)
		return *point = first & 0x0f, 2;
	if (first >= 0xf0 && first <= 0xf4)
		return *point = first & 0x07, 3;
	return -1;
}

/* The length of the valid UTF-8 sequence at text; 0 where there is none (RFC 3629). */
static size_t sequence_length(const char *text)
{
	static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
	const unsigned char *bytes = (const unsigned char *)text;
	uint32_t point;
	int tail;

	if (bytes[0] < 0x80)
		return 1;
	tail = sequence_tail(bytes[0], &point);
	for (int i = 1; i <= tail; i++) {
		if ((bytes[i] & 0xc0) != 0x80)
			return 0;
		point = point << 6 | (bytes[i] & 0x3f);
	}
	if (tail < 0 || point < least[tail] || point > 0x10ffff ||
	    (point >= 0xd800 && point <= 0xdfff))
		return 0;
	return (size_t)tail + 1;
}

/* Cuts the next character off a name, made valid: what to show, and how many bytes of it. */
static const char *cut_character(const char **name, size_t *length)
{
	const char *at = *name;

	*length = sequence_length(at);
	*name += *length ? *length : 1;
	if (*length)
		return at;
	*length = sizeof(REPLACEMENT) - 1;
	return REPLACEMENT;
}

static const char *html_escape(char byte)
{
	switch (byte) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	}
	/* Control characters have no place in HTML, not even as references. */
	return (unsigned char)byte < 0x20 || byte == 0x7f ? REPLACEMENT : NULL;
}

static void append_html(struct buffer *out, const char *name)
{
	while (*name) {
		size_t length;
		const char *character = cut_character(&name, &length);
		const char *escaped = html_escape(*character);

		if (escaped)
			buffer_text(out, escaped);
		else
			buffer_append(out, character, length);
	}
}

static void append_href(struct buffer *out, const struct http_entry *entry)
{
	http_percent_encode(out, entry->name);
	if (entry->is_directory)
		buffer_text(out, "/");
}

static void append_size(struct buffer *out, uint64_t size)
{
	static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	double value = (double)size / 1024;
	size_t unit = 0;

	if (size < 1024) {
		buffer_printf(out, "%" PRIu64 " B", size);
		return;
	}
	/* 1023.95 would be printed as 1024.0 */
	for (; value >= 1023.95 && unit + 1 < sizeof(units) / sizeof(units[0]); unit++)
		value /= 1024;
	buffer_printf(out, "%.1f %s", value, units[unit]);
}

static void append_size_cell(struct buffer *out, const struct http_entry *entry)
{
	if (entry->is_directory) {
		buffer_text(out, "<td class=size>\xe2\x80\x93");
		return;
	}
	buffer_printf(out, "<td class=size title=\"%" PRIu64 " bytes\">", entry->size);
	append_size(out, entry->size);
}

/* The keys of sorting are in the row: a directory is smaller than any file. */
static void append_row(struct buffer *out, const struct http_entry *entry)
{
	char date[HTTP_DATE_ISO_SIZE];

	buffer_printf(out, "<tr data-directory=%d data-size=", entry->is_directory);
	if (entry->is_directory)
		buffer_text(out, "-1");
	else
		buffer_printf(out, "%" PRIu64, entry->size);
	buffer_printf(out, " data-date=%" PRId64 " data-name=\"", (int64_t)entry->modified);
	append_html(out, entry->name);
	buffer_text(out, "\"><td class=name><a href=\"");
	append_href(out, entry);
	buffer_text(out, "\">");
	append_html(out, entry->name);
	buffer_text(out, entry->is_directory ? "/</a>" : "</a>");
	append_size_cell(out, entry);
	http_date_format_iso(date, entry->modified);
	buffer_printf(out, "<td class=date><time datetime=\"%s\" title=\"%s\">%.10s %.5s</time>\n",
		      date, date, date, date + 11);
}

/* The path always shown as "/" or "/a/b/", whichever way it was given. */
static void append_path(struct buffer *out, const char *path)
{
	size_t length = strlen(path);

	buffer_text(out, "/");
	append_html(out, path);
	if (length && path[length - 1] != '/')
		buffer_text(out, "/");
}

static void append_count(struct buffer *out, const struct http_entry *entries, size_t count)
{
	size_t directories = 0, files;
	uint64_t bytes = 0;

	for (size_t i = 0; i < count; i++)
		if (entries[i].is_directory)
			directories++;
		else if (__builtin_add_overflow(bytes, entries[i].size, &bytes))
			bytes = UINT64_MAX;
	files = count - directories;
	buffer_printf(out, "<p>%zu director%s, %zu file%s, <span title=\"%" PRIu64 " bytes\">",
		      directories, directories == 1 ? "y" : "ies", files, files == 1 ? "" : "s",
		      bytes);
	append_size(out, bytes);
	buffer_text(out, "</span></p>\n");
}

static void append_page_head(struct buffer *out, const struct http_listing *listing)
{
	buffer_text(out, http_listing_page_top);
	append_path(out, listing->path);
	buffer_text(out, http_listing_page_style);
	append_path(out, listing->path);
	buffer_text(out, "</h1>\n");
	append_count(out, listing->entries, listing->count);
	buffer_text(out, http_listing_page_table);
	if (*listing->path)
		buffer_text(out, http_listing_page_up);
	buffer_text(out, "<tbody>\n");
}

/* A JSON string that is valid whatever the name's bytes are. */
static json_t *json_text(const char *prefix, const char *name, const char *suffix)
{
	struct buffer valid = {0};
	json_t *string;

	buffer_text(&valid, prefix);
	while (*name) {
		size_t length;
		const char *character = cut_character(&name, &length);

		buffer_append(&valid, character, length);
	}
	buffer_text(&valid, suffix);
	string = valid.failed ? NULL : json_stringn_nocheck(valid.data, valid.length);
	buffer_free(&valid);
	return string;
}

static int append_callback(const char *data, size_t length, void *out)
{
	buffer_append(out, data, length);
	return 0;
}

/* Takes the value over; NULL, which a failed allocation gives, makes the page fail. */
static void append_json(struct buffer *out, json_t *value)
{
	if (!value ||
	    json_dump_callback(value, append_callback, out, JSON_COMPACT | JSON_ENCODE_ANY))
		out->failed = true;
	json_decref(value);
}

static json_t *json_href(const struct http_entry *entry)
{
	struct buffer href = {0};
	json_t *string;

	append_href(&href, entry);
	string = href.failed ? NULL : json_string(href.data ? href.data : "");
	buffer_free(&href);
	return string;
}

static json_t *json_entry(const struct http_entry *entry)
{
	char date[HTTP_DATE_ISO_SIZE];
	json_t *size = entry->is_directory ? NULL : json_integer((json_int_t)entry->size);

	http_date_format_iso(date, entry->modified);
	return json_pack("{s:o, s:o, s:s, s:o*, s:s}", "name", json_text("", entry->name, ""),
			 "href", json_href(entry), "type", entry->is_directory ? "folder" : "file",
			 "size_bytes", size, "modified", date);
}

static void append_json_head(struct buffer *out, const char *path)
{
	size_t length = strlen(path);

	buffer_text(out, "{\"path\":");
	append_json(out, json_text("/", path, length && path[length - 1] != '/' ? "/" : ""));
	buffer_text(out, ",\"entries\":[");
}

static void append_json_entry(struct buffer *out, const struct http_listing *listing, size_t at)
{
	if (at > 0)
		buffer_text(out, ",");
	append_json(out, json_entry(&listing->entries[at]));
}

void http_listing_piece(struct buffer *out, const struct http_listing *listing, size_t number)
{
	bool is_json = listing->is_json;

	if (number == 0 && is_json)
		append_json_head(out, listing->path);
	else if (number == 0)
		append_page_head(out, listing);
	else if (number > listing->count)
		buffer_text(out, is_json ? "]}\n" : http_listing_page_end);
	else if (is_json)
		append_json_entry(out, listing, number - 1);
	else
		append_row(out, &listing->entries[number - 1]);
}
