/* SPDX-License-Identifier: MIT */
/*
 * The server's side of the bill: one more exchange on the connection that brought the body, where
 * the answer said that there is one. The file is complete by then, so nothing that goes wrong here
 * is an error, and nothing is waited for long. See http/bill.h.
 */
#include "base/cleanup.h"
#include "base/size.h"
#include "base/sys.h"
#include "fetch/download.h"
#include "http/bill.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	WAIT_MS = 3000,
	TICK_MS = 100, /* how often it is looked whether the caller wants to stop */
	INPUT = HTTP_BILL_MAX + (4 << 10),
};

void download_note_bill(struct download *download)
{
	const struct http_response *head = &download->head;

	/* Only where the end of the body is not the end of the connection. */
	if (download->options->server_bill && head->keep_alive && head->bill.data &&
	    http_bill_is_path(head->bill))
		memcpy(download->bill_path, head->bill.data, head->bill.length);
}

static bool wants_to_stop(const struct download *download)
{
	const struct sluice_get_options *options = download->options;
	struct sluice_progress progress = {
		.done_bytes = download->resume + download->tally.bytes,
		.resumed_bytes = download->resume,
		.total_bytes = download->expected,
		.seconds = download->result->bill.public.seconds,
	};

	return options->progress && !options->progress(options->argument, &progress);
}

static int send_request(const struct download *download, struct channel *channel)
{
	struct buffer text = {0};
	char host[HTTP_URL_HOST];
	int64_t sent;

	http_url_host(&download->url, host);
	buffer_printf(&text,
		      "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: sluice/%s\r\n"
		      "Accept: application/json\r\nConnection: close\r\n\r\n",
		      download->bill_path, host, SLUICE_VERSION);
	sent = text.failed ? -ENOMEM : channel_send(channel, text.data, text.length, false);
	if (sent >= 0 && sent != (int64_t)text.length)
		sent = -EAGAIN; /* an idle connection has room for more than this */
	buffer_free(&text);
	return sent < 0 ? (int)sent : 0;
}

/* More of the answer: > 0 bytes, or -errno. */
static int64_t receive(const struct download *download, struct channel *channel, char *data,
		       size_t length)
{
	for (int waited = 0; waited < WAIT_MS; waited += TICK_MS) {
		int64_t count = channel_receive(channel, data, length);

		if (count != -EAGAIN)
			return count == 0 ? -EPIPE : count;
		if (wants_to_stop(download))
			return -ECANCELED;
		sys_poll(channel->in, POLLIN, TICK_MS);
	}
	return -ETIMEDOUT;
}

/* Whether the head and the body are there: 0, -EAGAIN, or -EPROTO. */
static int parse(struct download *download, char *input, size_t filled)
{
	struct get_result *result = download->result;
	struct http_response head;
	size_t used = 0;
	int code = http_response_parse(&head, input, filled, &used, NULL);

	if (code < 0)
		return code;
	if (head.status != 200 || !head.has_content_length || head.content_length > HTTP_BILL_MAX)
		return -EPROTO;
	if (filled - used < head.content_length)
		return -EAGAIN;
	code = http_bill_parse(&result->server_bill, input + used, head.content_length);
	result->has_server_bill = code == 0;
	return code;
}

void download_fetch_bill(struct download *download, struct channel *channel)
{
	_cleanup_free_ char *input = malloc(INPUT);
	size_t filled = 0;
	int code = input ? send_request(download, channel) : -ENOMEM;

	if (code == 0)
		code = -EAGAIN;
	while (code == -EAGAIN && filled < INPUT) {
		int64_t count = receive(download, channel, input + filled, INPUT - filled);

		if (count < 0)
			return;
		filled += (size_t)count;
		code = parse(download, input, filled);
	}
}
