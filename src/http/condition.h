/* SPDX-License-Identifier: MIT */
/* Validators and conditional requests (RFC 9110 8.8, 13). Pure. */
#ifndef SLUICE_HTTP_CONDITION_H
#define SLUICE_HTTP_CONDITION_H

#include "http/message.h"

#include <sys/stat.h>
#include <time.h>

#define HTTP_ETAG_SIZE 112

/*
 * A validator, quotes included: device, inode, size, mtime and ctime in nanoseconds, in
 * hexadecimal. Weak where the file's times are so young at `now` that it could change once more and
 * keep them.
 */
void http_etag_format(char etag[HTTP_ETAG_SIZE], const struct statx *status, struct timespec now);
bool http_etag_is_strong(struct http_text etag); /* well formed and not W/ */

struct http_validators {
	const char *etag; /* weak or strong */
	time_t modified;  /* Last-Modified: not later than now */
	time_t now;       /* Date of the answer: a Last-Modified within 60 s of it is weak */
};

/* The preconditions in RFC 9110 13.2.2's order. Returns 200 (go on), 304 or 412. */
int http_conditions(const struct http_request *request, const struct http_validators *current);

/* Whether Range is to be honoured: no If-Range, or it names the current representation strongly. */
bool http_if_range_holds(const struct http_request *request, const struct http_validators *current);

#endif
