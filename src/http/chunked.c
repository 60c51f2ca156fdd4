/* SPDX-License-Identifier: MIT */
/*
 * Chunked bodies, byte by byte where they are framing and in one go where they are body. Our own
 * code, as reply.c is and for its reasons: the packaged llhttp takes neither several extensions of
 * a chunk nor blanks around them, which RFC 9112 7.1.1 says to read over, nor lines that end in LF.
 */
#include "http/chunked.h"

#include <errno.h>
#include <stdlib.h>

enum state {
	SIZE_START, /* blanks before a size */
	SIZE,
	SIZE_BLANKS,
	EXTENSION,
	SIZE_LF, /* the LF after a CR is due */
	DATA,
	DATA_END,
	DATA_LF,
	TRAILER_START, /* the last chunk is over: a trailer's first byte, or the end */
	TRAILER,
	TRAILER_LF,
	END_LF,
	DONE,
	BROKEN,
};

struct http_chunked {
	enum state state;
	uint64_t left;   /* of the size, while it is read; of the chunk, then */
	size_t overhead; /* bytes since the last run of body bytes */
};

int http_chunked_open(struct http_chunked **chunked)
{
	*chunked = calloc(1, sizeof(**chunked));
	return *chunked ? 0 : -ENOMEM;
}

void http_chunked_close(struct http_chunked *chunked)
{
	free(chunked);
}

bool http_chunked_is_whole(const struct http_chunked *chunked)
{
	return chunked->state >= TRAILER_START && chunked->state <= DONE;
}

static enum state after_size(const struct http_chunked *chunked)
{
	return chunked->left > 0 ? DATA : TRAILER_START;
}

static enum state take_digit(struct http_chunked *chunked, char byte)
{
	int digit = http_hex_digit(byte);

	if (digit < 0 || chunked->left > (uint64_t)INT64_MAX >> 4)
		return BROKEN;
	chunked->left = chunked->left << 4 | (uint64_t)digit;
	return SIZE;
}

/* What follows a size on its line */
static enum state step_size(const struct http_chunked *chunked, char byte)
{
	switch (byte) {
	case ' ':
	case '\t':
		return SIZE_BLANKS;
	case ';':
		return EXTENSION;
	case '\r':
		return SIZE_LF;
	case '\n':
		return after_size(chunked);
	default:
		return BROKEN;
	}
}

/* In a line that is read over: on to where its CR leads, or its LF; a NUL is in no text. */
static enum state step_over(enum state state, enum state after_cr, enum state after_lf, char byte)
{
	if (byte == '\r')
		return after_cr;
	if (byte == '\n')
		return after_lf;
	return byte ? state : BROKEN;
}

static enum state step(struct http_chunked *chunked, char byte)
{
	switch (chunked->state) {
	case SIZE_START:
		chunked->left = 0;
		return byte == ' ' || byte == '\t' ? SIZE_START : take_digit(chunked, byte);
	case SIZE:
		if (http_hex_digit(byte) >= 0)
			return take_digit(chunked, byte);
		return step_size(chunked, byte);
	case SIZE_BLANKS:
		return step_size(chunked, byte);
	case EXTENSION:
		return step_over(EXTENSION, SIZE_LF, after_size(chunked), byte);
	case SIZE_LF:
		return byte == '\n' ? after_size(chunked) : BROKEN;
	case DATA_END:
		return byte == '\r' ? DATA_LF : byte == '\n' ? SIZE_START : BROKEN;
	case DATA_LF:
		return byte == '\n' ? SIZE_START : BROKEN;
	case TRAILER_START:
		return step_over(TRAILER, END_LF, DONE, byte);
	case TRAILER:
		return step_over(TRAILER, TRAILER_LF, TRAILER_START, byte);
	case TRAILER_LF:
		return byte == '\n' ? TRAILER_START : BROKEN;
	case END_LF:
		return byte == '\n' ? DONE : BROKEN;
	default:
		return BROKEN;
	}
}

static void take_data(struct http_chunked *chunked, struct http_text *body)
{
	if (body->length > chunked->left)
		body->length = chunked->left;
	chunked->left -= body->length;
	chunked->overhead = 0;
	if (chunked->left == 0)
		chunked->state = DATA_END;
}

int http_chunked_decode(struct http_chunked *chunked, const char *data, size_t length, size_t *used,
			struct http_text *body)
{
	size_t at = 0;

	*body = (struct http_text){0};
	while (at < length && chunked->state < DONE && chunked->state != DATA) {
		chunked->state = step(chunked, data[at++]);
		if (++chunked->overhead > HTTP_CHUNK_OVERHEAD_MAX)
			chunked->state = BROKEN;
	}
	if (chunked->state == BROKEN)
		return -EPROTO;
	if (chunked->state == DATA && at < length) {
		*body = (struct http_text){data + at, length - at};
		take_data(chunked, body);
		at += body->length;
	}
	*used = at;
	return chunked->state == DONE;
}
