/* SPDX-License-Identifier: MIT */
/* Requests: the first line and what is peculiar to them. See message.h and head.h. */
#include "http/message.h"

#include "http/head.h"

#include <errno.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct http_slot request_slots[] = {
	{"host", offsetof(struct http_request, host), HTTP_REPEAT_NEVER},
	{"range", offsetof(struct http_request, range), HTTP_REPEAT_NEVER},
	{"if-range", offsetof(struct http_request, if_range), HTTP_REPEAT_NEVER},
	{"if-match", offsetof(struct http_request, if_match), HTTP_REPEAT_NEVER},
	{"if-none-match", offsetof(struct http_request, if_none_match), HTTP_REPEAT_NEVER},
	{"if-modified-since", offsetof(struct http_request, if_modified_since), HTTP_REPEAT_NEVER},
	{"if-unmodified-since", offsetof(struct http_request, if_unmodified_since),
	 HTTP_REPEAT_NEVER},
	{"accept", offsetof(struct http_request, accept), HTTP_REPEAT_FIRST},
	{"prefer", offsetof(struct http_request, prefer), HTTP_REPEAT_FIRST},
	{"origin", offsetof(struct http_request, origin), HTTP_REPEAT_FIRST},
	{"want-repr-digest", offsetof(struct http_request, want_repr_digest), HTTP_REPEAT_FIRST},
	{"authorization", offsetof(struct http_request, authorization), HTTP_REPEAT_NEVER},
};

/* The first line without its CRLF; *is_complete where data goes on to the LF. */
static struct http_text first_line(const char *data, size_t length, bool *is_complete)
{
	struct http_text rest = {data, length};
	struct http_text line = http_text_cut_until(&rest, '\n');

	*is_complete = rest.length;
	if (line.length && line.data[line.length - 1] == '\r')
		line.length--;
	return line;
}

/* "HTTP/1.1" gives its digits; false for anything but that form. */
static bool parse_version(struct http_text text, unsigned *major, unsigned *minor)
{
	if (text.length != sizeof("HTTP/1.1") - 1 || memcmp(text.data, "HTTP/", 5) ||
	    text.data[6] != '.')
		return false;
	*major = (unsigned)(unsigned char)text.data[5] - '0';
	*minor = (unsigned)(unsigned char)text.data[7] - '0';
	return *major <= 9 && *minor <= 9;
}

/* What llhttp allows in a target is checked by it; here it is told apart from a line that is none.
 */
static bool is_target(struct http_text text)
{
	for (size_t i = 0; i < text.length; i++)
		if ((unsigned char)text.data[i] <= 0x20 || text.data[i] == 0x7f)
			return false;
	return text.length;
}

static enum http_method method_of(struct http_text text)
{
	if (http_text_is(text, "GET"))
		return HTTP_GET;
	if (http_text_is(text, "HEAD"))
		return HTTP_HEAD;
	return http_text_is(text, "OPTIONS") ? HTTP_OPTIONS : HTTP_METHOD_KNOWN;
}

/*
 * Splits "METHOD SP target SP version". Of an incomplete line, only what a separator follows is
 * known to be whole.
 */
static int parse_request_line(struct http_request *request, struct http_text line, bool is_complete)
{
	unsigned major;

	request->method_text = http_text_cut_until(&line, ' ');
	if (!http_text_is_token(request->method_text))
		return !is_complete && !request->method_text.length && !line.length ? -EAGAIN : 400;
	if (!http_text_cut(&line, " "))
		return is_complete ? 400 : -EAGAIN;
	request->target = http_text_cut_until(&line, ' ');
	if (request->target.length > HTTP_TARGET_MAX)
		return 414;
	if (!is_target(request->target))
		return !is_complete && !request->target.length && !line.length ? -EAGAIN : 400;
	if (!is_complete)
		return -EAGAIN;
	if (!http_text_cut(&line, " ") || !parse_version(line, &major, &request->minor))
		return 400;
	request->method = method_of(request->method_text);
	return major == 1 && request->minor <= 1 ? 0 : 505;
}

static bool is_host_name(struct http_text name)
{
	for (size_t i = 0; i < name.length; i++) {
		char byte = name.data[i];

		if (!http_is_unreserved_byte(byte) && (!byte || !strchr("%!$&'()*+,;=", byte)))
			return false;
	}
	return true;
}

static bool is_address_literal(struct http_text address)
{
	for (size_t i = 0; i < address.length; i++)
		if (!http_is_unreserved_byte(address.data[i]) && address.data[i] != ':')
			return false;
	return address.length;
}

static bool is_digits(struct http_text text)
{
	for (size_t i = 0; i < text.length; i++)
		if (text.data[i] < '0' || text.data[i] > '9')
			return false;
	return true;
}

/* uri-host [ ":" port ]; empty is right where the target has no authority (RFC 9112 3.2). */
static bool is_host(struct http_text host)
{
	struct http_text name;

	if (http_text_cut(&host, "[")) {
		name = http_text_cut_until(&host, ']');
		if (!is_address_literal(name) || !http_text_cut(&host, "]"))
			return false;
	} else {
		name = http_text_cut_until(&host, ':');
		if (!is_host_name(name) || (!name.length && host.length))
			return false;
	}
	return !host.length || (http_text_cut(&host, ":") && is_digits(host));
}

static int take_request(struct http_request *request, const struct http_head *head)
{
	if (request->host.data ? !is_host(request->host) : request->minor > 0)
		return 400;
	request->keep_alive = head->keep_alive;
	request->has_body = head->has_coding || head->content_length > 0;
	return 0;
}

/* data is what may be a head: at most HTTP_HEAD_MAX bytes, without the empty lines before it. */
static int parse_request(struct http_request *request, const char *data, size_t length, long *end)
{
	struct http_head head = {
		.slots = request_slots, .slot_count = COUNT(request_slots), .message = request};
	bool is_complete;
	struct http_text line = first_line(data, length, &is_complete);
	int result;

	*end = http_head_end(data, length);
	if (*end < 0)
		return 400;
	result = parse_request_line(request, line, is_complete);
	if (result)
		return result;
	head.minor = request->minor;
	result = http_head_parse(&head, data, *end ? (size_t)*end : length);
	if (result == -ENOTSUP) {
		request->method = HTTP_METHOD_UNKNOWN;
		return 501;
	}
	return result ? result : take_request(request, &head);
}

int http_request_parse(struct http_request *request, const char *data, size_t length, size_t *used)
{
	size_t limit = length < HTTP_HEAD_MAX ? length : HTTP_HEAD_MAX;
	size_t skipped = 0;
	long end;
	int result;

	*request = (struct http_request){.method = HTTP_METHOD_UNKNOWN};
	while (limit - skipped >= 2 && !memcmp(data + skipped, "\r\n", 2))
		skipped += 2;
	result = parse_request(request, data + skipped, limit - skipped, &end);
	if (result == -EAGAIN && limit == HTTP_HEAD_MAX)
		return 431;
	if (!result)
		*used = skipped + (size_t)end;
	return result;
}
