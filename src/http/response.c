/* SPDX-License-Identifier: MIT */
#include "http/response.h"

#include "base/sys.h"
#include "http/bill.h"
#include "http/condition.h"
#include "http/date.h"
#include "http/digest-field.h"
#include "http/url.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

const char *http_reason(unsigned status)
{
	static const struct {
		unsigned status;
		const char *reason;
	} reasons[] = {
		{200, "OK"},
		{204, "No Content"},
		{206, "Partial Content"},
		{301, "Moved Permanently"},
		{304, "Not Modified"},
		{400, "Bad Request"},
		{401, "Unauthorized"},
		{403, "Forbidden"},
		{404, "Not Found"},
		{405, "Method Not Allowed"},
		{408, "Request Timeout"},
		{412, "Precondition Failed"},
		{413, "Content Too Large"},
		{414, "URI Too Long"},
		{416, "Range Not Satisfiable"},
		{431, "Request Header Fields Too Large"},
		{500, "Internal Server Error"},
		{501, "Not Implemented"},
		{503, "Service Unavailable"},
		{505, "HTTP Version Not Supported"},
	};

	for (size_t i = 0; i < sizeof(reasons) / sizeof(*reasons); i++)
		if (reasons[i].status == status)
			return reasons[i].reason;
	return "Unknown";
}

/* Server and Date, made once a second: formatting is most of what a small answer costs. */
static const char *common_fields(void)
{
	static _Thread_local char text[HTTP_DATE_SIZE + 64];
	static _Thread_local time_t when;
	time_t now = time(NULL);
	char date[HTTP_DATE_SIZE];

	if (now != when) {
		http_date_format(date, now);
		snprintf(text, sizeof(text), "Server: sluice/%s\r\nDate: %s\r\n", SLUICE_VERSION,
			 date);
	}
	when = now;
	return text;
}

static void begin_head(struct response *response, const struct http_request *request)
{
	if (response->status == 200)
		buffer_text(&response->text, "HTTP/1.1 200 OK\r\n");
	else
		buffer_printf(&response->text, "HTTP/1.1 %u %s\r\n", response->status,
			      http_reason(response->status));
	buffer_text(&response->text, common_fields());
	if (!response->keep_alive)
		buffer_text(&response->text, "Connection: close\r\n");
	else if (request->minor == 0)
		buffer_text(&response->text, "Connection: keep-alive\r\n");
	http_extra_write(response->extra, request, response->cached && response->status < 400,
			 &response->text);
}

/* After these the rest of the input cannot be trusted, or is not wanted. */
static bool ends_connection(unsigned status)
{
	return status == 400 || status == 408 || status == 413 || status == 414 || status == 431 ||
	       status == 501 || status == 505;
}

static void set_status(struct response *response, const struct http_request *request,
		       unsigned status, const char *why)
{
	response->status = status;
	response->keep_alive = request->keep_alive && !ends_connection(status);
	response->is_head_only = request->method == HTTP_HEAD;
	snprintf(response->why, sizeof(response->why), "%s", why);
}

void response_text(struct response *response, const struct http_request *request, unsigned status,
		   const char *location, const char *why)
{
	struct buffer *text = &response->text;
	bool is_told = status == 400 && *why && strcmp(why, http_reason(400)) != 0;
	char body[128] = "";

	set_status(response, request, status, why);
	begin_head(response, request);
	if (status != 204 && status != 304)
		snprintf(body, sizeof(body), "%u %s%s%s\n", status, http_reason(status),
			 is_told ? ": " : "", is_told ? why : "");
	if (location)
		buffer_printf(text, "Location: %s\r\n", location);
	if (status == 204 || status == 405)
		buffer_text(text, "Allow: GET, HEAD, OPTIONS\r\n");
	if (status == 401)
		buffer_text(text, "WWW-Authenticate: Bearer\r\n");
	if (status == 503)
		buffer_text(text, "Retry-After: 1\r\n");
	if (*body)
		buffer_printf(text,
			      "Content-Type: text/plain; charset=utf-8\r\n"
			      "X-Content-Type-Options: nosniff\r\nContent-Length: %zu\r\n",
			      strlen(body));
	buffer_text(text, "\r\n");
	if (!response->is_head_only) {
		buffer_text(text, body);
		response->body_bytes = strlen(body);
	}
}

