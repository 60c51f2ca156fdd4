/* SPDX-License-Identifier: MIT */
/*
 * Where the bytes of a download go. What is there already is written to where it is no regular
 * file; a name that leads to a descriptor of this process (/dev/stdout, /dev/fd/3) means that
 * descriptor, as it is: its offset and its O_APPEND are the caller's. Everything else is a file by
 * way of a part, which replaces what had its name; but never in /dev, /proc and /sys.
 */
#include "base/cleanup.h"
#include "base/error.h"
#include "base/size.h"
#include "base/sys.h"
#include "fetch/download.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OVERLAP = 64 << 10 };

/* Links */

static bool is_same_file(int fd, const char *path)
{
	struct statx one, other;

	return sys_statx(fd, STATX_INO, &one) == 0 &&
	       sys_statx_at(AT_FDCWD, path, STATX_INO, &other) == 0 &&
	       one.stx_ino == other.stx_ino && one.stx_dev_major == other.stx_dev_major &&
	       one.stx_dev_minor == other.stx_dev_minor;
}

/* Opens the directory that path, as seen from `at`, is in, and gives the name in it. */
static int open_directory_of(int at, char *path, const char **name)
{
	char *slash = strrchr(path, '/');
	int flags = O_PATH | O_DIRECTORY;

	*name = slash ? slash + 1 : path;
	if (!slash)
		return sys_open(at, ".", flags, 0);
	if (slash == path)
		return sys_open(at, "/", flags, 0);
	*slash = '\0';
	return sys_open(at, path, flags, 0);
}

static int to_number(const char *text)
{
	char *end;
	long number = strtol(text, &end, 10);

	return *text >= '0' && *text <= '9' && *end == '\0' && number <= INT32_MAX ? (int)number
										   : -1;
}

/* The descriptor of this process that a symbolic link leads to; -1: it leads elsewhere. */
static int find_descriptor(const char *output)
{
	_cleanup_fd_ int at = -1;
	char path[4096];
	int64_t length = snprintf(path, sizeof(path), "%s", output);

	for (int links = 0; links < 40 && length > 0 && length < (int64_t)sizeof(path); links++) {
		const char *name;
		int next;

		path[length] = '\0';
		next = open_directory_of(at < 0 ? AT_FDCWD : at, path, &name);
		if (at >= 0)
			sys_close(at);
		at = next;
		if (at < 0)
			return -1;
		if (is_same_file(at, "/proc/self/fd") || is_same_file(at, "/proc/thread-self/fd"))
			return to_number(name);
		length = sys_readlink(at, name, path, sizeof(path));
	}
	return -1;
}

/* What is written to, in order */

/* To a descriptor there is one path. */
static int refuse_path(struct download *download)
{
	if (download->path && download->path != &path_recv_readwrite)
		return error_set(download->error, EOPNOTSUPP,
				 "receive path %s needs a regular file to write to",
				 download->path->name);
	return 0;
}

static int use_descriptor(struct download *download, int fd, const char *output)
{
	int flags = sys_flags(fd);

	if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY)
		return error_set_errno(download->error, EBADF,
				       "cannot write %s: descriptor %d is not open for writing",
				       output, fd);
	download->output_fd = fd;
	return refuse_path(download);
}

/* Its reader may come late; an interrupt gets through. */
static int open_fifo(struct download *download, const char *output)
{
	int fd;

	while ((fd = sys_open(AT_FDCWD, output, O_WRONLY | O_NOCTTY | O_NONBLOCK, 0)) == -ENXIO) {
		int result = download_report(download);

		if (result < 0)
			return result;
		sys_poll(-1, 0, 100);
	}
	return fd;
}

