/* SPDX-License-Identifier: MIT */
/*
 * The exchanges of a download: connect, ask, read the head of the answer, follow redirects, and
 * find out what the answer means for what is here already.
 */
#include "base/error.h"
#include "fetch/download.h"
#include "host/socket.h"
#include "http/coding.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum {
	REDIRECTS_MAX = 10,
	OVERS_MAX =
		2, /* how often a run starts over: a server that is wrong each time must end it */
};

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
		download->has_card = !host_socket_is_local(client->channel.in);
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
		return error_as(download->error, SLUICE_ERROR_DNS,
				error_set(download->error, EHOSTUNREACH, "host %s: %s", url->host,
					  gai_strerror(result)));
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
	result = host_socket_set_congestion(download->client.channel.in, name);
	return result < 0
		       ? error_set_errno(download->error, -result, "congestion control '%s'", name)
		       : 0;
}

/* What is wanted of the file, and on which condition. */
static void add_question(const struct question *question, struct buffer *text)
{
	const struct validator *validator = question->validator;

	if (question->here > 0)
		buffer_printf(text, "Range: bytes=%llu-\r\nIf-Range: %s\r\n",
			      (unsigned long long)question->from, validator->text);
	else if (question->is_conditional)
		buffer_printf(text, "%s: %s\r\n",
			      validator->is_date ? "If-Modified-Since" : "If-None-Match",
			      validator->text);
}

int download_send_request(struct download *download, const char *method, const char *fields)
{
	struct buffer text = {0};
	char host[HTTP_URL_HOST];
	size_t sent = 0;
	int result;

	http_url_host(&download->url, host);
	buffer_printf(&text,
		      "%s %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: sluice/%s\r\nAccept: */*\r\n"
		      "Accept-Encoding: identity\r\n%s\r\n",
		      method, download->url.target, host, SLUICE_VERSION, fields);
	result = text.failed ? -ENOMEM : 0;
	while (result == 0 &&
	       (result = http_client_send(&download->client, &text, &sent)) == -EAGAIN)
		result = download_wait_socket(download, "sending the request");
	buffer_free(&text);
	return result;
}

static int send_question(struct download *download)
{
	struct buffer fields = {0};
	int result = -ENOMEM;

	if (download->options->server_bill)
		buffer_text(&fields, "Prefer: " HTTP_BILL_PREFERENCE "\r\n");
	else if (download->keeps_nothing)
		buffer_text(&fields, "Connection: close\r\n");
	/* A validator means something where it came from. */
	if (download->question.here == 0)
		download->question.is_conditional =
			download->has_origin &&
			download->origin.place == origin_place(&download->url);
	add_question(&download->question, &fields);
	if (!fields.failed)
		result = download_send_request(download, "GET", fields.data ? fields.data : "");
	buffer_free(&fields);
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
			download_mark_active(download);
		}
	} while (result == 0 && !is_final);
	download->result->public.status = result == 0 ? download->head.status : 0;
	return result;
}

static int exchange(struct download *download)
{
	int result = connect_any(download);

	download->is_connected = result == 0;
	if (result == 0)
		result = set_congestion(download);
	if (result == 0)
		result = send_question(download);
	return result < 0 ? result : read_head(download);
}

/* 300 is one where the server has a preferred choice (RFC 9110 15.4.1). */
static bool is_redirect(const struct http_response *head)
{
	unsigned status = head->status;

	return status == 301 || status == 302 || status == 303 || status == 307 || status == 308 ||
	       (status == 300 && head->location.data);
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
	error_set(download->error, -result, "the server redirects to %s: %s",
		  http_text_printable(location, printable, sizeof(printable)), why.text);
	return error_as(download->error, SLUICE_ERROR_PROTOCOL, result);
}

