/* SPDX-License-Identifier: MIT */
/* Pieces of text that are not NUL-terminated: comparing, cutting, escaping. See text.h. */
#include "http/text.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

struct http_text http_text_of(const char *string)
{
	return (struct http_text){string, string ? strlen(string) : 0};
}

bool http_text_is(struct http_text text, const char *word)
{
	return text.data && http_text_equal(text, http_text_of(word));
}

/* Not tolower(3), which asks the locale. */
static char lower(char byte)
{
	return byte >= 'A' && byte <= 'Z' ? (char)(byte - 'A' + 'a') : byte;
}

static bool starts_nocase(struct http_text text, struct http_text prefix)
{
	if (text.length < prefix.length)
		return false;
	for (size_t i = 0; i < prefix.length; i++)
		if (lower(text.data[i]) != lower(prefix.data[i]))
			return false;
	return true;
}

bool http_text_is_nocase(struct http_text text, const char *word)
{
	return text.data && http_text_equal_nocase(text, http_text_of(word));
}

bool http_text_equal_nocase(struct http_text a, struct http_text b)
{
	return a.length == b.length && starts_nocase(a, b);
}

bool http_text_equal(struct http_text a, struct http_text b)
{
	return a.length == b.length && (!a.length || !memcmp(a.data, b.data, a.length));
}

static bool is_blank(char byte)
{
	return byte == ' ' || byte == '\t';
}

struct http_text http_text_trim(struct http_text text)
{
	while (text.length && is_blank(text.data[text.length - 1]))
		text.length--;
	while (text.length && is_blank(text.data[0])) {
		text.data++;
		text.length--;
	}
	return text;
}

static void skip(struct http_text *text, size_t count)
{
	text->data += count;
	text->length -= count;
}

bool http_text_cut(struct http_text *text, const char *prefix)
{
	struct http_text wanted = http_text_of(prefix);

	if (!text->data || !starts_nocase(*text, wanted))
		return false;
	skip(text, wanted.length);
	return true;
}

struct http_text http_text_cut_until(struct http_text *text, char separator)
{
	const char *end = text->length ? memchr(text->data, separator, text->length) : NULL;
	struct http_text piece = {text->data, end ? (size_t)(end - text->data) : text->length};

	if (piece.length)
		skip(text, piece.length);
	return piece;
}

int http_text_cut_decoded(struct http_text *text)
{
	int byte = (unsigned char)text->data[0], high, low;
	size_t length = 1;

	if (byte == '%') {
		if (text->length < 3)
			return -1;
		high = http_hex_digit(text->data[1]);
		low = http_hex_digit(text->data[2]);
		if (high < 0 || low < 0)
			return -1;
		byte = high * 16 + low;
		length = 3;
	}
	text->data += length;
	text->length -= length;
	return byte;
}

bool http_text_cut_number(struct http_text *text, uint64_t *value, bool *is_huge)
{
	size_t digits = 0;

	*value = 0;
	*is_huge = false;
	while (digits < text->length && text->data[digits] >= '0' && text->data[digits] <= '9') {
		if (__builtin_mul_overflow(*value, 10, value) ||
		    __builtin_add_overflow(*value, (uint64_t)(text->data[digits] - '0'), value))
			*is_huge = true;
		digits++;
	}
	if (*is_huge)
		*value = UINT64_MAX;
	if (digits)
		skip(text, digits);
	return digits;
}

bool http_text_number(struct http_text text, uint64_t *value)
{
	bool is_huge;

	return http_text_cut_number(&text, value, &is_huge) && !text.length && !is_huge;
}

static bool is_alphanumeric(char byte)
{
	return (byte >= '0' && byte <= '9') || (lower(byte) >= 'a' && lower(byte) <= 'z');
}

static bool is_token_byte(char byte)
{
	return is_alphanumeric(byte) || (byte && strchr("!#$%&'*+-.^_`|~", byte));
}

bool http_text_is_token(struct http_text text)
{
	for (size_t i = 0; i < text.length; i++)
		if (!is_token_byte(text.data[i]))
			return false;
	return text.length > 0;
}

bool http_is_unreserved_byte(char byte)
{
	return is_alphanumeric(byte) || (byte && strchr("-._~", byte));
}

int http_hex_digit(char byte)
{
	if (byte >= '0' && byte <= '9')
		return byte - '0';
	if (lower(byte) >= 'a' && lower(byte) <= 'f')
		return lower(byte) - 'a' + 10;
	return -1;
}

/* Writes one byte's safe form (at most 4 characters) and returns its length. */
static size_t escape(char out[5], char byte)
{
	if (byte == '\\')
		return (size_t)snprintf(out, 5, "\\\\");
	if (byte >= 0x20 && byte < 0x7f)
		return (size_t)snprintf(out, 5, "%c", byte);
	return (size_t)snprintf(out, 5, "\\x%02x", (unsigned char)byte);
}

static size_t escaped_length(struct http_text text)
{
	size_t length = 0;
	char piece[5];

	for (size_t i = 0; i < text.length; i++)
		length += escape(piece, text.data[i]);
	return length;
}

const char *http_text_printable(struct http_text text, char *out, size_t size)
{
	bool is_cut = escaped_length(text) >= size;
	size_t dots = is_cut ? sizeof("...") - 1 : 0;
	size_t used = 0;
	char piece[5];

	for (size_t i = 0; i < text.length; i++) {
		size_t length = escape(piece, text.data[i]);

		if (used + length + dots >= size)
			break;
		memcpy(out + used, piece, length);
		used += length;
	}
	snprintf(out + used, size - used, "%s", is_cut ? "..." : "");
	return out;
}
