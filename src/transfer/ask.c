/* SPDX-License-Identifier: MIT */
/*
 * The exchanges of a download: connect, ask, read the head of the answer, follow redirects, and
 * find out what the answer means for what is here already.
 */
#include "base/error.h"
#include "host/socket.h"
#include "http/coding.h"
#include "http/condition.h"
#include "http/range.h"
#include "transfer/download.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

enum { REDIRECTS_MAX = 10 };

/* Fails with a sentence, unless the wait has said one already. */
static int failed(struct download *download, int result, const char *what)
{
	if (result < 0 && !*download->error->text)
		error_set_errno(download->error, -result, "%s %s:%s", what, download->url.host,
				download->url.port);
	return result;
}

static int connect_to(struct download *download, const struct addrinfo *address)
{
	struct http_client *client = &download->client;
	int result =
		http_client_connect(client, download->loop, address->ai_addr, address->ai_addrlen);

	download->error->text[0] = '\0';
	download_mark_active(download);
	while (result == 0 && (result = http_client_connected(client)) == -EAGAIN)
		result = download_wait_socket(download, "connecting");
	if (result < 0)
		http_client_close(client);
	else
		download->has_card = !host_socket_is_local(client->fd);
	download_mark_active(download);
	return result;
}

static int connect_any(struct download *download)
{
	const struct http_url *url = &download->url;
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
				       .ai_flags = AI_NUMERICSERV |
						   (url->host_is_ipv6 ? AI_NUMERICHOST : 0)};
	struct addrinfo *found = NULL;
	int result = getaddrinfo(url->host, url->port, &hints, &found);

	if (result != 0)
		return error_set(download->error, EHOSTUNREACH, "host %s: %s", url->host,
				 gai_strerror(result));
	result = -EHOSTUNREACH;
	for (struct addrinfo *at = found; at; at = at->ai_next) {
		result = connect_to(download, at);
		if (result == 0 || result == -ECANCELED)
			break;
	}
	freeaddrinfo(found);
	return failed(download, result, "connecting to");
}

static int set_congestion(struct download *download)
{
	const char *name = download->options->congestion;
	int result;

	if (!name || strcmp(name, "auto") == 0)
		return 0;
	result = host_socket_set_congestion(download->client.fd, name);
	return result < 0
		       ? error_set_errno(download->error, -result, "congestion control '%s'", name)
		       : 0;
}

/* "http://host:port/path", for comparing */
static void format_url(const struct http_url *url, struct buffer *out)
{
	char host[280];

	http_url_host(url, host, sizeof(host));
	buffer_printf(out, "http://%s%s", host, url->target);
}

/* An ETag means something at the URL that gave it, and at no other. */
static bool is_url_of_part(const struct download *download)
{
	struct buffer text = {0};
	bool is_same;

	format_url(&download->url, &text);
	is_same = !text.failed && download->target.journal.answered &&
		  strcmp(text.data, download->target.journal.answered) == 0;
	buffer_free(&text);
	return is_same;
}

static int send_request(struct download *download)
{
	struct buffer text = {0};
	char host[280];
	size_t sent = 0;
	int result;

	http_url_host(&download->url, host, sizeof(host));
	buffer_printf(&text,
		      "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: sluice/%s\r\nAccept: */*\r\n"
		      "Accept-Encoding: identity\r\n%s\r\n",
		      download->url.target, host, SLUICE_VERSION,
		      download->options->server_bill ? "Prefer: " HTTP_BILL_PREFERENCE
						     : "Connection: close");
	if (download->resume > 0 && is_url_of_part(download))
		buffer_printf(&text, "Range: bytes=%llu-\r\nIf-Range: %s\r\n",
			      (unsigned long long)download->resume, download->target.journal.etag);
	buffer_text(&text, "\r\n");
	result = text.failed ? -ENOMEM : 0;
	while (result == 0 &&
	       (result = http_client_send(&download->client, &text, &sent)) == -EAGAIN)
		result = download_wait_socket(download, "sending the request");
	buffer_free(&text);
	return failed(download, result, "sending the request to");
}

static int read_head(struct download *download)
{
	bool is_final;
	int result;

	do {
		result = http_client_head(&download->client, &download->head, download->error);
		if (result == -EAGAIN) {
			result = download_wait_socket(download, "waiting for the answer");
			is_final = false;
		} else {
			/* After a 1xx the real answer follows; after 101 another protocol. */
			is_final = download->head.status >= 200 || download->head.status == 101;
		}
	} while (result == 0 && !is_final);
	download_mark_active(download);
	download->result->status = result == 0 ? download->head.status : 0;
	return result;
}

static int exchange(struct download *download)
{
	int result = connect_any(download);

	if (result == 0)
		result = set_congestion(download);
	if (result == 0)
		result = send_request(download);
	return result < 0 ? result : read_head(download);
}

