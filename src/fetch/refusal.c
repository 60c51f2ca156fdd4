/* SPDX-License-Identifier: MIT */
/*
 * Why a server refuses: what the status means, and what the server says about it in the body, where
 * that is text. Of a body that is long or slow to come only the beginning is read.
 */
#include "base/clock.h"
#include "base/error.h"
#include "base/sys.h"
#include "base/text.h"
#include "fetch/download.h"
#include "http/coding.h"
#include "http/markup.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

enum {
	BODY_MAX = 4096,
	WORDS_MAX = 240,
	TICK_MS = 100,
};

#define WAIT_SECONDS 2.0

struct words {
	struct download *download;
	char body[BODY_MAX];
	size_t length;
	uint64_t left; /* of a body whose length is known */
	double until;
};

static bool is_over(const struct words *words)
{
	return words->length == BODY_MAX || words->left == 0 || clock_seconds() >= words->until;
}

static void add(struct words *words, const char *data, size_t length)
{
	if (length > BODY_MAX - words->length)
		length = BODY_MAX - words->length;
	if (length > words->left)
		length = words->left;
	if (length > 0)
		memcpy(words->body + words->length, data, length);
	words->length += length;
	words->left -= length;
}

/* What of the body is in the client's buffer; false at its end. */
static bool take(struct words *words)
{
	struct http_client *client = &words->download->client;
	struct http_text body;
	int result = 0;
	size_t used;

	if (!words->download->head.chunked) {
		add(words, client->input + client->used, client->filled - client->used);
		client->used = client->filled;
	}
	while (result == 0 && client->used < client->filled) {
		result = http_chunked_decode(words->download->chunked, client->input + client->used,
					     client->filled - client->used, &used, &body);
		if (result < 0)
			break;
		client->used += used;
		add(words, body.data, body.length);
	}
	return result == 0 && !is_over(words);
}

/* Not the waits of a download, which have sentences of their own. */
static void read_body(struct words *words)
{
	struct http_client *client = &words->download->client;
	int64_t count;

	while (take(words)) {
		count = http_client_receive(client);
		if (count == 0 || (count < 0 && count != -EAGAIN))
			break;
		if (count < 0 && sys_poll(client->channel.in, POLLIN, TICK_MS) < 0)
			break;
	}
}

static bool may_be_text(const struct http_response *head)
{
	struct http_text type = head->content_type;

	return http_coding_keeps(head->content_encoding, "") &&
	       (!type.data || http_markup_is_text(http_text_cut_until(&type, ';')));
}

static void quote_body(struct download *download)
{
	const struct http_response *head = &download->head;
	struct words words = {
		.download = download,
		.left = head->has_content_length ? head->content_length : UINT64_MAX,
		.until = clock_seconds() + WAIT_SECONDS,
	};
	char plain[WORDS_MAX], safe[4 * WORDS_MAX];

	http_chunked_close(download->chunked);
	download->chunked = NULL;
	if (!may_be_text(head) || (head->chunked && http_chunked_open(&download->chunked) < 0))
		return;
	read_body(&words);
	http_markup_words((struct http_text){words.body, words.length}, plain, sizeof(plain));
	if (*plain)
		error_append(download->error, "; it says: %s",
			     text_for_terminal(safe, sizeof(safe), plain));
}

static const char *meaning(unsigned status)
{
	switch (status) {
	case 202:
		return " (accepted, but not ready): try again later";
	case 204:
	case 205:
		return " (no content)";
	case 401:
		return " (authentication required, which sluice does not support)";
	case 403:
		return " (forbidden)";
	case 404:
		return " (not found): check the URL";
	case 407:
		return " (proxy authentication required, which sluice does not support)";
	case 410:
		return " (gone)";
	case 429:
		return " (too many requests)";
	case 451:
		return " (unavailable for legal reasons)";
	default:
		return status >= 500 && status < 600 ? " (server error)" : "";
	}
}

/* 501 and 505 are about what sluice asks, and stay so. */
static void say_when(struct download *download, unsigned status)
{
	uint64_t seconds;

	if (status != 429 && (status < 500 || status > 599 || status == 501 || status == 505))
		return;
	if (http_text_number(download->head.retry_after, &seconds) && seconds > 0)
		error_append(download->error, ": try again in %llu s", (unsigned long long)seconds);
	else
		error_append(download->error, ": try again later");
}

int download_refuse_status(struct download *download)
{
	unsigned status = download->head.status;

	int code = status == 404 || status == 410 ? ENOENT : status == 403 ? EACCES : EPROTO;

	error_set(download->error, code, "the server answered %u%s", status, meaning(status));
	error_as_http(download->error, status, -code);
	say_when(download, status);
	if (status >= 400)
		quote_body(download);
	return -code;
}
