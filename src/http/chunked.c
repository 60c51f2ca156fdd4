/* SPDX-License-Identifier: MIT */
/*
 * Chunked bodies through llhttp, which is told by a head of our own that such a body follows. It is
 * paused after each run of body bytes, so that the caller may write them before asking for more.
 */
#include "http/chunked.h"

#include <errno.h>
#include <llhttp.h>
#include <stdlib.h>

struct http_chunked {
	llhttp_t parser;
	struct http_text body;
	size_t overhead; /* bytes since the last run of body bytes */
	bool is_complete, is_broken;
};

static int on_body(llhttp_t *parser, const char *at, size_t length)
{
	((struct http_chunked *)parser->data)->body = (struct http_text){at, length};
	return HPE_PAUSED;
}

static int on_message_complete(llhttp_t *parser)
{
	((struct http_chunked *)parser->data)->is_complete = true;
	return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
	.on_body = on_body,
	.on_message_complete = on_message_complete,
};

int http_chunked_open(struct http_chunked **chunked)
{
	static const char head[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
	struct http_chunked *opened = calloc(1, sizeof(*opened));

	if (!opened)
		return -ENOMEM;
	llhttp_init(&opened->parser, HTTP_RESPONSE, &settings);
	opened->parser.data = opened;
	if (llhttp_execute(&opened->parser, head, sizeof(head) - 1) != HPE_OK) {
		free(opened);
		return -EPROTO;
	}
	*chunked = opened;
	return 0;
}

void http_chunked_close(struct http_chunked *chunked)
{
	free(chunked);
}

static int fail(struct http_chunked *chunked)
{
	chunked->is_broken = true;
	return -EPROTO;
}

int http_chunked_decode(struct http_chunked *chunked, const char *data, size_t length, size_t *used,
			struct http_text *body)
{
	llhttp_errno_t code;

	*body = chunked->body = (struct http_text){0};
	if (chunked->is_broken)
		return -EPROTO;
	*used = 0;
	if (chunked->is_complete || !length)
		return chunked->is_complete;
	if (llhttp_get_errno(&chunked->parser) == HPE_PAUSED)
		llhttp_resume(&chunked->parser);
	code = llhttp_execute(&chunked->parser, data, length);
	if (code != HPE_OK && code != HPE_PAUSED)
		return fail(chunked);
	*used = length;
	if (code == HPE_PAUSED)
		*used = (size_t)(llhttp_get_error_pos(&chunked->parser) - data);
	*body = chunked->body;
	chunked->overhead = body->length ? 0 : chunked->overhead + *used;
	return chunked->overhead > HTTP_CHUNK_OVERHEAD_MAX ? fail(chunked) : chunked->is_complete;
}
