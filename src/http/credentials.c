/* SPDX-License-Identifier: MIT */
#include "http/credentials.h"

#include "base/error.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct found {
	size_t begin, end; /* of the text; the '@' is at end - 1; equal: there are none */
	bool is_odd;       /* a '/', '?' or '#' is among them, or what seems to be a port is not */
};

static size_t last_at(const char *text, size_t begin, size_t end)
{
	while (end > begin && text[end - 1] != '@')
		end--;
	return end;
}

/* "http://user:pa/ss@host/" has the host "user" and the port "pa", and nobody means that. */
static bool has_odd_port(const char *authority, size_t length)
{
	const char *colon = memchr(authority, ':', length);
	size_t host = colon ? (size_t)(colon - authority) + 1 : length;

	return *authority != '[' && host + strspn(authority + host, "0123456789") < length;
}

static size_t authority_of(const char *url)
{
	size_t end = strcspn(url, "/?#");

	if (strncmp(url + end, "//", 2) == 0 && (end == 0 || url[end - 1] == ':'))
		return end + 2;
	return 0;
}

static struct found find(const char *url)
{
	size_t begin = authority_of(url);
	size_t length = strcspn(url + begin, "/?#");
	struct found found = {begin, last_at(url, begin, begin + length), false};

	if (found.end == begin && has_odd_port(url + begin, length)) {
		found.end = last_at(url, begin, strlen(url));
		found.is_odd = found.end > begin;
	}
	return found;
}

char *http_credentials_cut(const char *url)
{
	struct found found = find(url);
	char *text = strdup(url);

	if (text)
		memmove(text + found.begin, url + found.end, strlen(url + found.end) + 1);
	return text;
}

int http_credentials_check(const char *url, struct sluice_error *error)
{
	struct found found = find(url);

	if (found.is_odd)
		return error_set(error, EINVAL,
				 "a '/', '?' or '#' in the user name or the password of a URL must "
				 "be written as %%2F, %%3F or %%23");
	return found.end > found.begin;
}

/* Up to the separator, decoded. */
static bool add_decoded(struct buffer *out, struct http_text text)
{
	while (text.length) {
		int byte = http_text_cut_decoded(&text);
		char plain = (char)byte;

		if (byte <= 0)
			return false;
		buffer_append(out, &plain, 1);
	}
	return true;
}

static void add_base64(struct buffer *out, const char *data, size_t length)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (; length > 0; data += 3, length -= length < 3 ? length : 3) {
		unsigned bits = 0;
		char four[4];

		for (size_t i = 0; i < 3; i++)
			bits = bits << 8 | (i < length ? (unsigned char)data[i] : 0);
		for (size_t i = 0; i < 4; i++)
			four[i] = i > length ? '=' : digits[bits >> (18 - 6 * i) & 63];
		buffer_append(out, four, 4);
	}
}

static void add_line(struct buffer *lines, const char *field, const struct buffer *plain)
{
	buffer_printf(lines, "%s: Basic ", field);
	add_base64(lines, plain->data, plain->length);
	buffer_text(lines, "\r\n");
	lines->failed |= plain->failed;
}

int http_credentials_add(struct buffer *lines, const char *field, const char *url,
			 struct sluice_error *error)
{
	struct found found = find(url);
	struct http_text rest = {url + found.begin, found.end - found.begin}, user;
	struct buffer plain = {0};
	int result = http_credentials_check(url, error);

	if (result <= 0)
		return result;
	rest.length--;
	user = http_text_cut_until(&rest, ':');
	http_text_cut(&rest, ":");
	result = 0;
	if (!add_decoded(&plain, user) || (buffer_text(&plain, ":"), !add_decoded(&plain, rest)))
		result = error_set(error, EINVAL,
				   "the user name or the password in a URL is not percent-encoded: "
				   "a '%%' is written as %%25");
	else
		add_line(lines, field, &plain);
	if (result == 0 && lines->failed)
		result = error_set_errno(error, ENOMEM, "the request");
	buffer_free(&plain);
	return result;
}
