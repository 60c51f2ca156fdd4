/* SPDX-License-Identifier: MIT */
#include "digest/sums.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct piece {
	const char *text;
	size_t length;
};

static bool skip(struct piece *piece, const char *word)
{
	size_t length = strlen(word);

	if (piece->length < length || memcmp(piece->text, word, length) != 0)
		return false;
	piece->text += length;
	piece->length -= length;
	return true;
}

static void skip_blanks(struct piece *piece)
{
	while (piece->length > 0 && (*piece->text == ' ' || *piece->text == '\t')) {
		piece->text++;
		piece->length--;
	}
}

/* A name behind a `\`: the reverse of sums_name. */
static int unescape(char *name, size_t *length)
{
	size_t to = 0;

	for (size_t from = 0; from < *length; from++) {
		char character = name[from];

		if (character == '\\') {
			const char *place;

			if (++from == *length || !(place = memchr("\\nr", name[from], 3)))
				return -EINVAL;
			character = "\\\n\r"[place - "\\nr"];
		}
		name[to++] = character;
	}
	*length = to;
	return 0;
}

static int take_name(struct piece name, bool is_escaped, struct sums_line *out)
{
	size_t length = name.length;
	char *copy;
	int result = 0;

	if (length == 0 || memchr(name.text, '\0', length))
		return -EINVAL;
	copy = malloc(length + 1);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, name.text, length);
	if (is_escaped)
		result = unescape(copy, &length);
	copy[length] = '\0';
	if (result < 0)
		free(copy);
	else
		out->name = copy;
	return result < 0 ? result : 1;
}

/* Behind "SHA256": " (NAME) = DIGEST", or OpenSSL's "(NAME)= DIGEST". */
static int parse_tagged(struct piece line, bool is_escaped, const struct hash_algorithm *algorithm,
			struct sums_line *out)
{
	size_t digits = 2 * algorithm->size;
	struct piece name, end;

	skip(&line, " ");
	if (!skip(&line, "(") || line.length < digits)
		return -EINVAL;
	end = (struct piece){line.text + line.length - digits, digits};
	name = (struct piece){line.text, line.length - digits};
	while (name.length > 0 && strchr(" \t", name.text[name.length - 1]))
		name.length--;
	if (name.length == 0 || name.text[--name.length] != '=')
		return -EINVAL;
	while (name.length > 0 && strchr(" \t", name.text[name.length - 1]))
		name.length--;
	if (name.length == 0 || name.text[--name.length] != ')' ||
	    !digest_from_hex(&out->digest, algorithm, end.text, end.length))
		return -EINVAL;
	return take_name(name, is_escaped, out);
}

static int parse_plain(struct piece line, bool is_escaped, const struct hash_algorithm *algorithm,
		       struct sums_line *out)
{
	size_t digits = 0;

	while (digits < line.length && line.text[digits] != ' ' && line.text[digits] != '\t')
		digits++;
	if (digits == line.length || !digest_from_hex(&out->digest, algorithm, line.text, digits))
		return -EINVAL;
	line.text += digits + 1;
	line.length -= digits + 1;
	/* How it was read, which means nothing here; with BSD's -r there is none of this. */
	if (line.length > 1 && (*line.text == ' ' || *line.text == '*')) {
		line.text++;
		line.length--;
	}
	return take_name(line, is_escaped, out);
}

static int parse_as(struct piece line, bool is_escaped, const struct hash_algorithm *algorithm,
		    struct sums_line *out)
{
	struct piece behind = line;
	bool has_tag = skip(&behind, algorithm->tag);

	/* "BLAKE2b-256" is another one. */
	if (has_tag && behind.length > 0 && (*behind.text == ' ' || *behind.text == '('))
		return parse_tagged(behind, is_escaped, algorithm, out);
	return parse_plain(line, is_escaped, algorithm, out);
}

int sums_parse(const char *text, size_t length, const struct hash_algorithm *algorithm,
	       struct sums_line *out)
{
	struct piece line = {text, length};
	bool is_escaped;
	int result = -EINVAL;

	if (line.length > 0 && line.text[line.length - 1] == '\r')
		line.length--;
	if (line.length == 0 || *line.text == '#')
		return 0;
	skip_blanks(&line);
	is_escaped = skip(&line, "\\");
	if (algorithm)
		return parse_as(line, is_escaped, algorithm, out);
	for (const struct hash_algorithm *const *at = hash_algorithms; *at && result == -EINVAL;
	     at++)
		result = parse_as(line, is_escaped, *at, out);
	return result;
}

bool sums_has_to_escape(const char *name)
{
	return strpbrk(name, "\\\n\r");
}

void sums_name(struct buffer *out, const char *name)
{
	for (size_t length; *name; name += length) {
		length = strcspn(name, "\\\n\r");
		buffer_append(out, name, length);
		if (!name[length])
			break;
		buffer_text(out, name[length] == '\n'   ? "\\n"
				 : name[length] == '\r' ? "\\r"
							: "\\\\");
		length++;
	}
}

void sums_format(struct buffer *out, const struct digest *digest, const char *name)
{
	char hex[HASH_HEX];

	if (sums_has_to_escape(name))
		buffer_text(out, "\\");
	buffer_printf(out, "%s  ", digest_to_hex(digest, hex));
	sums_name(out, name);
	buffer_text(out, "\n");
}
