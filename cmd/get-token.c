/* SPDX-License-Identifier: MIT */
/* A secret in a file, where no list of processes and no history of a shell shows it. */
#include "base/cleanup.h"
#include "base/sys.h"
#include "get.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define PREFIX "Authorization: Bearer "

enum { TOKEN_MAX = 12 << 10 };

/* Up to the first line's end; what comes behind is blank. False: it is no token. */
static bool trim(char *token)
{
	size_t length = strcspn(token, " \t\r\n");

	if (length == 0 || token[length + strspn(token + length, " \t\r\n")])
		return false;
	token[length] = '\0';
	while (*token > 0x20 && *token < 0x7f)
		token++;
	return !*token;
}

static void warn(const struct get *get, int fd)
{
	struct stat status;

	if (!get->is_quiet && fstat(fd, &status) == 0 && S_ISREG(status.st_mode) &&
	    status.st_mode & (S_IRGRP | S_IROTH))
		command_failed("%s: other users can read this token: chmod 600", get->token_file);
}

int get_take_token(struct get *get)
{
	const char *file = get->token_file;
	_cleanup_fd_ int fd = file ? sys_open(AT_FDCWD, file, O_RDONLY, 0) : -1;
	size_t size = sizeof(PREFIX) + TOKEN_MAX;
	char *token;
	int64_t count;

	if (!file)
		return EXIT_DONE;
	if (fd < 0)
		return command_failed("%s: %s", file, strerror(-fd));
	get->token = malloc(size);
	if (!get->token)
		return command_failed("out of memory");
	memcpy(get->token, PREFIX, sizeof(PREFIX));
	token = get->token + strlen(PREFIX);
	count = sys_read_all(fd, token, TOKEN_MAX);
	if (count < 0)
		return command_failed("%s: %s", file, strerror((int)-count));
	token[count < TOKEN_MAX ? count : TOKEN_MAX - 1] = '\0';
	if (count == TOKEN_MAX || memchr(token, '\0', (size_t)count) || !trim(token))
		return command_failed("%s: expected a token on one line, and nothing else", file);
	warn(get, fd);
	get->headers[get->header_count++] = get->token;
	return EXIT_DONE;
}
