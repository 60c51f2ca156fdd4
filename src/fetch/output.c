/* SPDX-License-Identifier: MIT */
/*
 * Where the bytes of a download go. What is there already is written to where it is no regular
 * file; a name that leads to a descriptor of this process (/dev/stdout, /dev/fd/3) means that
 * descriptor, as it is: its offset and its O_APPEND are the caller's. Everything else is a file by
 * way of a part, which replaces what had its name; but never in /dev, /proc and /sys.
 */
#include "base/cleanup.h"
#include "base/container.h"
#include "base/error.h"
#include "base/sys.h"
#include "fetch/download.h"
#include "landing/name.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { AGAIN_MS = 100 }; /* how often it is looked for a reader of a FIFO */

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
	if (download->output.path && download->output.path != &path_recv_readwrite)
		return error_set(&download->error, EOPNOTSUPP,
				 "receive path %s needs a regular file to write to",
				 download->output.path->name);
	return 0;
}

static int use_descriptor(struct download *download, int fd, const char *output)
{
	int flags = sys_flags(fd);

	if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY)
		return error_set_errno(&download->error, EBADF,
				       "cannot write %s: descriptor %d is not open for writing",
				       output, fd);
	download->output.fd = fd;
	return refuse_path(download);
}

static int use_special(struct download *download, int fd)
{
	struct output *output = &download->output;
	struct statx opened;

	if (fd < 0)
		return error_set_errno(&download->error, -fd, "cannot write %s", output->file);
	output->fd = fd;
	output->owns_fd = true;
	if (sys_statx(fd, STATX_TYPE, &opened) < 0 || S_ISREG(opened.stx_mode))
		return error_set(&download->error, EBUSY, "%s was replaced just now: run again",
				 output->file);
	output->syncs_fd = S_ISBLK(opened.stx_mode) && !download->options.no_sync;
	return refuse_path(download);
}

static int open_special(struct download *download, mode_t mode)
{
	download->output.is_fifo = S_ISFIFO(mode);
	if (download->output.is_fifo)
		return 0;
	return use_special(download,
			   sys_open(AT_FDCWD, download->output.file, O_WRONLY | O_NOCTTY, 0));
}

static void on_timer(struct loop_timer *timer)
{
	download_wake(container_of(timer, struct download, output.timer));
}

