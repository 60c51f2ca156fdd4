/* SPDX-License-Identifier: MIT */
#include "get-urls.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "http/credentials.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int urls_open(struct urls *urls, struct get *get, char *const *words)
{
	struct stat status;

	urls->get = get;
	urls->words = words;
	urls->fd = -1;
	urls->number = 0;
	urls->at = urls->end = 0;
	urls->is_too_long = false;
	urls->failed = 0;
	if (!get->input)
		return 0;
	urls->fd = strcmp(get->input, "-") == 0 ? STDIN_FILENO
						: open(get->input, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (urls->fd < 0)
		return -errno;
	urls->can_wait = fstat(urls->fd, &status) < 0 || !S_ISREG(status.st_mode);
	return 0;
}

void urls_close(struct urls *urls)
{
	if (urls->fd > STDIN_FILENO)
		close(urls->fd);
	urls->fd = -1;
}

static const char *input_name(const struct urls *urls)
{
	return strcmp(urls->get->input, "-") == 0 ? "standard input" : urls->get->input;
}

/* Without what may be a password in the URL. */
static void failed(struct urls *urls, const char *what, const char *url)
{
	_cleanup_free_ char *shown = http_credentials_cut(url);
	bool says_it = !shown || !*shown || strstr(what, shown);

	get_clear(urls->get);
	command_failed("%s, line %lu: %s%s%s", input_name(urls), urls->number, what,
		       says_it ? "" : ": ", says_it ? "" : shown);
	urls->failed++;
}

/* Whether there is something to read: 1, -EAGAIN or -errno. */
static int look(const struct urls *urls, bool waits)
{
	struct pollfd input = {urls->fd, POLLIN, 0};
	int count;

	if (!urls->can_wait)
		return 1;
	count = poll(&input, 1, waits ? -1 : 0);
	if (count < 0)
		return -errno;
	return count > 0 ? 1 : -EAGAIN;
}

/* More into the buffer: 1; 0 at the end; -EAGAIN; -EINTR. */
static int fill(struct urls *urls, bool waits)
{
	int result = look(urls, waits);
	ssize_t count;

	if (result < 0)
		return result;
	memmove(urls->buffer, urls->buffer + urls->at, urls->end - urls->at);
	urls->end -= urls->at;
	urls->at = 0;
	count = read(urls->fd, urls->buffer + urls->end, sizeof(urls->buffer) - 1 - urls->end);
	if (count < 0 && (errno == EINTR || errno == EAGAIN))
		return -errno;
	if (count < 0) {
		get_clear(urls->get);
		command_failed("%s: %s", input_name(urls), strerror(errno));
		urls->failed++;
	}
	if (count <= 0) {
		urls_close(urls);
		return 0;
	}
	urls->end += (size_t)count;
	return 1;
}

/* What begins a line that is too long is forgotten, so that its rest can be read. */
static void forget_start(struct urls *urls)
{
	urls->at = urls->end = 0;
	urls->is_too_long = true;
}

/* The next whole line, ended by '\0': 1; 0: there is none; -EAGAIN; -EINTR. */
static int next_line(struct urls *urls, bool waits, char **line)
{
	char *end;

	while (!(end = memchr(urls->buffer + urls->at, '\n', urls->end - urls->at)) &&
	       urls->fd >= 0) {
		int result;

		if (urls->end - urls->at == sizeof(urls->buffer) - 1)
			forget_start(urls);
		result = fill(urls, waits);
		if (result < 0)
			return result;
	}
	if (!end && urls->at == urls->end)
		return 0;
	*line = urls->buffer + urls->at;
	urls->at = end ? (size_t)(end + 1 - urls->buffer) : urls->end;
	*(end ? end : urls->buffer + urls->end) = '\0';
	urls->number++;
	return 1;
}

static char *trim(char *line)
{
	static const char blanks[] = " \t\r\f\v", byte_order_mark[] = "\xef\xbb\xbf";
	size_t length;

	if (strncmp(line, byte_order_mark, sizeof(byte_order_mark) - 1) == 0)
		line += sizeof(byte_order_mark) - 1;
	line += strspn(line, blanks);
	for (length = strlen(line); length > 0 && strchr(blanks, line[length - 1]);)
		line[--length] = '\0';
	return line;
}

/* Whether it can be fetched; else says why not. */
static bool is_good(struct urls *urls, const char *url)
{
	struct sluice_error error;
	char words[ERROR_WORDS];
	int result;

	if (sluice_url_check(url, &error) < 0) {
		failed(urls, error.text, url);
		return false;
	}
	result = get_take_name(urls->get, url);
	if (result == 0)
		failed(urls, "an earlier URL is written to the file of this name", url);
	else if (result < 0)
		failed(urls, error_words(-result, words), url);
	return result > 0;
}

int urls_next(struct urls *urls, bool waits, const char **url)
{
	if (*urls->words) {
		*url = *urls->words++;
		return 1;
	}
	for (;;) {
		char *line;
		int result = next_line(urls, waits, &line);

		if (result <= 0)
			return result;
		if (urls->is_too_long) {
			urls->is_too_long = false;
			failed(urls, "longer than any URL", "");
			continue;
		}
		*url = trim(line);
		if (**url && **url != '#' && is_good(urls, *url))
			return 1;
	}
}
