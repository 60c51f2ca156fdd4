/* SPDX-License-Identifier: MIT */
#include "http/client.h"

#include "base/container.h"
#include "base/error.h"
#include "base/sys.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { WATCHED = EPOLLIN | EPOLLOUT | EPOLLRDHUP };

static void on_ready(struct loop_watch *watch, uint32_t events)
{
	struct http_client *client = container_of(watch, struct http_client, watch);

	client->ready(client);
}

static int reserve(struct http_client *client, size_t size)
{
	char *input = size > client->size ? realloc(client->input, size) : client->input;

	if (!input)
		return -ENOMEM;
	client->input = input;
	client->size = size > client->size ? size : client->size;
	return 0;
}

int http_client_open(struct http_client *client, struct loop *loop, int fd,
		     void (*ready)(struct http_client *client))
{
	int result;

	*client = (struct http_client){
		.loop = loop, .watch.ready = on_ready, .ready = ready, .channel.in = -1};
	result = reserve(client, HTTP_CLIENT_HEAD);
	if (result == 0)
		result = loop_watch_add(loop, &client->watch, fd, WATCHED);
	if (result < 0)
		sys_close(fd);
	else
		client->channel = channel_open(&channel_plain, fd, fd);
	return result;
}

int http_client_send(struct http_client *client, const struct buffer *text, size_t *sent)
{
	int64_t count;

	while (*sent < text->length) {
		count = channel_send(&client->channel, text->data + *sent, text->length - *sent,
				     false);
		if (count < 0)
			return (int)count;
		*sent += (size_t)count;
	}
	return channel_flush(&client->channel);
}

/* Up to `limit` bytes of input, so that more of a body than needed is not copied through it. */
static int64_t receive_up_to(struct http_client *client, size_t limit)
{
	int64_t count = reserve(client, limit);

	if (count == 0)
		count = channel_receive(&client->channel, client->input + client->filled,
					limit - client->filled);
	if (count > 0)
		client->filled += (size_t)count;
	return count;
}

static int parse(struct http_client *client, struct http_response *response,
		 struct sluice_error *error)
{
	size_t used;
	int result = http_response_parse(response, client->input + client->used,
					 client->filled - client->used, &used, error);

	if (result == 0)
		client->used += used;
	return result;
}

static int head_ended(const struct http_client *client, int64_t count, struct sluice_error *error)
{
	if (count == -EAGAIN)
		return -EAGAIN;
	if (count < 0 && count != -ENODATA && channel_words(&client->channel))
		return error_set(error, (int)-count, "reading the answer: %s",
				 channel_words(&client->channel));
	if (count < 0 && count != -ENODATA)
		return error_set_errno(error, (int)-count, "reading the answer");
	if (client->filled == HTTP_CLIENT_INPUT)
		return error_set(error, EPROTO, "one interim answer (1xx) after the other");
	return error_set(error, ENODATA,
			 client->filled > client->used
				 ? "the server closed the connection in the middle of the answer's "
				   "head"
				 : "the server closed the connection without an answer");
}

int http_client_head(struct http_client *client, struct http_response *response,
		     struct sluice_error *error)
{
	int result = client->filled > client->used ? parse(client, response, error) : -EAGAIN;

	while (result == -EAGAIN) {
		bool is_long = client->filled >= HTTP_CLIENT_HEAD;
		int64_t count =
			receive_up_to(client, is_long ? HTTP_CLIENT_INPUT : HTTP_CLIENT_HEAD);

		if (count <= 0)
			return head_ended(client, count, error);
		result = parse(client, response, error);
	}
	return result;
}

int64_t http_client_receive(struct http_client *client)
{
	client->used = client->filled = 0;
	return receive_up_to(client, HTTP_CLIENT_READ);
}

void http_client_close(struct http_client *client)
{
	int fd = client->channel.in;

	if (fd >= 0) {
		if (client->watch.fd >= 0)
			loop_watch_remove(client->loop, &client->watch);
		channel_close(&client->channel);
		sys_close(fd);
	}
	client->channel.in = -1;
	free(client->input);
	client->input = NULL;
	client->size = 0;
}

void http_client_pause(struct http_client *client)
{
	loop_watch_remove(client->loop, &client->watch);
	client->watch.fd = -1;
}

int http_client_resume(struct http_client *client, const struct http_client *from,
		       void (*ready)(struct http_client *client))
{
	*client = *from;
	client->ready = ready;
	return loop_watch_add(client->loop, &client->watch, client->channel.in, WATCHED);
}

bool http_client_is_silent(struct http_client *client)
{
	struct channel *channel = &client->channel;
	char byte;

	if (channel->kind == &channel_plain)
		return sys_recv(channel->in, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == -EAGAIN;
	return channel_attend(channel) == 0 && !channel_has_pending(channel);
}
