/* SPDX-License-Identifier: MIT */
/* Range and Content-Range (RFC 9110 14). Pure; all arithmetic is unsigned 64-bit and checked. */
#ifndef SLUICE_HTTP_RANGE_H
#define SLUICE_HTTP_RANGE_H

#include "http/text.h"

#include <stdint.h>

#define HTTP_RANGES_MAX 64

struct http_range {
	uint64_t offset;
	uint64_t length; /* never 0 */
};

/*
 * Parses a Range value against a representation of `size` bytes. Returns
 * 200: not a bytes range, or malformed: ignore the header (RFC 9110 14.2); or the last bytes of
 *      nothing;
 * 206: *count (1..HTTP_RANGES_MAX) ranges are in `ranges`, in the order asked, each cut to size;
 *      overlapping ones are merged into the first of them, unsatisfiable ones left out;
 * 416: none is satisfiable, or more than HTTP_RANGES_MAX were asked for.
 * A number that does not fit 64 bits is larger than any file, not an error.
 */
int http_ranges_parse(struct http_text value, uint64_t size, struct http_range *ranges,
		      unsigned *count);

/*
 * Parses a Content-Range value: "bytes 0-9/100", "bytes 0-9/" and "*", or "bytes " and "*" and
 * "/100". Returns false when malformed.
 */
struct http_content_range {
	bool has_range, has_size;
	uint64_t offset, length; /* where has_range */
	uint64_t size;           /* where has_size */
};

bool http_content_range_parse(struct http_text value, struct http_content_range *range);

#endif
