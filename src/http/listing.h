/* SPDX-License-Identifier: MIT */
/*
 * A directory as an HTML page or as JSON. Pure: the entries are given. The page is self-contained
 * (no outside resources, works without scripts; with them its columns sort by name, size, date),
 * reads well on a phone, in light and dark, and escapes every name.
 */
#ifndef SLUICE_HTTP_LISTING_H
#define SLUICE_HTTP_LISTING_H

#include "base/buffer.h"

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct http_entry {
	char *name;
	bool is_directory;
	uint64_t size; /* files only */
	time_t modified;
};

/* Sorts: directories first, then by name in byte order. */
void http_listing_sort(struct http_entry *entries, size_t count);

/* What is written: as it is shown on a page, or as JSON. */
struct http_listing {
	const char *path; /* decoded, "" for the root; a page has a link up where not "" */
	const struct http_entry *entries;
	size_t count;
	bool is_json;
};

/*
 * Appends a piece: 0 is the head, count + 1 the end, and between them are the entries. JSON is
 *
 * {"path":"/a/","entries":[{"name":..,"href":..,"type":"file"|"folder","size_bytes":..,
 * "modified":"..Z"}]}; directories have no size_bytes. href is the link relative to the directory:
 * it holds the true name also where that is not UTF-8 and "name" has U+FFFD for the bytes that are
 * not.
 */
void http_listing_piece(struct buffer *out, const struct http_listing *listing, size_t number);

#endif
