/* SPDX-License-Identifier: MIT */
#include "path/file.h"

#include "base/cleanup.h"
#include "base/container.h"
#include "base/statx.h"
#include "base/sys.h"
#include "host/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/uio.h>

int path_file_open(struct path_file **out, int fd, bool is_for_writing, bool take)
{
	struct path_file *file = calloc(1, sizeof(*file));
	struct host_storage storage;
	int result;

	if (!file)
		return -ENOMEM;
	*file = (struct path_file){.references = 1, .fd = fd, .direct_fd = -1, .write_back_fd = -1};
	result = sys_statx(fd, HOST_FILE_STATX, &file->status);
	if (result == 0 && !take)
		result = file->fd = sys_duplicate(fd);
	if (result < 0) {
		free(file);
		return result;
	}
	file->seen_size = file->status.stx_size;
	file->seen_mtime = file->status.stx_mtime;
	file->is_for_writing = is_for_writing;
	file->can_dontcache = S_ISREG(file->status.stx_mode);
	storage = host_file_storage(fd);
	file->has_disk = S_ISREG(file->status.stx_mode) && !storage.is_in_memory;
	file->may_hang = storage.may_hang;
	file->align = file->has_disk ? host_file_direct_align(&file->status) : 0;
	file->can_direct = file->align > 0;
	*out = file;
	return 0;
}

struct path_file *path_file_share(struct path_file *file)
{
	file->references++;
	return file;
}

static int64_t close_descriptors(void *argument)
{
	const struct path_file *file = argument;

	if (file->direct_fd >= 0)
		sys_close(file->direct_fd);
	if (file->write_back_fd >= 0)
		sys_close(file->write_back_fd);
	return sys_close(file->fd);
}

static void on_closed(struct loop_op *op, int64_t result)
{
	free(container_of(op, struct path_file, closing));
}

void path_file_release(struct path_file *file)
{
	if (!file || --file->references > 0)
		return;
	if (file->may_hang && file->loop) {
		file->closing.done = on_closed;
		loop_work_apart(file->loop, &file->closing, close_descriptors, file);
		return;
	}
	close_descriptors(file);
	free(file);
}

static int open_again(const struct path_file *file, int flags)
{
	char name[32];

	snprintf(name, sizeof(name), "/proc/self/fd/%d", file->fd);
	return sys_open(AT_FDCWD, name, flags, 0);
}

int path_file_need_direct(struct path_file *file)
{
	int access = file->is_for_writing ? O_WRONLY : O_RDONLY;

	if (file->direct_fd >= 0)
		return 0;
	if (!file->can_direct)
		return -EOPNOTSUPP;
	/* A descriptor of its own: setting O_DIRECT on fd would change it for whoever shares it. */
	file->direct_fd = open_again(file, access | O_DIRECT);
	if (file->direct_fd >= 0)
		return 0;
	if (file->direct_fd == -EMFILE || file->direct_fd == -ENFILE)
		return file->direct_fd; /* another time, perhaps */
	file->can_direct = false;
	return -EOPNOTSUPP;
}

int path_file_need_write_back(struct path_file *file)
{
	if (file->write_back_fd < 0)
		file->write_back_fd = open_again(file, O_WRONLY);
	return file->write_back_fd < 0 ? file->write_back_fd : 0;
}

/* A read behind the end of any file: the flag is looked at, and nothing else happens. */
static int64_t try_dontcache(int fd)
{
	char byte;

	return sys_pread_flags(fd, &byte, 1, INT64_MAX - 1, RWF_DONTCACHE | RWF_NOWAIT);
}

int path_file_need_dontcache(struct path_file *file)
{
	int64_t result;

	if (!file->can_dontcache)
		return -EOPNOTSUPP;
	result = try_dontcache(file->fd);
	if (result == -EBADF) { /* fd only writes */
		_cleanup_fd_ int fd = open_again(file, O_RDONLY);

		/* Where we may not read, the first write will tell. */
		result = fd < 0 ? 0 : try_dontcache(fd);
	}
	file->can_dontcache = result != -EOPNOTSUPP && result != -EINVAL;
	return file->can_dontcache ? 0 : -EOPNOTSUPP;
}

int path_file_judge(struct path_file *file, const struct statx *now)
{
	if (now->stx_size <= file->seen_size)
		return now->stx_size < file->seen_size ||
		       !statx_is_same_time(now->stx_mtime, file->seen_mtime);
	file->seen_size = now->stx_size;
	file->seen_mtime = now->stx_mtime;
	file->has_grown = true;
	return 0;
}

static int look(struct path_file *file)
{
	struct statx now;
	int result = sys_statx(file->fd, STATX_SIZE | STATX_MTIME, &now);

	if (result < 0)
		return result;
	return path_file_judge(file, &now);
}

int path_file_has_changed(struct path_file *file)
{
	int result = 1;

	/* A write that makes a file longer moves its time a moment before its size. */
	for (int tries = 0; result > 0 && tries < 4; tries++)
		result = look(file);
	return result;
}
