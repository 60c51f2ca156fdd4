/* SPDX-License-Identifier: MIT */
/*
 * The server's side of the bill: one more exchange on the connection that brought the body, where
 * the answer said that there is one. The file is complete by then, so nothing that goes wrong here
 * is an error, and nothing is waited for long. See http/bill.h.
 */
#include "base/size.h"
#include "fetch/download.h"

#include <errno.h>
#include <string.h>

enum { LIMIT_SECONDS = 3 };

void download_note_bill(struct download *download)
{
	const struct http_response *head = &download->exchange.head;

	/* Only where the end of the body is not the end of the connection, and that is ours alone.
	 */
	if (download->options.server_bill && !*download->exchange.via.host && head->keep_alive &&
	    head->bill.data && http_bill_is_path(head->bill))
		memcpy(download->bill.path, head->bill.data, head->bill.length);
}

static int ask(struct download *download)
{
	struct bill_request *bill = &download->bill;

	/* Of several connections each has its own. */
	if (!*bill->path || download->streams.used > 1 ||
	    !exchange_is_reusable(&download->exchange))
		return -ENOENT;
	bill->phase = BILL_HEAD;
	exchange_set_limit(&download->exchange, LIMIT_SECONDS);
	return exchange_begin(&download->exchange, "GET", bill->path, "Connection: close\r\n");
}

static int take_head(struct download *download)
{
	const struct http_response *head = &download->exchange.head;
	int result = exchange_step(&download->exchange);

	if (result == -EAGAIN)
		return download_wait_exchange(download);
	if (result == 0 && (head->status != 200 || !head->has_content_length ||
			    head->content_length > HTTP_BILL_MAX))
		result = -EPROTO;
	download->bill.phase = BILL_BODY;
	return result;
}

static int take_body(struct download *download)
{
	struct http_client *client = &download->exchange.client;
	struct bill_request *bill = &download->bill;
	uint64_t length = download->exchange.head.content_length;
	int64_t came;

	buffer_append(&bill->text, client->input + client->used, client->filled - client->used);
	if (bill->text.failed)
		return -ENOMEM;
	if (bill->text.length >= length) {
		bill->has_bill = http_bill_parse(&bill->answer, bill->text.data, length) == 0;
		return 1;
	}
	came = http_client_receive(client);
	if (came == -EAGAIN)
		return download_wait(download, "waiting for the bill");
	return came > 0 ? 0 : -ENODATA;
}

/* 0: there is more to do; -EAGAIN; else it is over. */
static int step(struct download *download)
{
	switch (download->bill.phase) {
	case BILL_NEXT:
		return ask(download);
	case BILL_HEAD:
		return take_head(download);
	case BILL_BODY:
		return take_body(download);
	}
	return -EINVAL;
}

int download_fetch_bill(struct download *download)
{
	int result;

	do
		result = step(download);
	while (result == 0);
	return result == -EAGAIN ? result : 0;
}
