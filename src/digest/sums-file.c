/* SPDX-License-Identifier: MIT */
#include "digest/sums-file.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

enum { PIECE = 64 << 10 };

static int add(struct sums *sums, const struct sums_line *line)
{
	size_t size = sums->count;

	if ((size & (size - 1)) == 0) { /* full, at each power of two */
		struct sums_line *lines =
			realloc(sums->lines, (size ? 2 * size : 1) * sizeof(*lines));

		if (!lines)
			return -ENOMEM;
		sums->lines = lines;
	}
	sums->lines[sums->count++] = *line;
	return 0;
}

/* What SHA-512 and BLAKE2b may both be is `first`, where there is one. */
static int parse_line(const char *text, size_t length, const struct hash_algorithm *algorithm,
		      const struct hash_algorithm *first, struct sums_line *line)
{
	int result = first ? sums_parse(text, length, first, line) : -EINVAL;

	return result == -EINVAL ? sums_parse(text, length, algorithm, line) : result;
}

static int parse_one(struct sums *sums, const char *text, size_t length,
		     const struct hash_algorithm *algorithm, const struct hash_algorithm *first)
{
	struct sums_line line;
	int result = parse_line(text, length, algorithm, first, &line);

	sums->bad += result == -EINVAL;
	if (result != 1)
		return result == -ENOMEM ? result : 0;
	result = add(sums, &line);
	if (result < 0)
		free(line.name);
	return result;
}

int sums_parse_all(struct sums *sums, const char *text, size_t length,
		   const struct hash_algorithm *algorithm, const struct hash_algorithm *first)
{
	const char *end = text + length;
	int result = 0;

	while (result == 0 && text < end) {
		const char *line_end = memchr(text, '\n', (size_t)(end - text));
		size_t line = (size_t)((line_end ? line_end : end) - text);

		result = parse_one(sums, text, line, algorithm, first);
		text += line + 1;
	}
	return result;
}

/* As people name the output of b2sum. */
static const struct hash_algorithm *hint(const char *file)
{
	const char *name = strrchr(file, '/');

	name = name ? name + 1 : file;
	return strcasestr(name, "b2") || strcasestr(name, "blake2") ? &hash_blake2b : NULL;
}

static int read_all(int fd, struct buffer *text)
{
	char piece[PIECE];
	int64_t count;

	while ((count = sys_read(fd, piece, sizeof(piece))) > 0 || count == -EINTR)
		if (count > 0)
			buffer_append(text, piece, (size_t)count);
	return count < 0 ? (int)count : text->failed ? -ENOMEM : 0;
}

int sums_read(struct sums *sums, const char *file, const struct hash_algorithm *algorithm)
{
	bool is_input = strcmp(file, "-") == 0;
	_cleanup_fd_ int fd = is_input ? -1 : sys_open(AT_FDCWD, file, O_RDONLY | O_NOCTTY, 0);
	struct buffer text = {0};
	int result;

	*sums = (struct sums){0};
	if (!is_input && fd < 0)
		return fd;
	result = read_all(is_input ? STDIN_FILENO : fd, &text);
	if (result == 0)
		result = sums_parse_all(sums, text.data, text.length, algorithm,
					algorithm ? NULL : hint(file));
	buffer_free(&text);
	return result;
}

const struct sums_line *sums_find(const struct sums *sums, const char *name)
{
	const struct sums_line *found = NULL;
	bool is_ambiguous = false;

	for (size_t i = 0; i < sums->count; i++) {
		const struct sums_line *line = &sums->lines[i];
		const char *slash = strrchr(line->name, '/');

		if (strcmp(line->name, name) == 0)
			return line;
		if (!slash || strcmp(slash + 1, name) != 0)
			continue;
		is_ambiguous |= found && !digest_equal(&found->digest, &line->digest);
		found = line;
	}
	return is_ambiguous ? NULL : found;
}

void sums_free(struct sums *sums)
{
	for (size_t i = 0; i < sums->count; i++)
		free(sums->lines[i].name);
	free(sums->lines);
	*sums = (struct sums){0};
}
