/* SPDX-License-Identifier: MIT */
#include "transfer/journal.h"

#include "base/cleanup.h"
#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

enum { TEXT_MAX = 16 << 10 };

static bool parse(struct journal *journal, const char *text, size_t length, const char *url)
{
	json_t *root = json_loadb(text, length, 0, NULL);
	const char *etag = "", *its_url = "", *answered = "";
	json_int_t size = -1, done = -1;
	bool is_good = root && json_unpack(root, "{s:s, s:s, s:s, s:I, s:I}", "url", &its_url,
					   "answered_url", &answered, "etag", &etag, "size_bytes",
					   &size, "done_bytes", &done) == 0;

	is_good = is_good && strcmp(its_url, url) == 0 && strlen(etag) < sizeof(journal->etag) &&
		  strlen(answered) < sizeof(journal->answered) && done >= 0 && done <= size;
	if (is_good) {
		snprintf(journal->etag, sizeof(journal->etag), "%s", etag);
		snprintf(journal->answered, sizeof(journal->answered), "%s", answered);
		journal->size = (uint64_t)size;
		journal->done = (uint64_t)done;
	}
	json_decref(root);
	return is_good;
}

bool journal_read(struct journal *journal, int folder, const char *name, const char *url)
{
	_cleanup_fd_ int fd = sys_open(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
	char text[TEXT_MAX];
	int64_t length = fd < 0 ? fd : sys_read(fd, text, sizeof(text));

	return length > 0 && parse(journal, text, (size_t)length, url);
}

static int write_file(int folder, const char *name, const char *text, bool sync)
{
	_cleanup_fd_ int fd =
		sys_open(folder, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0666);
	int64_t written;

	if (fd < 0)
		return fd;
	written = sys_write(fd, text, strlen(text));
	if (written != (int64_t)strlen(text))
		return written < 0 ? (int)written : -ENOSPC;
	return sync ? sys_fsync(fd) : 0;
}

int journal_write(const struct journal *journal, int folder, const char *name, const char *url,
		  bool sync)
{
	char fresh[300];
	json_t *root =
		json_pack("{s:i, s:s, s:s, s:s, s:I, s:I}", "version", 1, "url", url,
			  "answered_url", journal->answered, "etag", journal->etag, "size_bytes",
			  (json_int_t)journal->size, "done_bytes", (json_int_t)journal->done);
	_cleanup_free_ char *text = root ? json_dumps(root, JSON_INDENT(2)) : NULL;
	int result;

	json_decref(root);
	if (!text)
		return -EILSEQ; /* JSON is UTF-8, and something here is not */
	snprintf(fresh, sizeof(fresh), "%s~", name);
	result = write_file(folder, fresh, text, sync);
	if (result == 0)
		result = sys_rename(folder, fresh, name);
	if (result < 0)
		sys_unlink(folder, fresh);
	return result;
}
