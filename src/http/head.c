/* SPDX-License-Identifier: MIT */
/* Requests' heads through llhttp, and what it leaves to us. See head.h. */
#include "http/head.h"

#include <errno.h>
#include <llhttp.h>
#include <string.h>

/* llhttp hands out names and values in pieces; within one buffer the pieces adjoin. */
struct reader {
	llhttp_t parser;
	struct http_head *head;
	struct http_text name, value;
	int verdict; /* why a callback stopped the parser */
	bool is_complete;
};

static bool has_byte(const char *data, size_t length, char byte)
{
	return length && memchr(data, byte, length);
}

static bool is_folded(const char *line, size_t length)
{
	return length && (line[0] == ' ' || line[0] == '\t');
}

static bool is_line(const char *line, size_t length)
{
	return length >= 2 && line[length - 2] == '\r' && !has_byte(line, length - 2, '\r') &&
	       !has_byte(line, length, '\0') && !is_folded(line, length);
}

static bool may_become_line(const char *line, size_t length)
{
	return !length || (!has_byte(line, length - 1, '\r') && !has_byte(line, length, '\0') &&
			   !is_folded(line, length));
}

long http_head_end(const char *data, size_t length)
{
	size_t start = 0;

	while (start < length) {
		const char *feed = memchr(data + start, '\n', length - start);
		size_t end;

		if (!feed)
			break;
		end = (size_t)(feed - data) + 1;
		if (!is_line(data + start, end - start))
			return -EPROTO;
		if (end - start == 2)
			return (long)end;
		start = end;
	}
	return may_become_line(data + start, length - start) ? 0 : -EPROTO;
}

/*
 * Every repetition of Content-Length is refused, also of the same number: llhttp does so, and RFC
 * 9110 8.6 allows it.
 */
static int take_length(struct http_head *head, struct http_text value)
{
	if (head->has_length)
		return 400;
	if (!http_text_number(value, &head->content_length))
		return 400;
	head->has_length = true;
	return 0;
}

static int take_coding(struct http_head *head, struct http_text value)
{
	if (head->has_coding || !http_text_is_nocase(value, "chunked"))
		return 501;
	head->has_coding = true;
	return 0;
}

static int take_slot(struct http_head *head, const struct http_slot *slot, struct http_text value)
{
	struct http_text *kept = (struct http_text *)((char *)head->message + slot->offset);

	if (!kept->data) {
		*kept = value;
		return 0;
	}
	return slot->repeat == HTTP_REPEAT_NEVER ? 400 : 0;
}

static int take_field(struct http_head *head, struct http_text name, struct http_text value)
{
	if (!http_text_is_token(name))
		return 400;
	if (http_text_is_nocase(name, "content-length"))
		return take_length(head, value);
	if (http_text_is_nocase(name, "transfer-encoding"))
		return take_coding(head, value);
	for (size_t i = 0; i < head->slot_count; i++)
		if (http_text_is_nocase(name, head->slots[i].name))
			return take_slot(head, &head->slots[i], value);
	return 0;
}

static void extend(struct http_text *text, const char *at, size_t length)
{
	if (!text->data)
		text->data = at;
	text->length = (size_t)(at - text->data) + length;
}

static int on_name(llhttp_t *parser, const char *at, size_t length)
{
	extend(&((struct reader *)parser->data)->name, at, length);
	return 0;
}

static int on_value(llhttp_t *parser, const char *at, size_t length)
{
	extend(&((struct reader *)parser->data)->value, at, length);
	return 0;
}

static int on_field_complete(llhttp_t *parser)
{
	struct reader *reader = parser->data;
	struct http_text value = http_text_trim(reader->value);

	if (!value.data)
		value = http_text_of(""); /* present, and empty */
	reader->verdict = take_field(reader->head, reader->name, value);
	reader->name = reader->value = (struct http_text){0};
	return reader->verdict ? -1 : 0;
}

/*
 * RFC 9112 6.1: such framing is how requests are smuggled. llhttp refuses most of it too; a build
 * of it that is lenient must not be enough to let it in.
 */
static int check_framing(const struct http_head *head)
{
	return head->has_coding && (head->has_length || head->minor == 0) ? 400 : 0;
}

/* Stops the parser in any case: the body is not its business. */
static int on_headers_complete(llhttp_t *parser)
{
	struct reader *reader = parser->data;

	/* llhttp lets keep-alive win over close in HTTP/1.0. */
	reader->head->keep_alive =
		llhttp_should_keep_alive(parser) && !(parser->flags & F_CONNECTION_CLOSE);
	reader->verdict = check_framing(reader->head);
	reader->is_complete = true;
	return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
	.on_header_field = on_name,
	.on_header_value = on_value,
	.on_header_value_complete = on_field_complete,
	.on_headers_complete = on_headers_complete,
};

/* A well-formed line whose method llhttp does not know, or knows as one of RTSP only */
static bool is_method_unknown(const struct reader *reader, llhttp_errno_t code)
{
	return !reader->name.data && (code == HPE_INVALID_METHOD || code == HPE_INVALID_CONSTANT);
}

/*
 * Clients send the file names that people type, as bytes that no URL may hold. Some releases of
 * llhttp accept such a target and some do not: it is shown an 'x' for each of these bytes.
 */
static size_t feed_target(llhttp_t *parser, const char *data, size_t length)
{
	size_t fed = 0, at = 0;

	for (; at < length && data[at] != '\r'; at++)
		if ((unsigned char)data[at] >= 0x80) {
			llhttp_execute(parser, data + fed, at - fed);
			llhttp_execute(parser, "x", 1);
			fed = at + 1;
		}
	return fed;
}

int http_head_parse(struct http_head *head, const char *data, size_t length)
{
	struct reader reader = {.head = head};
	llhttp_errno_t code;
	size_t fed;

	llhttp_init(&reader.parser, HTTP_REQUEST, &settings);
	reader.parser.data = &reader;
	fed = feed_target(&reader.parser, data, length);
	code = llhttp_execute(&reader.parser, data + fed, length - fed);
	if (reader.verdict)
		return reader.verdict;
	if (reader.is_complete)
		return 0;
	if (code == HPE_OK)
		return -EAGAIN;
	return is_method_unknown(&reader, code) ? -ENOTSUP : 400;
}
