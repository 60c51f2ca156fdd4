/* SPDX-License-Identifier: MIT */
/* See media-types.h. */
#include "http/media-types.h"

#include "base/cleanup.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

enum { EXTENSION_MAX = 32, TYPE_MAX = 127 };

static struct http_text cut_line(struct http_text *text)
{
	struct http_text line = http_text_cut_until(text, '\n');

	http_text_cut(text, "\n");
	if (line.length && line.data[line.length - 1] == '\r')
		line.length--;
	return line;
}

static bool is_blank(char byte)
{
	return byte == ' ' || byte == '\t';
}

static struct http_text cut_word(struct http_text *line)
{
	struct http_text word = http_text_trim(*line);
	size_t length = 0;

	while (length < word.length && !is_blank(word.data[length]))
		length++;
	*line = (struct http_text){word.data + length, word.length - length};
	word.length = length;
	return word;
}

/* type/subtype; it goes into heads as it is. */
static bool is_type(struct http_text text)
{
	struct http_text top = http_text_cut_until(&text, '/');

	return top.length + text.length <= TYPE_MAX && http_text_is_token(top) &&
	       http_text_cut(&text, "/") && http_text_is_token(text);
}

/* A name's last part: no dot in it, and none of what a glob means. */
static bool is_extension(struct http_text text)
{
	return text.length <= EXTENSION_MAX && http_text_is_token(text) &&
	       !memchr(text.data, '.', text.length) && !memchr(text.data, '*', text.length);
}

static bool has_room(struct media_types *types)
{
	unsigned capacity = types->capacity ? 2 * types->capacity : 1024;
	uint32_t *places;

	if (types->count < types->capacity)
		return true;
	if (types->count >= MEDIA_TYPES_MAX)
		return false;
	places = realloc(types->places, capacity * sizeof(*places));
	if (!places)
		return false;
	types->places = places;
	types->capacity = capacity;
	return true;
}

static void add(struct media_types *types, struct http_text type, struct http_text extension)
{
	struct buffer *text = &types->text;
	size_t place = text->length;

	if (!is_extension(extension) || !has_room(types))
		return;
	buffer_append(text, extension.data, extension.length);
	buffer_append(text, "", 1);
	buffer_append(text, type.data, type.length);
	if (http_text_cut(&type, "text/"))
		buffer_text(text, "; charset=utf-8");
	buffer_append(text, "", 1);
	if (!text->failed)
		types->places[types->count++] = (uint32_t)place;
}

void media_types_add_mime(struct media_types *types, struct http_text text)
{
	while (text.length) {
		struct http_text line = cut_line(&text);
		struct http_text type = cut_word(&line);

		/* A comment is no type: its sign is a token's byte, but it holds no slash. */
		if (!is_type(type) || type.data[0] == '#')
			continue;
		for (struct http_text word = cut_word(&line); word.length; word = cut_word(&line)) {
			if (word.data[0] == '#')
				break;
			add(types, type, word);
		}
	}
}

void media_types_add_globs(struct media_types *types, struct http_text text)
{
	while (text.length) {
		struct http_text line = cut_line(&text);
		struct http_text weight = http_text_cut_until(&line, ':');
		struct http_text type = {0};

		if (!http_text_number(weight, &(uint64_t){0}) || !http_text_cut(&line, ":"))
			continue;
		type = http_text_cut_until(&line, ':');
		/* What follows a third colon are flags, such as that case matters (*.C is C++). */
		if (is_type(type) && http_text_cut(&line, ":*."))
			add(types, type, line);
	}
}

static int compare(const void *a, const void *b, void *text)
{
	const uint32_t *one = a, *other = b;
	int order = strcasecmp((const char *)text + *one, (const char *)text + *other);

	return order ? order : (*one > *other) - (*one < *other);
}

/* By extension; of the same one, the first that was added stays. */
void media_types_sort(struct media_types *types)
{
	const char *text = types->text.data;
	unsigned kept = 0;

	if (types->count == 0)
		return;
	qsort_r(types->places, types->count, sizeof(*types->places), compare, types->text.data);
	for (unsigned i = 0; i < types->count; i++)
		if (kept == 0 ||
		    strcasecmp(text + types->places[kept - 1], text + types->places[i]) != 0)
			types->places[kept++] = types->places[i];
	types->count = kept;
}

const char *media_types_find(const struct media_types *types, const char *extension)
{
	unsigned low = 0, high = types->count;

	while (low < high) {
		unsigned middle = (low + high) / 2;
		const char *entry = types->text.data + types->places[middle];
		int order = strcasecmp(extension, entry);

		if (order == 0)
			return entry + strlen(entry) + 1;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

static void read_file(struct media_types *types, const char *path,
		      void (*add_all)(struct media_types *types, struct http_text text))
{
	_cleanup_fd_ int fd = sys_open(AT_FDCWD, path, O_RDONLY | O_NONBLOCK, 0);
	_cleanup_free_ char *text = NULL;
	size_t length = 0;
	int64_t count = 1;
	struct statx status;

	if (fd < 0 || sys_statx(fd, STATX_BASIC_STATS, &status) < 0 || !S_ISREG(status.stx_mode))
		return;
	text = malloc(MEDIA_TYPES_FILE_MAX);
	while (text && count > 0 && length < MEDIA_TYPES_FILE_MAX) {
		count = sys_pread(fd, text + length, MEDIA_TYPES_FILE_MAX - length, length);
		length += count > 0 ? (size_t)count : 0;
	}
	if (text)
		add_all(types, (struct http_text){text, length});
}

void media_types_read(struct media_types *types)
{
	read_file(types, "/etc/mime.types", media_types_add_mime);
	read_file(types, "/usr/local/share/mime/globs2", media_types_add_globs);
	read_file(types, "/usr/share/mime/globs2", media_types_add_globs);
	media_types_sort(types);
}

void media_types_free(struct media_types *types)
{
	buffer_free(&types->text);
	free(types->places);
	*types = (struct media_types){0};
}
