/* SPDX-License-Identifier: MIT */
#include "host/read.h"

#include "base/cleanup.h"
#include "base/sys.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

int host_root_open(void)
{
	return sys_open(AT_FDCWD, "/", O_PATH | O_DIRECTORY, 0);
}

int host_read(int root, const char *path, char *text, size_t size)
{
	_cleanup_fd_ int fd = sys_open(root, path, O_RDONLY, 0);
	size_t length = 0;
	int64_t count = fd;

	text[0] = '\0';
	while (count >= 0 && length < size - 1) {
		count = sys_read(fd, text + length, size - 1 - length);
		if (count == 0)
			break;
		if (count > 0)
			length += (size_t)count;
	}
	if (count < 0)
		return (int)count;
	while (length > 0 && isspace((unsigned char)text[length - 1]))
		length--;
	text[length] = '\0';
	return (int)length;
}

int host_read_number(int root, const char *path, uint64_t *value)
{
	char text[32], *end;
	int length = host_read(root, path, text, sizeof(text));

	if (length < 0)
		return length;
	if (!isdigit((unsigned char)text[0]))
		return -ENODATA;
	errno = 0;
	*value = strtoull(text, &end, 10);
	return *end || errno ? -ENODATA : 0;
}

bool host_field(const char *text, const char *word, uint64_t *value)
{
	size_t length = strlen(word);
	unsigned long long found;

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, word, length) == 0 && isspace((unsigned char)line[length]) &&
		    sscanf(line + length, "%llu", &found) == 1) {
			*value = found;
			return true;
		}
	}
	return false;
}

void host_copy(char *text, size_t size, const char *from)
{
	size_t length = strnlen(from, size - 1);

	memcpy(text, from, length);
	text[length] = '\0';
}

FILE *host_open(int root, const char *path)
{
	int fd = sys_open(root, path, O_RDONLY, 0);
	FILE *file;

	if (fd < 0) {
		errno = -fd;
		return NULL;
	}
	file = fdopen(fd, "r");
	if (!file)
		sys_close(fd);
	return file;
}
