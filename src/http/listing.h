/* SPDX-License-Identifier: MIT */
/*
 * A folder as an HTML page or as JSON. Pure: the entries are given. The page is self-contained (no
 * outside resources, works without scripts; with them its columns sort by name, size, date), reads
 * well on a phone, in light and dark, and escapes every name.
 */
#ifndef SLUICE_HTTP_LISTING_H
#define SLUICE_HTTP_LISTING_H

#include "base/buffer.h"

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct http_entry {
	char *name;
	bool is_folder;
	uint64_t size; /* files only */
	time_t modified;
};

/* Sorts: folders first, then by name in byte order. */
void http_listing_sort(struct http_entry *entries, size_t count);
/* path is the decoded path shown to the reader, "" for the root; it has a link up where not "". */
void http_listing_html(struct buffer *out, const char *path, const struct http_entry *entries,
		       size_t count);
/*
 * {"path":"/a/","entries":[{"name":..,"href":..,"type":"file"|"folder","size_bytes":..,
 * "modified":"..Z"}]}; folders have no size_bytes. href is the link relative to the folder: it
 * holds the true name also where that is not UTF-8 and "name" has U+FFFD for the bytes that are
 * not.
 */
void http_listing_json(struct buffer *out, const char *path, const struct http_entry *entries,
		       size_t count);

#endif
