/* SPDX-License-Identifier: MIT */
#include "http/tokens.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_MAX = 1 << 20, PREFIX = sizeof("Bearer ") - 1 };

struct tokens {
	char *text; /* of the file; the tokens point into it */
	size_t count;
	struct token list[];
};

static int read_text(const char *file, char **out, struct sluice_error *error)
{
	_cleanup_fd_ int fd = sys_open(AT_FDCWD, file, O_RDONLY, 0);
	struct statx status;
	_cleanup_free_ char *text = malloc(FILE_MAX + 1);
	int64_t length;

	if (fd < 0)
		return error_set_errno(error, -fd, "token file %s", file);
	if (sys_statx(fd, STATX_MODE, &status) == 0 && (status.stx_mode & 04))
		return error_set(error, EACCES,
				 "token file %s: anybody can read it (mode %03o): chmod 600", file,
				 status.stx_mode & 0777u);
	length = text ? sys_read_all(fd, text, FILE_MAX + 1) : -ENOMEM;
	if (length < 0)
		return error_set_errno(error, (int)-length, "token file %s", file);
	if (length > FILE_MAX)
		return error_set_errno(error, EFBIG, "token file %s", file);
	text[length] = '\0';
	*out = text;
	text = NULL;
	return 0;
}

static char *cut_slashes(char *directory)
{
	size_t length;

	while (directory && *directory == '/')
		directory++;
	length = directory ? strlen(directory) : 0;
	while (length > 0 && directory[length - 1] == '/')
		directory[--length] = '\0';
	return length > 0 ? directory : NULL;
}

/* RFC 6750 2.1: of these bytes a token can be. */
static bool is_token(const char *text)
{
	size_t length = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				     "0123456789-._~+/");

	return length > 0 && text[length + strspn(text + length, "=")] == '\0';
}

static int take_line(struct tokens *tokens, char *line, unsigned number, const char *file,
		     struct sluice_error *error)
{
	static const char blanks[] = " \t\r";
	char *rest, *name = strtok_r(line, blanks, &rest);
	char *secret = name ? strtok_r(NULL, blanks, &rest) : NULL;
	char *directory = secret ? strtok_r(NULL, blanks, &rest) : NULL;

	if (!name || *name == '#')
		return 0;
	if (!secret || !is_token(secret) || strtok_r(NULL, blanks, &rest))
		return error_set(error, EINVAL,
				 "token file %s, line %u: expected NAME TOKEN, or NAME TOKEN "
				 "DIRECTORY",
				 file, number);
	tokens->list[tokens->count++] = (struct token){name, secret, cut_slashes(directory)};
	return 0;
}

static size_t count_lines(const char *text)
{
	size_t lines = 1;

	for (; *text; text++)
		lines += *text == '\n';
	return lines;
}

int tokens_open(struct tokens **out, const char *file, struct sluice_error *error)
{
	struct tokens *tokens;
	char *text = NULL, *at, *line;
	int result = read_text(file, &text, error);

	if (result < 0)
		return result;
	tokens = calloc(1, sizeof(*tokens) + count_lines(text) * sizeof(*tokens->list));
	if (!tokens) {
		free(text);
		return error_set_errno(error, ENOMEM, "token file %s", file);
	}
	tokens->text = at = text;
	for (unsigned number = 1; result == 0 && (line = strsep(&at, "\n")); number++)
		result = take_line(tokens, line, number, file, error);
	if (result == 0 && tokens->count == 0)
		result = error_set(error, EINVAL, "token file %s: there is no token in it", file);
	if (result < 0)
		tokens_close(tokens);
	else
		*out = tokens;
	return result;
}

void tokens_close(struct tokens *tokens)
{
	if (tokens)
		free(tokens->text);
	free(tokens);
}

/* Looks at all of given, however early it differs. */
static bool is_same(const char *secret, struct http_text given)
{
	size_t length = strlen(secret);
	unsigned difference = length != given.length;

	for (size_t i = 0; i < given.length; i++)
		difference |= (unsigned char)given.data[i] ^ (unsigned char)secret[i % length];
	return difference == 0;
}

const struct token *tokens_find(const struct tokens *tokens, struct http_text authorization)
{
	struct http_text given = authorization, scheme = {authorization.data, PREFIX - 1};
	const struct token *found = NULL;

	if (given.length <= PREFIX || !http_text_is_nocase(scheme, "Bearer") ||
	    given.data[PREFIX - 1] != ' ')
		return NULL;
	given.data += PREFIX;
	given.length -= PREFIX;
	given = http_text_trim(given);
	for (size_t i = 0; i < tokens->count; i++)
		if (is_same(tokens->list[i].secret, given))
			found = &tokens->list[i];
	return found;
}

bool token_allows(const struct token *token, const char *path)
{
	size_t length = token->directory ? strlen(token->directory) : 0;

	return length == 0 || (strncmp(path, token->directory, length) == 0 &&
			       (path[length] == '/' || path[length] == '\0'));
}
