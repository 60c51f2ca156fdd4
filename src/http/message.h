/* SPDX-License-Identifier: MIT */
/*
 * HTTP/1.x message heads (RFC 9112): requests by llhttp, and checked by us; answers by our own code
 * (reply.c). Pure: no system calls.
 * The texts in a parsed head point into the caller's data. An absent field's text has data NULL; a
 * field that is there but empty has length 0. Field values come without the blanks around them.
 *
 * Parsing keeps no state: call again from the message's start when more of it has come. Only
 * -EAGAIN changes with more data: what was accepted stays so, and so does what was refused, though
 * a second fault may then be the one that is named.
 */
#ifndef SLUICE_HTTP_MESSAGE_H
#define SLUICE_HTTP_MESSAGE_H

#include "http/chunked.h"
#include "http/text.h"
#include "sluice.h"

#include <stdint.h>

#define HTTP_HEAD_MAX          ((size_t)16 << 10) /* a header block, request line included */
#define HTTP_TARGET_MAX        ((size_t)8 << 10)
#define HTTP_RESPONSE_HEAD_MAX ((size_t)256 << 10)

enum http_method { HTTP_GET, HTTP_HEAD, HTTP_OPTIONS, HTTP_METHOD_KNOWN, HTTP_METHOD_UNKNOWN };

struct http_request {
	enum http_method method; /* KNOWN: a method llhttp knows that we do not serve (405) */
	struct http_text method_text, target;
	unsigned minor; /* HTTP/1.minor */
	bool keep_alive;
	bool has_body; /* Content-Length > 0 or Transfer-Encoding */
	struct http_text host, range, if_range, if_match, if_none_match, if_modified_since,
		if_unmodified_since, accept, prefer, origin, authorization, want_repr_digest;
};

/*
 * Parses the request at the start of data. Returns 0 and sets *used to the head's length (up to and
 * including the empty line); -EAGAIN when the head is not complete (but not yet too long and not
 * malformed so far); or a positive HTTP status to answer before closing:
 *
 * - 400: malformed. That includes, beyond the grammar: a bare CR or LF, a NUL, a folded line,
 *   blanks in or after a field's name; both Transfer-Encoding and Content-Length; a Content-Length
 *   that is repeated or not a number of 64 bits; HTTP/1.1 without Host, an invalid or a second Host
 *   (RFC 9112 3.2, 6.3); a second Range, If-Range, If-(Un)Modified-Since or Authorization; and a
 * second If-Match or If-None-Match line, which RFC 9110 5.3 allows but one text cannot hold:
 * dropping one would answer a condition nobody set. (Of several Accept or Prefer lines the first
 * counts.)
 * - 414: the target is longer than HTTP_TARGET_MAX, also where its line is not complete yet.
 * - 431: the head is longer than HTTP_HEAD_MAX, or as long without an end.
 * - 501: a transfer coding other than chunked; a method llhttp does not know in a well-formed line.
 * - 505: a well-formed version other than HTTP/1.0 and HTTP/1.1.
 *
 * Empty lines before the request line are skipped (RFC 9112 2.2) and count as part of the head.
 */
int http_request_parse(struct http_request *request, const char *data, size_t length, size_t *used);

struct http_response {
	unsigned status;
	unsigned minor;
	bool keep_alive;         /* false too where the body ends with the connection */
	bool chunked;            /* Transfer-Encoding: chunked, the last coding */
	bool has_content_length; /* false with chunked */
	uint64_t content_length;
	struct http_text etag, last_modified, content_range, content_type, content_encoding,
		location, retry_after, bill, date, repr_digest, content_digest;
};

/*
 * Like http_request_parse, for the head of an answer to GET. Returns 0, -EAGAIN, or -EPROTO with
 * error saying what is wrong with it, safe to print. 1xx heads are returned like any other: the
 * caller goes on. Undoes folds in data itself, and changes nothing else there.
 *
 * Takes what servers in use send, as long as it can be read in one way only: empty lines before the
 * status line, any blanks in it and any reason or none, a status up to 999, any HTTP/1.x; lines
 * that end in LF, folded lines, blanks before a colon, names and control characters that no field
 * may have (such a field is nobody's), and lines without a colon where the body's end is told; a
 * Content-Length that is repeated, or a list, of one number; "chunked" beside a length, which then
 * does not count, twice, and beside "identity". An ETag, Last-Modified or digest that is there
 * twice and differs is empty; a Content-Range, Content-Encoding, Location or Sluice-Bill is refused
 * then; of other fields the first counts.
 *
 * Refuses, beyond what is no HTTP: a CR without LF, a NUL; Content-Lengths that differ, are empty
 * or are no number of 64 bits; any other transfer coding; a name that is none and holds that of a
 * field of framing. The head's limit is HTTP_RESPONSE_HEAD_MAX.
 */
int http_response_parse(struct http_response *response, char *data, size_t length, size_t *used,
			struct sluice_error *error);

#endif