static int open_special(struct download *download, const char *output, mode_t mode)
{
	struct statx opened;
	int fd = S_ISFIFO(mode) ? open_fifo(download, output)
				: sys_open(AT_FDCWD, output, O_WRONLY | O_NOCTTY, 0);

	if (fd == -ECANCELED)
		return fd;
	if (fd < 0)
		return error_set_errno(download->error, -fd, "cannot write %s", output);
	download->output_fd = fd;
	download->owns_output_fd = true;
	if (sys_statx(fd, STATX_TYPE, &opened) < 0 || S_ISREG(opened.stx_mode))
		return error_set(download->error, EBUSY, "%s was replaced just now: run again",
				 output);
	download->syncs_output_fd = S_ISBLK(opened.stx_mode) && !download->options->no_sync;
	return refuse_path(download);
}

/* Files */

static bool is_below(const char *path, const char *directory)
{
	size_t length = strlen(directory);

	return strncmp(path, directory, length) == 0 &&
	       (path[length] == '/' || path[length] == '\0');
}

static bool is_the_system_s(const char *directory)
{
	return (is_below(directory, "/dev") && !is_below(directory, "/dev/shm")) ||
	       is_below(directory, "/proc") || is_below(directory, "/sys");
}

/* What lies in the system's own directories is no file that anybody wants replaced. */
static int refuse_system(const struct download *download, const char *output)
{
	char link[32], directory[4096];
	int64_t length;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", download->target.folder);
	length = sys_readlink(AT_FDCWD, link, directory, sizeof(directory) - 1);
	if (length < 0)
		return 0;
	directory[length] = '\0';
	if (!is_the_system_s(directory))
		return 0;
	return error_set(download->error, EPERM,
			 "%s: no file is made or replaced in %s; name one elsewhere, or - for "
			 "standard output",
			 output, directory);
}

/* Of the file that is there, where nothing is on its way to take its place. */
static void recall_origin(struct download *download)
{
	const struct target *target = &download->target;

	download->has_origin = target->journal.done.count == 0 && !target->had_part &&
			       origin_recall(&download->origin, target->folder, target->name) &&
			       download->origin.url == origin_url(download->url_text);
}

/*
 * The last bytes that are here are asked for again and compared. A validator is only as good as the
 * server, and means nothing at another URL, where a redirect may lead (RFC 9110 8.8.3).
 */
static void ask_for_rest(struct download *download)
{
	const struct journal *journal = &download->target.journal;
	uint64_t here = intervals_prefix(&journal->done);

	download->resume = download->done = here;
	download->validator = here > 0 ? journal->validator : download->origin.validator;
	download->question = (struct question){
		.here = here,
		.from = here - size_min(here, OVERLAP),
		.size = journal->size,
		.validator = &download->validator,
	};
}

static int choose_file(struct download *download, const char *output)
{
	int result = target_open(&download->target, output, download->url_text, download->error);

	if (result == 0)
		result = refuse_system(download, output);
	download->target.sync = !download->options->no_sync;
	if (result < 0)
		return result;
	recall_origin(download);
	ask_for_rest(download);
	return 0;
}

static int choose_named(struct download *download, const char *output)
{
	struct statx status;
	int fd = -1;

	snprintf(download->result->file, sizeof(download->result->file), "%s", output);
	if (sys_statx_link(AT_FDCWD, output, STATX_TYPE, &status) == 0 && S_ISLNK(status.stx_mode))
		fd = find_descriptor(output);
	if (fd >= 0)
		return use_descriptor(download, fd, output);
	/* A device, a FIFO or a socket that is there already is written to, never replaced. */
	if (sys_statx_at(AT_FDCWD, output, STATX_TYPE, &status) == 0 && !S_ISREG(status.stx_mode) &&
	    !S_ISDIR(status.stx_mode))
		return open_special(download, output, status.stx_mode);
	return choose_file(download, output);
}

int download_choose_output(struct download *download)
{
	const struct sluice_get_options *options = download->options;
	char name[256];
	int result;

	if (options->to_fd) {
		download->output_fd = options->output_fd;
		return refuse_path(download);
	}
	if (download->keeps_nothing)
		return 0;
	if (options->output)
		return choose_named(download, options->output);
	result = http_url_filename(&download->url, name, download->error);
	if (result == 0)
		return choose_named(download, name);
	error_append(download->error, "; name the output (-o FILE)");
	return result;
}
