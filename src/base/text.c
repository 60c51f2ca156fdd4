/* SPDX-License-Identifier: MIT */
#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static bool is_plain(unsigned char c)
{
	return c >= 0x20 && c < 0x7f;
}

/* The length of the printable character at data (0: none): ASCII, or well-formed UTF-8 above
 * U+009F. */
static size_t printable(const unsigned char *data, size_t length)
{
	static const uint32_t smallest[] = {0, 0, 0xa0, 0x800, 0x10000};
	size_t count = data[0] < 0x80    ? 1
		       : data[0] >= 0xf0 ? 4
		       : data[0] >= 0xe0 ? 3
		       : data[0] >= 0xc2 ? 2
					 : 0;
	uint32_t point;

	if (count <= 1)
		return count && is_plain(data[0]);
	if (count > length || data[0] > 0xf4)
		return 0;
	point = data[0] & (0x7fu >> count);
	for (size_t i = 1; i < count; i++) {
		if ((data[i] & 0xc0) != 0x80)
			return 0;
		point = point << 6 | (data[i] & 0x3f);
	}
	/* Surrogates are not characters; U+202A..E and U+2066..9 reorder what a person reads. */
	if (point < smallest[count] || point > 0x10ffff || (point >= 0xd800 && point < 0xe000) ||
	    (point >= 0x202a && point <= 0x202e) || (point >= 0x2066 && point <= 0x2069))
		return 0;
	return count;
}

static void escape(struct buffer *out, const char *data, size_t length, const char *special)
{
	for (size_t at = 0; at < length;) {
		size_t count = printable((const unsigned char *)data + at, length - at);

		if (count && !(data[at] && strchr(special, data[at])))
			buffer_append(out, data + at, count);
		else
			buffer_printf(out, "\\x%02X", (unsigned char)data[at]);
		at += count ? count : 1;
	}
}

void text_escape(struct buffer *out, const char *data, size_t length)
{
	escape(out, data, length, "\"\\");
}

char *text_for_terminal(char *text, size_t size, const char *data)
{
	struct buffer out = {0};

	escape(&out, data, strlen(data), "");
	snprintf(text, size, "%s", out.data ? out.data : "");
	buffer_free(&out);
	return text;
}

enum { WORD_MIN = 24 }; /* shorter ones are not names */

static size_t longest_word(const char *text, size_t *length)
{
	size_t at = 0, longest = 0;

	*length = 0;
	while (text[at]) {
		size_t word = strcspn(text + at, " ");

		if (word > *length) {
			longest = at;
			*length = word;
		}
		at += word;
		at += strspn(text + at, " ");
	}
	return longest;
}

static bool is_inside_character(char byte)
{
	return ((unsigned char)byte & 0xc0) == 0x80;
}

/* Puts dots in place of text[from..to), which is at least as long, widened to whole characters. */
static void cut_out(char *text, size_t from, size_t to)
{
	while (from > 0 && is_inside_character(text[from]))
		from--;
	while (is_inside_character(text[to]))
		to++;
	memcpy(text + from, "...", 3);
	memmove(text + from + 3, text + to, strlen(text + to) + 1);
}

char *text_fit(char *text, size_t size)
{
	size_t length;

	while ((length = strlen(text)) >= size) {
		size_t word, start = longest_word(text, &word), cut = length - size + 1 + 3;

		if (word < WORD_MIN) { /* no name is to blame */
			if (size > 3)
				cut_out(text, size - 4, length);
			text[size - 1] = '\0';
			break;
		}
		/* No more than half at once, so that two long names share the loss. */
		if (cut > word / 2)
			cut = word / 2;
		cut_out(text, start + (word - cut) / 2, start + (word - cut) / 2 + cut);
	}
	return text;
}

char *text_next_line(char **at)
{
	char *line = *at;

	if (!line || !*line)
		return NULL;
	*at = line + strcspn(line, "\n");
	if (**at)
		*(*at)++ = '\0';
	return line;
}

size_t text_line(const char *text, size_t width)
{
	size_t length = strlen(text);

	if (length <= width)
		return length;
	for (length = width; length > 0 && text[length] != ' ';)
		length--;
	return length ? length : strcspn(text, " ");
}
