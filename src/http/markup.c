/* SPDX-License-Identifier: MIT */
#include "http/markup.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool ends_with(struct http_text text, const char *end)
{
	size_t length = strlen(end);
	struct http_text tail = {text.data + text.length - length, length};

	return text.length >= length && http_text_is_nocase(tail, end);
}

bool http_markup_is_text(struct http_text type)
{
	static const char *const ends[] = {"/json", "+json",       "/xml",
					   "+xml",  "/javascript", "/x-www-form-urlencoded"};
	struct http_text rest = type = http_text_trim(type);

	if (http_text_cut(&rest, "text/") || !type.length)
		return true;
	for (size_t i = 0; i < COUNT(ends); i++)
		if (ends_with(type, ends[i]))
			return true;
	return false;
}

static bool is_space(char byte)
{
	return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

/* Latin-1 has a letter beyond ASCII here and there, and a log a colour; a picture has nothing else.
 */
static bool is_binary(struct http_text body)
{
	size_t odd = 0;

	for (size_t i = 0; i < body.length; i++) {
		unsigned char byte = (unsigned char)body.data[i];
		unsigned char before = i ? (unsigned char)body.data[i - 1] : 0;

		if (!byte)
			return true;
		/* In UTF-8 a byte beyond ASCII stands beside another one. */
		odd += (byte < 0x20 && !is_space((char)byte)) || byte == 0x7f ||
		       (byte >= 0x80 && byte < 0xc0 && before < 0x80);
	}
	return odd > body.length / 10;
}

/* Past the first `end` (ASCII case ignored), or to where the text ends. */
static void skip_past(struct http_text *text, const char *end)
{
	while (text->length && !http_text_cut(text, end)) {
		text->data++;
		text->length--;
	}
}

/* At '<': past the tag, and past the content of those that hold nothing to read. */
static void skip_tag(struct http_text *text)
{
	static const struct {
		const char *begin, *end;
	} hidden[] = {
		{"<!--", "-->"},
		{"<script", "</script"},
		{"<style", "</style"},
	};

	for (size_t i = 0; i < COUNT(hidden); i++)
		if (http_text_cut(text, hidden[i].begin)) {
			skip_past(text, hidden[i].end);
			if (i == 0)
				return;
		}
	skip_past(text, ">");
}

static bool is_tag(struct http_text text)
{
	char next = text.length > 1 ? text.data[1] : ' ';
	bool is_letter = (next | 0x20) >= 'a' && (next | 0x20) <= 'z';

	return text.data[0] == '<' && (is_letter || next == '/' || next == '!' || next == '?');
}

static char cut_character(struct http_text *text)
{
	static const struct {
		const char *name;
		char byte;
	} entities[] = {
		{"&lt;", '<'},   {"&gt;", '>'},    {"&amp;", '&'}, {"&quot;", '"'},
		{"&#39;", '\''}, {"&apos;", '\''}, {"&#34;", '"'}, {"&nbsp;", ' '},
	};
	char byte = text->data[0];

	for (size_t i = 0; byte == '&' && i < COUNT(entities); i++)
		if (http_text_cut(text, entities[i].name))
			return entities[i].byte;
	text->data++;
	text->length--;
	return byte;
}

/* Takes off what of a character the cut left behind. */
static size_t whole_characters(const char *words, size_t length)
{
	size_t at = length;

	while (at > 0 && ((unsigned char)words[at - 1] & 0xc0) == 0x80)
		at--;
	return at > 0 && (unsigned char)words[at - 1] >= 0xc0 ? at - 1 : length;
}

void http_markup_words(struct http_text body, char *words, size_t size)
{
	size_t used = 0, room = size - sizeof(" x...");
	bool is_apart = false;

	*words = '\0';
	if (is_binary(body))
		return;
	http_text_cut(&body, "\xef\xbb\xbf");
	while (body.length && used < room) {
		char byte = ' ';

		if (is_tag(body))
			skip_tag(&body);
		else
			byte = cut_character(&body);
		if (is_space(byte)) {
			is_apart = used > 0;
			continue;
		}
		if (is_apart)
			words[used++] = ' ';
		is_apart = false;
		words[used++] = byte;
	}
	words[used] = '\0';
	if (used >= room && body.length)
		strcpy(words + whole_characters(words, used), "...");
}