static void answer_listing(struct response *response, const struct http_request *request,
			   struct resolve *resolve)
{
	const struct buffer *text = &resolve->listing->text;

	set_status(response, request, 200, "");
	begin_head(response, request);
	buffer_printf(&response->text,
		      "Content-Type: %s\r\nContent-Length: %zu\r\nVary: Accept\r\n"
		      "Cache-Control: no-cache\r\n\r\n",
		      resolve->type, text->length);
	if (response->is_head_only)
		return;
	response->listing = resolve->listing;
	resolve->listing = NULL;
	response->content = text->data;
	response->content_size = text->length;
}

void response_json(struct response *response, const struct http_request *request, const char *text)
{
	set_status(response, request, 200, "");
	begin_head(response, request);
	buffer_printf(&response->text,
		      "Content-Type: application/json\r\nContent-Length: %zu\r\n"
		      "Cache-Control: no-store\r\n\r\n",
		      strlen(text));
	if (response->is_head_only)
		return;
	buffer_text(&response->text, text);
	response->body_bytes = strlen(text);
}

static void answer_redirect(struct response *response, const struct http_request *request,
			    const struct resolve *resolve)
{
	struct buffer location = {0};
	const char *query = memchr(request->target.data, '?', request->target.length);

	buffer_text(&location, "/");
	http_percent_encode(&location, resolve->path);
	buffer_text(&location, "/");
	if (query)
		buffer_append(&location, query,
			      (size_t)(request->target.data + request->target.length - query));
	if (location.failed)
		response_text(response, request, 503, NULL, "out of memory");
	else
		response_text(response, request, 301, location.data, "");
	buffer_free(&location);
}

static void part_head(const struct response *response, struct buffer *out, unsigned at)
{
	const struct http_range *range = &response->ranges[at];

	buffer_printf(out,
		      "%s--%s\r\nContent-Type: %s\r\n"
		      "Content-Range: bytes %llu-%llu/%llu\r\n\r\n",
		      at > 0 ? "\r\n" : "", response->boundary, response->cached->type,
		      (unsigned long long)range->offset,
		      (unsigned long long)(range->offset + range->length - 1),
		      (unsigned long long)response->cached->file->status.stx_size);
}

static void last_boundary(const struct response *response, struct buffer *out)
{
	buffer_printf(out, "\r\n--%s--\r\n", response->boundary);
}

static void make_boundary(struct response *response)
{
	uint64_t random[2] = {(uintptr_t)response, (uint64_t)time(NULL)};

	/* Never waits; should it fail, what is there already is a boundary all the same. */
	(void)sys_getrandom(random, sizeof(random), GRND_NONBLOCK);
	snprintf(response->boundary, sizeof(response->boundary), "%016llx%016llx",
		 (unsigned long long)random[0], (unsigned long long)random[1]);
}

static uint64_t body_length(const struct response *response)
{
	struct buffer frame = {0};
	uint64_t length = 0;

	for (unsigned i = 0; i < response->range_count; i++) {
		if (response->is_multipart)
			part_head(response, &frame, i);
		length += response->ranges[i].length;
	}
	if (response->is_multipart)
		last_boundary(response, &frame);
	length += frame.length;
	buffer_free(&frame);
	return length;
}

