/* SPDX-License-Identifier: MIT */
/*
 * Fields that a server's owner adds to every answer: custom ones, and those that let pages of other
 * origins read the answers (CORS, by the Fetch standard). Pure.
 */
#ifndef SLUICE_HTTP_EXTRA_H
#define SLUICE_HTTP_EXTRA_H

#include "base/buffer.h"
#include "http/message.h"
#include "sluice.h"

struct http_extra {
	struct buffer fields;      /* of every answer */
	struct buffer file_fields; /* of those with a file: other answers have their own */
	struct buffer origins;     /* each ends in a NUL */
	bool is_for_all;           /* every origin may read */
};

/* Lists end in NULL, or are NULL. Returns 0, -ENOMEM, or -EINVAL with error saying what is wrong.
 */
int http_extra_open(struct http_extra *extra, const char *const *headers, const char *const *cors,
		    struct sluice_error *error);
void http_extra_close(struct http_extra *extra);
void http_extra_write(const struct http_extra *extra, const struct http_request *request,
		      bool has_file, struct buffer *out);

#endif
