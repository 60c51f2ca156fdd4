/* SPDX-License-Identifier: MIT */
#include "http/filename.h"

#include "base/digest.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { EXTENSION_MAX = 32 };

bool http_filename_is(struct http_text name)
{
	for (size_t i = 0; i < name.length; i++) {
		unsigned char byte = (unsigned char)name.data[i];

		if (byte < 0x20 || byte == 0x7f || byte == '/')
			return false;
	}
	return name.length && !http_text_is(name, ".") && !http_text_is(name, "..");
}

/* What is behind the last dot before `end`, with the dot; nothing where it is long. */
static size_t find_dot(struct http_text name, size_t end)
{
	size_t dot = end;

	while (dot > 0 && end - dot < EXTENSION_MAX && name.data[dot - 1] != '.')
		dot--;
	return dot > 1 && name.data[dot - 1] == '.' ? dot - 1 : end;
}

/* ".iso", ".tar.gz" */
static struct http_text extension_of(struct http_text name)
{
	size_t dot = find_dot(name, name.length), before = find_dot(name, dot);

	if (dot - before == 4 && memcmp(name.data + before, ".tar", 4) == 0)
		dot = before;
	return (struct http_text){name.data + dot, name.length - dot};
}

void http_filename_fit(char fit[HTTP_FILENAME], struct http_text name)
{
	struct http_text extension = extension_of(name);
	size_t cut = HTTP_FILENAME - 1 - strlen("~0123456789abcdef") - extension.length;

	if (name.length < HTTP_FILENAME) {
		memcpy(fit, name.data, name.length);
		fit[name.length] = '\0';
		return;
	}
	while (cut > 0 && ((unsigned char)name.data[cut] & 0xc0) == 0x80)
		cut--;
	snprintf(fit, HTTP_FILENAME, "%.*s~%016" PRIx64 "%.*s", (int)cut, name.data,
		 digest_add(DIGEST_START, name.data, name.length), (int)extension.length,
		 extension.data);
}

/* Content-Disposition */

/* A quoted string, of which only '"' and the backslash are escaped by those who write paths. */
static void cut_quoted(struct http_text *rest, struct buffer *value)
{
	while (rest->length && !http_text_cut(rest, "\"")) {
		if (rest->length > 1 && rest->data[0] == '\\' &&
		    (rest->data[1] == '"' || rest->data[1] == '\\'))
			http_text_cut(rest, "\\");
		buffer_append(value, rest->data, 1);
		rest->data++;
		rest->length--;
	}
	http_text_cut_until(rest, ';'); /* what is behind it is nothing */
}

/* A parameter's name and value, up to its ';'. */
static struct http_text cut_parameter(struct http_text *rest, struct buffer *value)
{
	struct http_text all = *rest, name = http_text_cut_until(&all, '='), plain;

	value->length = 0;
	if (!http_text_cut(&all, "=") || memchr(name.data, ';', name.length)) {
		http_text_cut_until(rest, ';');
		return (struct http_text){0};
	}
	*rest = all;
	while (http_text_cut(rest, " ") || http_text_cut(rest, "\t"))
		;
	if (http_text_cut(rest, "\"")) {
		cut_quoted(rest, value);
	} else {
		plain = http_text_trim(http_text_cut_until(rest, ';'));
		buffer_append(value, plain.data, plain.length);
	}
	return http_text_trim(name);
}

static void add_latin1(struct buffer *out, int byte)
{
	char encoded[] = {(char)(byte < 0x80 ? byte : 0xc0 | byte >> 6),
			  (char)(0x80 | (byte & 0x3f))};

	buffer_append(out, encoded, byte < 0x80 ? 1 : 2);
}

/* RFC 8187 3.2: "UTF-8'en'%e2%82%ac". Of other character sets nothing is known. */
static bool decode_extended(struct http_text value, struct buffer *out)
{
	struct http_text charset = http_text_cut_until(&value, '\'');
	bool is_latin1 = http_text_is_nocase(charset, "ISO-8859-1");

	out->length = 0;
	if (!http_text_cut(&value, "'") || (!is_latin1 && !http_text_is_nocase(charset, "UTF-8")))
		return false;
	http_text_cut_until(&value, '\'');
	if (!http_text_cut(&value, "'"))
		return false;
	while (value.length) {
		int byte = http_text_cut_decoded(&value);
		char plain = (char)byte;

		if (byte < 0)
			return false;
		if (is_latin1)
			add_latin1(out, byte);
		else
			buffer_append(out, &plain, 1);
	}
	return true;
}

static bool take(const struct buffer *value, char name[HTTP_FILENAME])
{
	struct http_text text = http_text_trim((struct http_text){value->data, value->length});

	if (value->failed || !http_filename_is(text) || text.data[0] == '.')
		return false;
	http_filename_fit(name, text);
	return true;
}

bool http_filename_of_disposition(struct http_text field, char name[HTTP_FILENAME])
{
	struct buffer value = {0}, extended = {0};
	bool has_plain = false, has_extended = false;

	if (!field.data)
		return false;
	http_text_cut_until(&field, ';'); /* attachment, inline: whatever */
	while (!has_extended && http_text_cut(&field, ";")) {
		struct http_text parameter = cut_parameter(&field, &value);

		if (http_text_is_nocase(parameter, "filename*"))
			has_extended = decode_extended((struct http_text){value.data, value.length},
						       &extended) &&
				       take(&extended, name);
		else if (!has_plain && http_text_is_nocase(parameter, "filename"))
			has_plain = take(&value, name);
	}
	buffer_free(&value);
	buffer_free(&extended);
	return has_plain || has_extended;
}