/* Decides between 200, 206 and 416, and fills the ranges. Returns the status. */
static unsigned choose_ranges(struct response *response, const struct http_request *request,
			      const struct http_validators *validators)
{
	uint64_t size = response->cached->file->status.stx_size;
	unsigned count = 0, status = 200;

	response->ranges = &response->whole;
	/* RFC 9110 14.2: Range is defined for GET alone. */
	if (request->range.data && request->method == HTTP_GET &&
	    http_if_range_holds(request, validators)) {
		response->several = calloc(HTTP_RANGES_MAX, sizeof(*response->several));
		if (!response->several)
			return 503;
		response->ranges = response->several;
		status =
			(unsigned)http_ranges_parse(request->range, size, response->ranges, &count);
	}
	if (status == 200) {
		response->ranges[0] = (struct http_range){0, size};
		count = size > 0;
	}
	response->range_count = count;
	response->is_multipart = status == 206 && count > 1;
	if (response->is_multipart)
		make_boundary(response);
	return status;
}

/* What a 206 has instead of a 200's fields. */
static void describe_ranges(struct response *response)
{
	struct buffer *text = &response->text;
	unsigned long long size = response->cached->file->status.stx_size;
	const struct http_range *first = &response->ranges[0];

	if (response->is_multipart)
		buffer_printf(text, "Content-Type: multipart/byteranges; boundary=%s\r\n",
			      response->boundary);
	else
		buffer_printf(text, "Content-Type: %s\r\n", response->cached->type);
	if (!response->is_multipart)
		buffer_printf(text, "Content-Range: bytes %llu-%llu/%llu\r\n",
			      (unsigned long long)first->offset,
			      (unsigned long long)(first->offset + first->length - 1), size);
	buffer_printf(text, "Content-Length: %llu\r\n", (unsigned long long)body_length(response));
}

static void answer_unsatisfiable(struct response *response, const struct http_request *request)
{
	static const char body[] = "416 Range Not Satisfiable\n";

	set_status(response, request, 416, "");
	begin_head(response, request);
	buffer_printf(&response->text,
		      "Content-Range: bytes */%llu\r\nContent-Type: text/plain; charset=utf-8\r\n"
		      "Content-Length: %zu\r\n\r\n%s",
		      (unsigned long long)response->cached->file->status.stx_size, strlen(body),
		      body);
	response->body_bytes = strlen(body);
}

/* Text and ranges of a 200 or 206 whose file is small and held in memory are one piece. */
static void use_content(struct response *response)
{
	const struct cached_file *cached = response->cached;

	if (response->status != 200 || response->range_count == 0 || !cached->content)
		return;
	response->content = cached->content;
	response->content_size = cached->file->status.stx_size;
	response->range_count = 0;
}

static void describe_file(struct response *response)
{
	const struct buffer *fields = &response->cached->fields;
	size_t from = response->status == 200 ? 0 : response->cached->validators_at;

	buffer_append(&response->text, fields->data + from, fields->length - from);
}

/* A cache that keeps the answer must not give it to others with our path in it. */
static void describe_bill(struct response *response)
{
	response->billed_count = response->range_count;
	if (response->billed_count > 0 && response->keep_alive)
		buffer_printf(&response->text,
			      "Sluice-Bill: %s\r\nPreference-Applied: " HTTP_BILL_PREFERENCE
			      "\r\nVary: Prefer\r\n",
			      response->bill_path);
}

/* Of a file that may still change unnoticed nothing is said. */
static void describe_digest(struct response *response, const struct http_request *request)
{
	const struct cached_file *cached = response->cached;
	struct digest digest;

	if (!response->digests || !request->want_repr_digest.data || *cached->etag == 'W' ||
	    !http_digest_is_wanted(request->want_repr_digest, &hash_sha256))
		return;
	response->lacks_digest = !digests_find(response->digests, &cached->file->status, &digest);
	if (!response->lacks_digest)
		http_digest_write(&response->text, &digest);
}

