/* SPDX-License-Identifier: MIT */
/*
 * A pipe that is ready takes PIPE_BUF bytes at once, so pieces of that size, each after a look,
 * keep the thread from sleeping in write(2), where no signal handler could tell it to stop.
 */
#include "line-file.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LOOK_MS = 100, LOOKS_AT_END = 10 };

void line_file_open(struct line_file *file, int fd, const bool *is_ending)
{
	struct stat status;

	*file = (struct line_file){.fd = fd, .is_ending = is_ending};
	file->can_wait = fstat(fd, &status) < 0 || !S_ISREG(status.st_mode);
}

static bool wait_for_room(struct line_file *file)
{
	struct pollfd room = {file->fd, POLLOUT, 0};
	int looks = 0;

	while (!file->is_stuck && poll(&room, 1, LOOK_MS) == 0)
		if (__atomic_load_n(file->is_ending, __ATOMIC_RELAXED) && ++looks == LOOKS_AT_END)
			file->is_stuck = true;
	return !file->is_stuck;
}

/* 0 or errno. */
static int put(struct line_file *file, const char *data, size_t length)
{
	while (length > 0) {
		ssize_t count;

		if (file->can_wait && !wait_for_room(file))
			return ETIMEDOUT;
		count = write(file->fd, data, length < PIPE_BUF ? length : PIPE_BUF);
		if (count < 0 && errno != EINTR && errno != EAGAIN)
			return errno;
		if (count > 0) {
			file->is_torn = data[count - 1] != '\n';
			data += count;
			length -= (size_t)count;
		}
	}
	return 0;
}

bool line_file_write(struct line_file *file, const char *line)
{
	char whole[PIPE_BUF];
	size_t length = strlen(line);
	int code = file->is_torn ? put(file, "\n", 1) : 0;

	if (code == 0 && length < sizeof(whole)) { /* in one call: others may write there, too */
		memcpy(whole, line, length);
		whole[length++] = '\n';
		code = put(file, whole, length);
	} else if (code == 0) {
		code = put(file, line, length);
		code = code ? code : put(file, "\n", 1);
	}
	file->code = file->code ? file->code : code;
	file->lost += code != 0;
	return code == 0;
}