/* Exchanges until an answer is not a redirect. */
static int ask(struct download *download)
{
	for (int redirects = 0;; redirects++) {
		int result = exchange(download);

		if (result < 0 || !is_redirect(&download->head))
			return result;
		if (redirects == REDIRECTS_MAX)
			return error_as(download->error, SLUICE_ERROR_PROTOCOL,
					error_set(download->error, ELOOP, "more than %d redirects",
						  REDIRECTS_MAX));
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
	char host[HTTP_URL_HOST];

	if (!*download->base.host || download->error->code == ECANCELED)
		return;
	http_url_host(&download->url, host);
	buffer_printf(&text, "http://%s%s", host, download->url.target);
	if (!text.failed)
		error_append(download->error, " (redirected to %s)", text.data);
	buffer_free(&text);
}

/* What the answer means */

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

static int refuse(struct download *download, const struct verdict *verdict)
{
	return verdict->why ? error_set(download->error, EPROTO, "%s", verdict->why)
			    : download_refuse_status(download);
}

/* All of the file comes: what an earlier call left is of no use. */
static void take_all(struct download *download, const struct verdict *verdict)
{
	const struct http_response *head = &download->head;
	struct target *target = &download->target;
	/* Where the size is not known, nobody could tell that a continued file is whole. */
	static const struct validator none;

	if (download->question.here > 0)
		download->why_over = validator_is_in(&target->journal.validator, head)
					     ? "the server does not continue downloads"
					     : "the file has changed on the server";
	else if (target->had_part && !download->why_over)
		download->why_over = "the part that is there cannot be continued";
	download->resume = download->done = 0;
	download->question = (struct question){0};
	download->has_origin = false;
	validator_read(&download->validator, head, time(NULL));
	target_set_source(target, verdict->size == UINT64_MAX ? &none : &download->validator,
			  verdict->size);
}

static int take(struct download *download, const struct verdict *verdict)
{
	if (is_encoded(download))
		return refuse_encoded(download);
	if (download->question.here == 0 || download->head.status != 206)
		take_all(download, verdict);
	download->at = verdict->first;
	download->end = verdict->end;
	download->expected = verdict->size;
	if (verdict->end == verdict->size || (*download->target.journal.validator.text &&
					      download->output_fd < 0 && !download->keeps_nothing))
		return 0;
	return error_set(download->error, EPROTO,
			 "the server sends %llu bytes of %llu, although all were asked for",
			 (unsigned long long)verdict->end, (unsigned long long)verdict->size);
}

int download_start_over(struct download *download, const char *why)
{
	if (download->overs++ == OVERS_MAX)
		return error_set(download->error, EPROTO, "%s, again and again: try it later", why);
	download->why_over = why;
	download->question = (struct question){0};
	download->has_origin = false;
	download->resume = download->done = 0;
	download->error->text[0] = '\0';
	return 0;
}

int download_ask_again(struct download *download, const char *why)
{
	if (download->has_asked_again)
		return download_start_over(download, why);
	download->has_asked_again = true;
	download->error->text[0] = '\0';
	return 0;
}

/* No answer to be had from a server that could be reached: it may be the range that it fails at. */
static bool may_be_the_range(const struct download *download, int result)
{
	return download->is_connected &&
	       (download->question.here > 0 || download->question.is_conditional) &&
	       (result == -EPROTO || result == -ELOOP || result == -ECONNRESET || result == -EPIPE);
}

static struct verdict judge(struct download *download)
{
	static const char why[] = "the server does not answer when asked to continue";
	int result = http_url_parse(&download->url, download->url_text, download->error);

	http_client_close(&download->client);
	download->base = (struct http_url){0};
	if (result == 0)
		result = ask(download);
	if (result == 0 && download->question.here > 0 && is_encoded(download))
		return (struct verdict){.kind = VERDICT_ASK_ALL,
					.why = "the server sends it encoded"};
	if (result == 0)
		return verdict_of(&download->question, &download->head);
	download->failure = result;
	return (struct verdict){.kind = may_be_the_range(download, result) ? VERDICT_ASK_AGAIN
									   : VERDICT_FAILED,
				.why = why};
}

static int ask_until_it_is_clear(struct download *download)
{
	int result = 0;

	while (result == 0) {
		struct verdict verdict = judge(download);

		switch (verdict.kind) {
		case VERDICT_TAKE:
			return take(download, &verdict);
		case VERDICT_SAME:
			download->is_unchanged = true;
			return 0;
		case VERDICT_REFUSE:
			return refuse(download, &verdict);
		case VERDICT_FAILED:
			return download->failure;
		case VERDICT_ASK_AGAIN:
			result = download_ask_again(download, verdict.why);
			break;
		case VERDICT_ASK_ALL:
			result = download_start_over(download, verdict.why);
			break;
		}
	}
	return result;
}

int download_ask(struct download *download)
{
	int result = ask_until_it_is_clear(download);

	if (result == 0)
		download_note_bill(download);
	else
		name_redirect(download);
	return result;
}