static void answer_content(struct response *response, const struct http_request *request,
			   unsigned status)
{
	set_status(response, request, status, "");
	begin_head(response, request);
	if (status == 206)
		describe_ranges(response);
	describe_file(response);
	if (response->bill_path && status != 304)
		describe_bill(response);
	if (status != 304)
		describe_digest(response, request);
	buffer_text(&response->text, "\r\n");
	if (status == 304 || response->is_head_only)
		response->range_count = 0;
	if (response->is_multipart && response->range_count > 0)
		part_head(response, &response->text, 0);
	if (!response->range.forced)
		use_content(response);
}

void response_file(struct response *response, const struct http_request *request,
		   struct cached_file *cached)
{
	const struct http_validators validators = {cached->etag, cached->modified, time(NULL)};
	unsigned status = (unsigned)http_conditions(request, &validators);

	response->cached = cached;
	if (status == 200)
		status = choose_ranges(response, request, &validators);
	if (status == 416)
		answer_unsatisfiable(response, request);
	else if (status == 412)
		response_text(response, request, 412, NULL, "");
	else if (status == 503)
		response_text(response, request, 503, NULL, "out of memory");
	else
		answer_content(response, request, status);
}

void response_found(struct response *response, const struct http_request *request,
		    struct resolve *resolve)
{
	if (resolve->status == 200)
		answer_listing(response, request, resolve);
	else if (resolve->status == 301)
		answer_redirect(response, request, resolve);
	else
		response_text(response, request, resolve->status, NULL, resolve->why);
}

/* How much of the content was sent. The bytes of a path are a file's. */
static void count_content(struct response *response, const struct channel *channel, size_t moved)
{
	response->body_bytes += moved;
	if (!response->cached)
		return;
	tally_add(&response->tally, "memory", moved);
	response->tally.cpu_copied_bytes += moved;
	channel_account(channel, &response->tally, moved);
}

/* Sends what is left of the text and, in the same call, of the content. */
static int64_t send_text(struct response *response, struct channel *channel)
{
	bool has_more = response->range_at < response->range_count || response->has_successor;
	size_t size = response->content_size;
	size_t sent = response->text_sent, text = response->text.length;
	size_t text_left = sent < text ? text - sent : 0;
	size_t content_at = sent > text ? sent - text : 0;
	struct iovec pieces[] = {
		{response->text.data + (text - text_left), text_left},
		{(char *)response->content + content_at, size - content_at},
	};
	int64_t count = channel_send_pieces(channel, pieces, size ? 2 : 1, has_more);

	if (count > 0)
		response->text_sent += (size_t)count;
	if (size && response->text_sent > text)
		count_content(response, channel, response->text_sent - text - content_at);
	return count;
}

static void next_text(struct response *response)
{
	response->text.length = response->text_sent = 0;
	response->range_at++;
	if (!response->is_multipart)
		return;
	if (response->range_at < response->range_count)
		part_head(response, &response->text, response->range_at);
	else
		last_boundary(response, &response->text);
}

int64_t response_step(struct response *response, struct loop *loop, struct channel *channel)
{
	const struct http_range *range;
	int64_t count;

	if (response->text.failed)
		return -ENOMEM;
	while (response->text_sent == response->text.length + response->content_size) {
		if (response->range_at >= response->range_count)
			return channel_flush(channel);
		range = &response->ranges[response->range_at];
		if (!response->is_streaming)
			range_send_open(&response->range, loop, response->cached->file, channel,
					range->offset, range->length);
		response->is_streaming = true;
		count = range_send_step(&response->range);
		if (count > 0)
			response->body_bytes += (uint64_t)count;
		if (count != 0)
			return count;
		range_send_close(&response->range);
		response->is_streaming = false;
		next_text(response);
	}
	return send_text(response, channel);
}

void response_close(struct response *response)
{
	range_send_close(&response->range);
	cached_file_release(response->cached);
	listing_release(response->listing);
	free(response->several);
	buffer_free(&response->text);
}
