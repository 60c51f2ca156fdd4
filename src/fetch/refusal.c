/* SPDX-License-Identifier: MIT */
/*
 * Why a server refuses: what the status means, and what the server says about it in the body, where
 * that is text. Of a body that is long or slow to come only the beginning is read.
 */
#include "base/container.h"
#include "base/error.h"
#include "base/text.h"
#include "fetch/download.h"
#include "http/coding.h"
#include "http/markup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	BODY_MAX = 4096,
	WORDS_MAX = 240,
	WAIT_MS = 2000, /* for all of it */
};

static bool is_over(const struct refusal *refusal)
{
	return refusal->length == BODY_MAX || refusal->left == 0 || refusal->is_late;
}

static void add(struct refusal *refusal, const char *data, size_t length)
{
	if (length > BODY_MAX - refusal->length)
		length = BODY_MAX - refusal->length;
	if (length > refusal->left)
		length = refusal->left;
	if (length > 0)
		memcpy(refusal->body + refusal->length, data, length);
	refusal->length += length;
	refusal->left -= length;
}

/* What of the body is in the client's buffer; false at its end. */
static bool take(struct download *download)
{
	struct refusal *refusal = &download->refusal;
	struct http_client *client = &download->exchange.client;
	struct http_text body;
	int result = 0;
	size_t used;

	if (!refusal->chunked) {
		add(refusal, client->input + client->used, client->filled - client->used);
		client->used = client->filled;
	}
	while (result == 0 && client->used < client->filled) {
		result = http_chunked_decode(refusal->chunked, client->input + client->used,
					     client->filled - client->used, &used, &body);
		if (result < 0)
			break;
		client->used += used;
		add(refusal, body.data, body.length);
	}
	return result == 0 && !is_over(refusal);
}

/* Not the waits of a download, which have sentences of their own. False: there is more to come. */
static bool read_body(struct download *download)
{
	int64_t count = 1;

	while (take(download) && count > 0)
		count = http_client_receive(&download->exchange.client);
	return count != -EAGAIN || download->is_cancelled;
}

static bool may_be_text(const struct http_response *head)
{
	struct http_text type = head->content_type;

	return http_coding_keeps(head->content_encoding, "") &&
	       (!type.data || http_markup_is_text(http_text_cut_until(&type, ';')));
}

static void on_late(struct loop_timer *timer)
{
	struct download *download = container_of(timer, struct download, refusal.timer);

	download->refusal.is_late = true;
	download_wake(download);
}

static bool open_body(struct download *download)
{
	const struct http_response *head = &download->exchange.head;
	struct refusal *refusal = &download->refusal;

	if (head->status < 400 || !may_be_text(head) ||
	    (head->chunked && http_chunked_open(&refusal->chunked) < 0))
		return false;
	refusal->body = malloc(BODY_MAX);
	refusal->left = head->has_content_length ? head->content_length : UINT64_MAX;
	refusal->timer.fire = on_late;
	loop_timer_set(download->loop, &refusal->timer, WAIT_MS);
	return refusal->body;
}

static void quote_body(struct download *download)
{
	const struct refusal *refusal = &download->refusal;
	char plain[WORDS_MAX], safe[4 * WORDS_MAX];

	http_markup_words((struct http_text){refusal->body, refusal->length}, plain, sizeof(plain));
	if (*plain)
		error_append(&download->error, "; it says: %s",
			     text_for_terminal(safe, sizeof(safe), plain));
}

void refusal_close(struct download *download)
{
	struct refusal *refusal = &download->refusal;

	if (download->loop)
		loop_timer_cancel(download->loop, &refusal->timer);
	http_chunked_close(refusal->chunked);
	free(refusal->body);
	*refusal = (struct refusal){0};
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
		return " (authentication required: USER:PASSWORD@ in the URL, or a token)";
	case 403:
		return " (forbidden)";
	case 404:
		return " (not found): check the URL";
	case 407:
		return " (the proxy requires authentication: USER:PASSWORD@ in its URL)";
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

static void say_when(struct download *download)
{
	const struct policy *verdict = &download->exchange.verdict;

	if (verdict->kind != POLICY_AGAIN || again_is_possible(download))
		return;
	if (verdict->after_seconds > 0)
		error_append(&download->error, ": try again in %llu s",
			     (unsigned long long)verdict->after_seconds);
	else
		error_append(&download->error, ": try again later");
}

static void say_status(struct download *download)
{
	unsigned status = download->exchange.head.status;
	int code = status == 404 || status == 410 ? ENOENT : status == 403 ? EACCES : EPROTO;

	error_set(&download->error, code, "the server answered %u%s", status, meaning(status));
	error_as_http(&download->error, status, -code);
	say_when(download);
}

int download_refuse_status(struct download *download)
{
	if (!download->refusal.body) {
		say_status(download);
		if (!open_body(download))
			return -download->error.code;
	}
	if (!read_body(download))
		return -EAGAIN;
	quote_body(download);
	refusal_close(download);
	return -download->error.code;
}
