/* SPDX-License-Identifier: MIT */
/* A client's connection: one request, the head of its answer, and the part of the body that came
 * with it. */
#ifndef SLUICE_HTTP_CLIENT_H
#define SLUICE_HTTP_CLIENT_H

#include "channel/channel.h"
#include "http/message.h"
#include "http/url.h"
#include "loop/loop.h"

#include <sys/socket.h>

#define HTTP_CLIENT_READ  ((size_t)128 << 10) /* received at once, of a body */
#define HTTP_CLIENT_INPUT (HTTP_RESPONSE_HEAD_MAX + HTTP_CLIENT_READ)

struct http_client {
	struct loop *loop;
	struct loop_watch watch;
	struct channel channel; /* its `in` is -1: closed */
	bool is_ready;          /* the socket has become ready since the owner cleared this */
	char *input;
	size_t used, filled; /* input[used..filled) was received and not consumed */
};

/* The calls that may have to wait return -EAGAIN: run the loop until is_ready, and call again. */
int http_client_connect(struct http_client *client, struct loop *loop,
			const struct sockaddr *address, socklen_t size);
/* 0 when it is, and hands are shaken; -errno when it failed. */
int http_client_connected(struct http_client *client);
/* Sends text from *sent on, and moves *sent. */
int http_client_send(struct http_client *client, const struct buffer *text, size_t *sent);
/* Reads until a whole head is there; its texts stay valid until the next receive. */
int http_client_head(struct http_client *client, struct http_response *response,
		     struct sluice_error *error);
/* Receives into the (then empty) input: > 0, 0 when the peer closed, -errno. */
int64_t http_client_receive(struct http_client *client);
/* Hands the channel to the caller, who closes it and its socket; `in` is -1 where there is none. */
struct channel http_client_take(struct http_client *client);
void http_client_close(struct http_client *client);

#endif