/* The reader of a FIFO may come late. */
int download_open_output(struct download *download)
{
	struct output *output = &download->output;
	int fd;

	if (!output->is_fifo || output->fd >= 0)
		return 0;
	fd = sys_open(AT_FDCWD, output->file, O_WRONLY | O_NOCTTY | O_NONBLOCK, 0);
	if (fd != -ENXIO)
		return use_special(download, fd);
	output->timer.fire = on_timer;
	loop_timer_set(download->loop, &output->timer, AGAIN_MS);
	return download_wait_exchange(download);
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
int output_check_directory(struct download *download, int folder)
{
	char link[32], directory[4096];
	int64_t length;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", folder);
	length = sys_readlink(AT_FDCWD, link, directory, sizeof(directory) - 1);
	if (length < 0)
		return 0;
	directory[length] = '\0';
	if (!is_the_system_s(directory))
		return 0;
	return error_set(&download->error, EPERM,
			 "%s: no file is made or replaced in %s; name one elsewhere, or - for "
			 "standard output",
			 download->output.file, directory);
}

/* Of the file that is there, where nothing is on its way to take its place. */
static bool recall_origin(const struct download *download, struct origin *origin)
{
	const struct landing_found *found = landing_found(download->landing);

	return found->there.count == 0 && !found->had_part &&
	       origin_recall(origin, found->directory, found->name) &&
	       origin->url == origin_url(download->url);
}

/* What the file that is there means for what is asked for. */
static void look_at_file(struct download *download)
{
	const struct sluice_get_options *options = &download->options;
	const struct landing_found *found = landing_found(download->landing);
	struct asking *asking = &download->asking;
	struct statx status;

	if (sys_statx_link(found->directory, found->name, STATX_TYPE | STATX_MTIME, &status) < 0)
		return;
	download->output.is_skipped = options->no_clobber;
	asking->has_newer = options->only_newer && S_ISREG(status.stx_mode);
	asking->newer_than = (time_t)status.stx_mtime.tv_sec;
}

int output_open_landing(struct download *download)
{
	const struct landing_options options = download_landing(download);
	int result;

	download->output.is_new = false;
	result = landing_open_name(&download->landing, download->output.file, download->url,
				   &options, &download->error);
	return result < 0 ? result
			  : output_check_directory(download,
						   landing_found(download->landing)->directory);
}

static int choose_file(struct download *download)
{
	struct origin origin;
	int result = output_open_landing(download);

	if (result < 0)
		return result;
	look_at_file(download);
	download_question(download, recall_origin(download, &origin) ? &origin : NULL);
	return 0;
}

static bool has_nothing(const char *name)
{
	struct statx status;

	return sys_statx_link(AT_FDCWD, name, STATX_TYPE, &status) == -ENOENT;
}

/* Then nothing is there that could be continued, or would be in the way. */
static bool is_new(const char *output)
{
	const char *slash = strrchr(output, '/');
	const char *name = slash ? slash + 1 : output;
	char part[4096 + sizeof(".part")];

	if (!*name || strlen(name) > NAME_STEM || !has_nothing(output))
		return false;
	snprintf(part, sizeof(part), "%s.part", output);
	return has_nothing(part);
}

static int choose_named(struct download *download, const char *output)
{
	struct statx status;
	int fd = -1;

	if (snprintf(download->output.file, sizeof(download->output.file), "%s", output) >=
	    (int)sizeof(download->output.file))
		return error_set(&download->error, ENAMETOOLONG,
				 "%s: name too long (at most %d bytes)", output,
				 (int)sizeof(download->output.file) - 1);
	download->output.is_new = download->batch && !download->options.digest &&
				  !download->options.mirrors && is_new(output);
	if (download->output.is_new)
		return 0;
	if (sys_statx_link(AT_FDCWD, output, STATX_TYPE, &status) == 0 && S_ISLNK(status.stx_mode))
		fd = find_descriptor(output);
	if (fd >= 0)
		return use_descriptor(download, fd, output);
	/* A device, a FIFO or a socket that is there already is written to, never replaced. */
	if (sys_statx_at(AT_FDCWD, output, STATX_TYPE, &status) == 0 && !S_ISREG(status.stx_mode) &&
	    !S_ISDIR(status.stx_mode))
		return open_special(download, status.stx_mode);
	return choose_file(download);
}

static int choose_path(struct download *download)
{
	const char *name = download->options.path;
	struct output *output = &download->output;

	output->fd = -1;
	if (!name || strcmp(name, "auto") == 0)
		return 0;
	output->path = path_recv_find(name);
	if (!output->path)
		return error_set(&download->error, EINVAL, "no receive path '%s'", name);
	output->keeps_nothing = !output->path->needs_file;
	if (download->options.sparse && output->path == &path_recv_splice)
		return error_set(&download->error, EINVAL,
				 "receive path splice does not see which bytes are zeros: it makes "
				 "no sparse file");
	return 0;
}

/* The name that the URL suggests. */
static int choose_name(struct download *download)
{
	const char *directory = download->options.directory;
	const char *slash;
	char name[256], path[4096];
	size_t length;
	int result = http_url_filename(&download->exchange.url, name, &download->error);

	if (result < 0) {
		error_append(&download->error, "; name the output");
		return result;
	}
	if (!directory)
		return choose_named(download, name);
	length = strlen(directory);
	slash = length > 0 && directory[length - 1] == '/' ? "" : "/";
	if (snprintf(path, sizeof(path), "%s%s%s", directory, slash, name) >= (int)sizeof(path))
		return error_set_errno(&download->error, ENAMETOOLONG, "%s", directory);
	return choose_named(download, path);
}

int download_choose_output(struct download *download)
{
	const struct sluice_get_options *options = &download->options;
	int result = choose_path(download);

	if (result < 0)
		return result;
	if (options->to_fd)
		return use_descriptor(download, options->output_fd, "the output");
	if (download->output.keeps_nothing)
		return 0;
	if (options->output)
		return choose_named(download, options->output);
	return choose_name(download);
}

void download_close_output(struct download *download)
{
	if (download->output.owns_fd)
		sys_close(download->output.fd);
	download->output.fd = -1;
	download->output.owns_fd = false;
}
