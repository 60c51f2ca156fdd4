/* SPDX-License-Identifier: MIT */
/*
 * Whether the file is still what it was when its body began to come. A server that sends without
 * copying sends what the file holds when the client's kernel takes it, so one that is written in
 * place after the server's last look passes as whole. So the server is asked once more, on the
 * connection that brought the body, which costs a round trip. What cannot be had this way (the
 * connection is closed, HEAD is not allowed, there is no answer soon) is no reason to drop a file
 * that is there: then it is not known, as without this.
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
	PATIENCE_SECONDS = 5,
};

int download_ask_aside(struct download *download, const char *method, const char *fields,
		       struct http_response *head)
{
	struct http_client *client = &download->client;
	int result;

	client->used = client->filled = 0;
	download_mark_active(download);
	result = download_send_request(download, method, fields);
	while (result == 0) {
		result = http_client_head(client, head, download->error);
		if (result == -EAGAIN)
			result = download_wait_socket(download, "waiting for an answer");
		else if (result == 0 && head->status >= 200)
			return 0;
	}
	return result;
}

static int ask_for_head(struct download *download, const char *fields, struct http_response *head)
{
	int result = download_ask_aside(download, "HEAD", fields, head);

	return result == 0 && download->client.used != download->client.filled ? -EPROTO : result;
}

static bool is_possible(const struct download *download)
{
	return *download->validator.text && download->tally.bytes >= LEAST_BYTES &&
	       !download->keeps_nothing && download->head.keep_alive &&
	       download->client.channel.in >= 0 && download->client.used == download->client.filled;
}

static bool is_longer(const struct download *download, const struct http_response *head)
{
	return head->status == 200 && head->has_content_length &&
	       download->expected != UINT64_MAX && head->content_length > download->expected;
}

/* 0: nothing says that it is another file; 1: it is; or -errno. */
static int ask(struct download *download, bool *is_long)
{
	const struct validator *validator = &download->validator;
	struct http_response head = {0};
	char fields[320];
	int result;

	/* With a condition, a server says in the status that the file is another. */
	snprintf(fields, sizeof(fields), "%s: %s\r\n",
		 validator->is_date ? "If-Unmodified-Since" : "If-Match", validator->text);
	result = ask_for_head(download, fields, &head);
	if (result < 0)
		return result;
	if (head.status != 412) {
		*is_long = is_longer(download, &head);
		return head.status == 200 && validator_differs(validator, &head);
	}
	result = ask_for_head(download, "", &head);
	*is_long = result == 0 && is_longer(download, &head);
	return result == -ECANCELED ? result : 1;
}

/* What a log that is written to had when it was asked for is whole. */
static void note_growth(struct download *download)
{
	char line[120];

	if (!download->options->note)
		return;
	snprintf(line, sizeof(line),
		 "the file grew on the server while it came: these are its first %llu bytes",
		 (unsigned long long)download->expected);
	download->options->note(download->options->argument, line);
}

int download_confirm(struct download *download)
{
	bool is_long = false, has_grown = false;
	int result;

	if (!is_possible(download))
		return 0;
	download->patience_seconds = PATIENCE_SECONDS;
	result = ask(download, &is_long);
	if (result == 1 && is_long)
		has_grown = download_is_same_so_far(download) == 1;
	download->patience_seconds = 0;
	download_mark_active(download);
	if (result == -ECANCELED)
		return result;
	download->error->text[0] = '\0';
	if (result < 0 || (is_long && !has_grown))
		http_client_close(&download->client); /* nobody knows what comes on it */
	if (has_grown)
		note_growth(download);
	return result == 1 && !has_grown ? -ESTALE : 0;
}
