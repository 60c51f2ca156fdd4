/* SPDX-License-Identifier: MIT */
/*
 * The system's list of media types: /etc/mime.types, and the globs2 of shared-mime-info for what is
 * not in there. Read once, at the start; constant from then on. Whatever the files hold, what does
 * not look like a type and an extension is passed over, and there are bounds to how much is kept.
 */
#ifndef SLUICE_HTTP_MEDIA_TYPES_H
#define SLUICE_HTTP_MEDIA_TYPES_H

#include "base/buffer.h"
#include "http/text.h"

#define MEDIA_TYPES_FILE_MAX ((size_t)1 << 20)
#define MEDIA_TYPES_MAX      16384u /* extensions */

struct media_types {
	struct buffer text; /* "epub\0application/epub+zip\0" after the other */
	uint32_t *places;   /* of the entries in it, sorted by extension */
	unsigned count, capacity;
};

/* What cannot be read is as if it were not there. Of an extension, the first type counts. */
void media_types_read(struct media_types *types);
void media_types_free(struct media_types *types);
/* The Content-Type for an extension in any case, or NULL. Valid until media_types_free. */
const char *media_types_find(const struct media_types *types, const char *extension);

/* The parts of media_types_read, for tests: "TYPE EXTENSION..." and "WEIGHT:TYPE:*.EXTENSION". */
void media_types_add_mime(struct media_types *types, struct http_text text);
void media_types_add_globs(struct media_types *types, struct http_text text);
void media_types_sort(struct media_types *types);

#endif
