/* SPDX-License-Identifier: MIT */
/*
 * Whether the file is still what it was when its body began to come. A server that sends without
 * copying sends what the file holds when the client's kernel takes it, so one that is written in
 * place after the server's last look passes as whole. So the server is asked once more, on the
 * connection that brought the body, which costs a round trip; where several did, on another one.
 * What cannot be had this way (the connection is closed, HEAD is not allowed, there is no answer
 * soon) is no reason to drop a file that is there: then it is not known, as without this.
 *
 * A file that is longer by then may have grown, as logs do: sample.c looks.
 */
#include "base/error.h"
#include "fetch/download.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum {
	LEAST_BYTES = 1 << 20, /* a smaller body is sent before anybody can write */
	LIMIT_SECONDS = 5,
};

static bool is_possible(const struct download *download)
{
	return *download->asking.validator.text && !mirrors_know_by_digest(download) &&
	       download->body.tally.bytes >= LEAST_BYTES && !download->output.keeps_nothing &&
	       (download->streams.used > 1 ||
		(download->asking.keeps_alive && exchange_is_reusable(&download->exchange)));
}

static bool is_longer(const struct download *download)
{
	const struct http_response *head = &download->exchange.head;

	return head->status == 200 && head->has_content_length &&
	       download->asking.expected != UINT64_MAX && !download_wants_part(download) &&
	       head->content_length > download->asking.expected;
}

/* What a log that is written to had when it was asked for is whole. */
static void note_growth(const struct download *download)
{
	char line[120];

	snprintf(line, sizeof(line),
		 "the file grew on the server during the download: these are its first %llu bytes",
		 (unsigned long long)download->asking.expected);
	download_note(download, line);
}

/* With a condition, a server says in the status that the file is another. */
static int ask(struct download *download)
{
	const struct validator *validator = &download->asking.validator;
	unsigned limit = download_limit(download);
	char fields[320];

	snprintf(fields, sizeof(fields), "%s: %s\r\n",
		 validator->is_date ? "If-Unmodified-Since" : "If-Match", validator->text);
	if (download->streams.used > 1)
		exchange_disconnect(&download->exchange);
	exchange_set_limit(&download->exchange, limit < LIMIT_SECONDS ? limit : LIMIT_SECONDS);
	download->confirm.is_long = false;
	return exchange_begin(&download->exchange, "HEAD", NULL, fields);
}

static int receive_head(struct download *download)
{
	int result = exchange_step(&download->exchange);

	if (result == -EAGAIN)
		return download_wait_exchange(download);
	return result == 0 && !exchange_is_reusable(&download->exchange) ? -EPROTO : result;
}

/* result: 0: nothing says that it is another file; 1: it is; or -errno. */
static int end(struct download *download, int result, bool has_grown)
{
	struct exchange *exchange = &download->exchange;

	exchange_set_limit(exchange, download_limit(download));
	download->confirm.phase = CONFIRM_NEXT;
	if (result == -ECANCELED)
		return result;
	download->error.text[0] = '\0';
	if (result < 0 || (download->confirm.is_long && !has_grown))
		exchange_disconnect(exchange); /* nobody knows what comes on it */
	if (has_grown)
		note_growth(download);
	return result == 1 && !has_grown ? -ESTALE : 0;
}

static int take_head(struct download *download)
{
	const struct http_response *head = &download->exchange.head;
	struct confirm *confirm = &download->confirm;
	int result = receive_head(download);

	if (result == -EAGAIN)
		return result;
	if (result == 0 && head->status == 412) {
		confirm->phase = CONFIRM_CHANGED;
		return exchange_begin(&download->exchange, "HEAD", NULL, "");
	}
	if (result == 0) {
		confirm->is_long = is_longer(download);
		result =
			head->status == 200 && validator_differs(&download->asking.validator, head);
	}
	if (result != 1 || !confirm->is_long)
		return end(download, result, false);
	confirm->phase = CONFIRM_SAMPLES;
	return 0;
}

/* It is another one: how long? */
static int take_changed_head(struct download *download)
{
	struct confirm *confirm = &download->confirm;
	int result = receive_head(download);

	if (result == -EAGAIN)
		return result;
	confirm->is_long = result == 0 && is_longer(download);
	if (!confirm->is_long)
		return end(download, result == -ECANCELED ? result : 1, false);
	confirm->phase = CONFIRM_SAMPLES;
	return 0;
}

static int compare_samples(struct download *download)
{
	int result = download_is_same_so_far(download);

	if (result == -EAGAIN)
		return result;
	sample_close(download);
	return end(download, result == -ECANCELED ? result : 1, result == 1);
}

static int step(struct download *download)
{
	switch (download->confirm.phase) {
	case CONFIRM_NEXT:
		download->confirm.phase = CONFIRM_HEAD;
		return ask(download);
	case CONFIRM_HEAD:
		return take_head(download);
	case CONFIRM_CHANGED:
		return take_changed_head(download);
	case CONFIRM_SAMPLES:
		return compare_samples(download);
	}
	return -EINVAL;
}

int download_confirm(struct download *download)
{
	int result;

	if (download->confirm.phase == CONFIRM_NEXT && !is_possible(download))
		return 0;
	do
		result = step(download);
	while (result == 0 && download->confirm.phase != CONFIRM_NEXT);
	return result;
}
