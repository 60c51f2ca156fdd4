/* SPDX-License-Identifier: MIT */
/*
 * An answer being sent: a head, and a body that is text or one or more ranges of a file.
 */
#ifndef SLUICE_HTTP_RESPONSE_H
#define SLUICE_HTTP_RESPONSE_H

#include "base/buffer.h"
#include "base/tally.h"
#include "http/digests.h"
#include "http/extra.h"
#include "http/file-cache.h"
#include "http/message.h"
#include "http/range.h"
#include "http/resolve.h"
#include "range/send.h"

struct response {
	const struct http_extra *extra; /* what is added to each head */
	unsigned status;
	bool keep_alive;
	bool is_head_only;  /* HEAD: the head of a GET and no body */
	bool has_successor; /* another whole request waits: its answer may share a packet */
	char why[96];       /* for the log */
	/* What is sent next, before the ranges: the head, a part's head, or a text body. */
	struct buffer text;
	size_t text_sent;
	struct cached_file *cached; /* the file, where there is one */
	struct listing *listing;    /* a reference, where the body is one */
	const char *content;        /* the whole body, sent with the head; NULL: ranges */
	size_t content_size;
	struct http_range whole, *several; /* several is owned */
	struct http_range *ranges;         /* one or the other */
	unsigned range_count, range_at;
	bool is_multipart;
	char boundary[40]; /* random: no file can hold it on purpose */
	struct range_send range;
	bool is_streaming;
	uint64_t body_bytes; /* sent so far */
	struct tally tally;
	struct digests *digests; /* that are known */
	bool lacks_digest;       /* it was asked for, and is not known */
	const char *bill_path;   /* where its bill can be had; NULL: nobody asked */
	unsigned billed_count;   /* of the ranges, those that are sent and billed */
};

/* An answer without a file: an error, a redirect (with location), OPTIONS. */
void response_text(struct response *response, const struct http_request *request, unsigned status,
		   const char *location, const char *why);
/* The answer from a file, with the request's conditions and ranges applied. Takes the reference. */
void response_file(struct response *response, const struct http_request *request,
		   struct cached_file *cached);
/* A text that is made for this one request. */
void response_json(struct response *response, const struct http_request *request, const char *text);
/* The answer to whatever else resolve found. */
void response_found(struct response *response, const struct http_request *request,
		    struct resolve *resolve);

/*
 * Sends: > 0 bytes, 0 all is sent, -EAGAIN (until the socket is ready, or range.wake), -errno: the
 * connection is of no further use.
 */
int64_t response_step(struct response *response, struct loop *loop, struct channel *channel);
void response_close(struct response *response);

const char *http_reason(unsigned status);

#endif
