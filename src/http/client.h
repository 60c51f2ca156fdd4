/* SPDX-License-Identifier: MIT */
/* A client's connection: one request, the head of its answer, and the part of the body that came
 * with it. */
#ifndef SLUICE_HTTP_CLIENT_H
#define SLUICE_HTTP_CLIENT_H

#include "base/buffer.h"
#include "channel/channel.h"
#include "http/message.h"
#include "loop/loop.h"

#define HTTP_CLIENT_HEAD  ((size_t)16 << 10)  /* received at once, of a head; most are shorter */
#define HTTP_CLIENT_READ  ((size_t)128 << 10) /* of a body */
#define HTTP_CLIENT_INPUT (HTTP_RESPONSE_HEAD_MAX + HTTP_CLIENT_READ) /* at most */

struct http_client {
	struct loop *loop;
	struct loop_watch watch;
	void (*ready)(struct http_client *client);
	struct channel channel; /* its `in` is -1: closed */
	char *input;
	size_t size;         /* of input, which grows as it is needed: gets can be many */
	size_t used, filled; /* input[used..filled) was received and not consumed */
};

/* Takes a connected, non-blocking socket. 0; or -errno, and the socket is closed. */
int http_client_open(struct http_client *client, struct loop *loop, int fd,
		     void (*ready)(struct http_client *client));
/* The calls that may have to wait return -EAGAIN: call again when `ready` ran. */
/* Sends text from *sent on, and moves *sent. */
int http_client_send(struct http_client *client, const struct buffer *text, size_t *sent);
/* Reads until a whole head is there; its texts stay valid until the next receive. */
int http_client_head(struct http_client *client, struct http_response *response,
		     struct sluice_error *error);
/* Receives into the (then empty) input: > 0, 0 when the peer closed, -errno. */
int64_t http_client_receive(struct http_client *client);
void http_client_close(struct http_client *client);

/* Between two requests nobody watches the connection; resume may be into another client. */
void http_client_pause(struct http_client *client);
/* 0; or -errno, and `from` is as it was. */
int http_client_resume(struct http_client *client, const struct http_client *from,
		       void (*ready)(struct http_client *client));
/* Whether the peer has sent nothing, not even that it has closed. */
bool http_client_is_silent(struct http_client *client);

#endif