static bool is_redirect(unsigned status)
{
	return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

static int follow(struct download *download)
{
	struct http_text location = download->head.location;
	struct sluice_error why;
	char printable[sizeof(why.text)];
	int result;

	download->base = download->url;
	result = http_url_resolve(&download->url, &download->base, location, &why);
	if (result == 0)
		return 0;
	download->base = (struct http_url){0}; /* it has been named */
	return error_set(download->error, -result, "the server redirects to %s: %s",
			 http_text_printable(location, printable, sizeof(printable)), why.text);
}

/* Exchanges until an answer is not a redirect. */
static int ask(struct download *download)
{
	for (int redirects = 0;; redirects++) {
		int result = exchange(download);

		if (result < 0 || !is_redirect(download->head.status))
			return result;
		if (redirects == REDIRECTS_MAX)
			return error_set(download->error, ELOOP, "more than %d redirects",
					 REDIRECTS_MAX);
		if (!download->head.location.data)
			return error_set(download->error, EPROTO,
					 "the server redirects without saying where to");
		result = follow(download);
		http_client_close(&download->client);
		if (result < 0)
			return result;
	}
}

/* A failure behind a redirect is the other place's. */
static void name_redirect(struct download *download)
{
	struct buffer text = {0};

	if (!*download->base.host || download->error->code == ECANCELED)
		return;
	format_url(&download->url, &text);
	if (!text.failed)
		error_append(download->error, " (redirected to %s)", text.data);
	buffer_free(&text);
}

/* What the answer means */

/* A 206 must be just what was asked for. */
static int check_partial(struct download *download)
{
	const struct http_response *head = &download->head;
	const struct journal *journal = &download->target.journal;
	struct http_content_range range = {0};
	uint64_t resume = download->resume;

	if (resume == 0)
		return error_set(download->error, EPROTO,
				 "the server answered 206 to a request for the whole file");
	if (!head->content_range.data || !http_content_range_parse(head->content_range, &range) ||
	    !range.has_range)
		return error_set(download->error, EPROTO,
				 "the server answered 206 without saying which bytes");
	if (!range.has_size)
		range.size = range.offset + range.length;
	if (range.offset != resume || range.size != journal->size ||
	    range.length != range.size - resume)
		return error_set(download->error, EPROTO,
				 "asked for bytes %llu-%llu/%llu, the server sends %llu-%llu",
				 (unsigned long long)resume, (unsigned long long)journal->size - 1,
				 (unsigned long long)journal->size,
				 (unsigned long long)range.offset,
				 (unsigned long long)(range.offset + range.length - 1));
	if (head->has_content_length && head->content_length != range.length)
		return error_set(download->error, EPROTO,
				 "the server's Content-Length %llu and its range of %llu bytes "
				 "contradict each other",
				 (unsigned long long)head->content_length,
				 (unsigned long long)range.length);
	if (head->etag.data && !http_text_is(head->etag, journal->etag))
		return error_set(download->error, EPROTO,
				 "the server sends another version than was asked for; remove %s "
				 "to start over",
				 download->target.part);
	download->expected = range.size;
	return 0;
}

/* Asked not to encode the file, the server did: what comes is something else. */
static bool is_encoded(const struct download *download)
{
	struct http_text encoding = download->head.content_encoding;

	return !http_coding_keeps(encoding, download->url_text) &&
	       !http_coding_keeps(encoding, download->url.target) &&
	       !http_coding_keeps(encoding, download->result->file);
}

static int refuse_encoded(struct download *download)
{
	char printable[64];

	return error_set(
		download->error, EPROTO,
		"the server sends the file encoded (%s), although it was asked not to; to "
		"keep it so, name the output as such files are named (-o NAME.gz)",
		http_text_printable(download->head.content_encoding, printable, sizeof(printable)));
}

/* The whole file comes: what an earlier call left is of no use. */
static void start_over(struct download *download)
{
	const struct http_response *head = &download->head;
	struct journal *journal = &download->target.journal;
	struct buffer answered = {0};

	if (download->resume > 0 && http_text_is(head->etag, journal->etag))
		download->why_over = "the server does not continue downloads: starting over";
	else if (download->resume > 0)
		download->why_over = "the file has changed on the server: starting over";
	else if (download->target.had_part)
		download->why_over = "the part that is there cannot be continued: starting over";
	download->resume = 0;
	download->expected = head->has_content_length ? head->content_length : UINT64_MAX;
	journal_clear(journal);
	format_url(&download->url, &answered);
	if (!answered.failed && http_etag_is_strong(head->etag) &&
	    head->etag.length < sizeof(journal->etag) && head->has_content_length)
		memcpy(journal->etag, head->etag.data, head->etag.length);
	journal->answered = answered.data; /* buffer_free is journal_clear's */
	journal->size = download->expected;
}

/* After 416 the part is longer than the file, or of another file: ask again for all of it. */
static int ask_for_all(struct download *download)
{
	download->why_over = "the server has no data past the partial file: starting over";
	http_client_close(&download->client);
	download->resume = 0;
	download->target.had_part = false;
	if (http_url_parse(&download->url, download->url_text, download->error) < 0)
		return -EINVAL;
	return ask(download);
}

static int take_answer(struct download *download)
{
	const struct http_response *head = &download->head;
	int result = ask(download);

	if (result == 0 && head->status == 416 && download->resume > 0)
		result = ask_for_all(download);
	if (result < 0)
		return result;
	if (head->status != 200 && head->status != 206)
		return download_refuse_status(download);
	if (head->has_content_length && head->content_length > INT64_MAX)
		return error_set(download->error, EPROTO,
				 "the server claims a length that no file can have");
	if (is_encoded(download))
		return refuse_encoded(download);
	if (head->status == 206)
		return check_partial(download);
	start_over(download);
	return 0;
}

int download_ask(struct download *download)
{
	int result = take_answer(download);

	if (result == 0)
		download_note_bill(download);
	else
		name_redirect(download);
	return result;
}
