/* SPDX-License-Identifier: MIT */
/*
 * The lines, fields and framing of a request's head (RFC 9112 5, 6). Private to this room.
 *
 * Separate from message.h because llhttp.h's enumerators (HTTP_GET, HTTP_HEAD, ...) clash with
 * ours: only head.c includes llhttp. It adds the strictness that llhttp has in some releases and
 * builds only (bare LF, folded lines, spaces in names), so that every build accepts the same
 * messages.
 */
#ifndef SLUICE_HTTP_HEAD_H
#define SLUICE_HTTP_HEAD_H

#include "http/text.h"

enum http_repeat {
	HTTP_REPEAT_FIRST, /* the first line counts */
	HTTP_REPEAT_NEVER,
};

/* A field to keep: its value goes to the http_text at `offset` in the message. */
struct http_slot {
	const char *name;
	size_t offset;
	enum http_repeat repeat;
};

struct http_head {
	unsigned minor; /* from the first line, which the caller has read */
	const struct http_slot *slots;
	size_t slot_count;
	void *message;

	/* Out, where the head is complete */
	bool keep_alive, has_length, has_coding;
	uint64_t content_length;
};

/*
 * The length of the head at the start of data, its empty line included; 0 where it is not complete;
 * -EPROTO for a NUL, a CR or LF that is not part of a CRLF, or a folded line.
 */
long http_head_end(const char *data, size_t length);

/*
 * Reads the head whose lines http_head_end has accepted, complete or not. Returns 0, -EAGAIN, 400,
 * 501 for a transfer coding other than chunked, or -ENOTSUP where llhttp does not know the method.
 */
int http_head_parse(struct http_head *head, const char *data, size_t length);

#endif
