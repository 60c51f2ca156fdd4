/* SPDX-License-Identifier: MIT */
#include "http/field.h"

#include "base/error.h"

#include <errno.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { LINES_MAX = 16 << 10 }; /* servers limit the length of a head */

static bool is_value(struct http_text value)
{
	for (size_t i = 0; i < value.length; i++) {
		unsigned char byte = (unsigned char)value.data[i];

		if ((byte < 0x20 && byte != '\t') || byte == 0x7f)
			return false;
	}
	return true;
}

/* The value may be a secret. */
int http_field_refuse(const char *text, const char *why, struct sluice_error *error)
{
	struct http_text rest = http_text_of(text);
	struct http_text name = http_text_cut_until(&rest, ':');
	char printable[96];

	return error_set(error, EINVAL, "header \"%s%s\": %s",
			 http_text_printable(name, printable, sizeof(printable)),
			 rest.length > 0 ? ": ..." : "", why);
}

int http_field_parse(const char *text, struct http_text *name, struct http_text *value,
		     struct sluice_error *error)
{
	*value = http_text_of(text);
	*name = http_text_cut_until(value, ':');
	if (!http_text_cut(value, ":"))
		return http_field_refuse(text, "expected NAME: VALUE", error);
	if (!http_text_is_token(*name))
		return http_field_refuse(text, "the text before the colon is not a field name",
					 error);
	*value = http_text_trim(*value);
	return is_value(*value) ? 0
				: http_field_refuse(text, "it contains a control character", error);
}

void http_field_add(struct buffer *out, struct http_text name, struct http_text value)
{
	buffer_append(out, name.data, name.length);
	buffer_text(out, ": ");
	buffer_append(out, value.data, value.length);
	buffer_text(out, "\r\n");
}

/* What an answer is understood by, and what belongs to the connection. */
static bool is_own(struct http_text name)
{
	static const char *const own[] = {
		"accept-encoding",
		"connection",
		"content-length",
		"expect",
		"host",
		"if-match",
		"if-modified-since",
		"if-none-match",
		"if-range",
		"if-unmodified-since",
		"keep-alive",
		"prefer",
		"proxy-authorization",
		"proxy-connection",
		"range",
		"te",
		"trailer",
		"transfer-encoding",
		"upgrade",
	};

	for (size_t i = 0; i < COUNT(own); i++)
		if (http_text_is_nocase(name, own[i]))
			return true;
	return false;
}

int http_field_add_to_request(struct buffer *lines, const char *text, struct sluice_error *error)
{
	struct http_text name, value;
	int result = http_field_parse(text, &name, &value, error);

	if (result < 0)
		return result;
	if (is_own(name))
		return http_field_refuse(text, "sluice sets it itself", error);
	http_field_add(lines, name, value);
	if (lines->length > LINES_MAX)
		return http_field_refuse(text, "together they are longer than 16 KiB", error);
	return lines->failed ? error_set_errno(error, ENOMEM, "headers") : 0;
}

bool http_field_is_in(const char *lines, const char *name)
{
	struct http_text rest = http_text_of(lines);

	while (rest.length > 0) {
		struct http_text line = http_text_cut_until(&rest, '\n');

		http_text_cut(&rest, "\n");
		if (http_text_is_nocase(http_text_cut_until(&line, ':'), name))
			return true;
	}
	return false;
}
