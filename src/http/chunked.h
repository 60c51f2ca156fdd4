/* SPDX-License-Identifier: MIT */
/*
 * Decodes the chunked body of an answer (RFC 9112 7.1). Part of message.h, which others include. It
 * accepts what real servers send and RFC 9112 lets a client accept: blanks around a size, any
 * extensions and trailers (skipped), lines that end in LF. Not for request bodies: a server has to
 * be stricter.
 */
#ifndef SLUICE_HTTP_CHUNKED_H
#define SLUICE_HTTP_CHUNKED_H

#include "http/text.h"

/* Chunk extensions and trailers are read over; more of them than this in one go is not a body. */
#define HTTP_CHUNK_OVERHEAD_MAX ((size_t)64 << 10)

struct http_chunked;

int http_chunked_open(struct http_chunked **chunked);
void http_chunked_close(struct http_chunked *chunked); /* NULL is fine */
/*
 * Consumes data up to and including the next run of body bytes, which it returns in *body (empty
 * where there was none before data ran out). Returns 0: call again with what is left; 1: the body
 * and its trailers are complete, *used ends there; -EPROTO: malformed. *used is set in every case
 * but the last. The body's bytes are data's own: nothing is copied. After 1 or an error it stays
 * so.
 */
int http_chunked_decode(struct http_chunked *chunked, const char *data, size_t length, size_t *used,
			struct http_text *body);
/*
 * Whether the last chunk has come, so that nothing of the body is missing (RFC 9112 8): some
 * servers close the connection before the empty line.
 */
bool http_chunked_is_whole(const struct http_chunked *chunked);

#endif
