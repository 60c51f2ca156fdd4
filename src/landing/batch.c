/* SPDX-License-Identifier: MIT */
/*
 * Invariant: at most one piece of work is under way; its files (`busy`) are the helper thread's
 * until it is done, and the others the loop's. What comes meanwhile waits, and is the next one: the
 * longer the disk takes, the more files share its next sync.
 */
#include "landing/batch.h"

#include "base/container.h"
#include "base/sys.h"
#include "cache/residency.h"
#include "host/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum {
	FILES_MAX = 1024,       /* at once */
	FULL_BYTES = 32 << 20,  /* that wait */
	FEW = 8,                /* files that are synced by themselves */
	OTHERS_MAX = 256 << 20, /* bytes of others, for which syncfs(2) may wait, */
};

struct batch {
	struct loop *loop;
	struct loop_op op;
	struct batch_file *waiting, **last, *busy;
	struct batch_directory *directory; /* the last one that was opened */
	size_t bytes;                      /* waiting and busy */
	unsigned most;                     /* files in a piece of work: they are open */
	bool is_closed, can, can_link_open;
};

struct batch *batch_open(struct loop *loop)
{
	struct batch *batch = calloc(1, sizeof(*batch));
	struct rlimit limit;

	if (!batch)
		return NULL;
	batch->loop = loop;
	batch->last = &batch->waiting;
	batch->can = batch->can_link_open = true;
	batch->most = FILES_MAX;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur / 4 < FILES_MAX)
		batch->most = (unsigned)(limit.rlim_cur / 4) + 1;
	return batch;
}

/* Directories */

static struct batch_directory *open_directory(const char *path, int *result)
{
	struct batch_directory *directory = calloc(1, sizeof(*directory) + strlen(path) + 1);

	*result = -ENOMEM;
	if (!directory)
		return NULL;
	memcpy(directory->path, path, strlen(path) + 1);
	directory->users = 1;
	directory->fd = sys_open(AT_FDCWD, *path ? path : ".", O_RDONLY | O_DIRECTORY, 0);
	*result = directory->fd < 0 ? directory->fd : 0;
	if (directory->fd >= 0)
		return directory;
	free(directory);
	return NULL;
}

/* Still: the name may lead elsewhere by now. */
static bool is_there(const struct batch_directory *directory)
{
	struct statx held, named;
	const char *path = *directory->path ? directory->path : ".";

	return sys_statx(directory->fd, STATX_INO, &held) == 0 &&
	       sys_statx_at(AT_FDCWD, path, STATX_INO, &named) == 0 &&
	       held.stx_ino == named.stx_ino && held.stx_dev_major == named.stx_dev_major &&
	       held.stx_dev_minor == named.stx_dev_minor;
}

int batch_directory_open(struct batch *batch, const char *path, struct batch_directory **out)
{
	struct batch_directory *directory = batch->directory;
	int result;

	if (!directory || strcmp(directory->path, path) != 0 || !is_there(directory)) {
		directory = open_directory(path, &result);
		if (!directory)
			return result;
		batch_directory_close(batch->directory);
		batch->directory = directory;
	}
	directory->users++;
	*out = directory;
	return 0;
}

void batch_directory_close(struct batch_directory *directory)
{
	if (!directory || --directory->users > 0)
		return;
	sys_close(directory->fd);
	free(directory);
}

/* Work, on a helper thread */

static void write_file(struct batch_file *file)
{
	file->fd = sys_open(file->directory->fd, ".", O_TMPFILE | O_RDWR, 0666);
	file->result =
		file->fd < 0 ? file->fd : sys_pwrite_all(file->fd, file->data, file->length, 0);
	if (file->result == 0 && file->stamp)
		file->stamp(file->stamp_argument, file->fd);
}

static bool is_small_change(const struct batch_file *files)
{
	uint64_t dirty = host_memory_dirty(), ours = 0;

	for (; files; files = files->next)
		ours += files->length;
	return dirty < OTHERS_MAX + ours;
}

/* That syncfs(2) waits for the disk is the file system's work, and FUSE's passes it to nobody. */
static bool has_syncfs(int fd)
{
	uint64_t magic;

	if (sys_filesystem(fd, &magic) < 0)
		return false;
	return magic == EXT4_SUPER_MAGIC || magic == XFS_SUPER_MAGIC ||
	       magic == BTRFS_SUPER_MAGIC || magic == F2FS_SUPER_MAGIC || magic == TMPFS_MAGIC;
}

/*
 * All file systems on which there are files of these. A failure may be another program's: then each
 * file tells.
 */
static bool sync_file_systems(struct batch_file *files)
{
	const struct batch_directory *last = NULL;
	unsigned count = 0;

	for (const struct batch_file *file = files; file; file = file->next)
		count++;
	if (count < FEW || !is_small_change(files))
		return false;
	for (const struct batch_file *file = files; file; file = file->next) {
		if (file->directory != last &&
		    (!has_syncfs(file->directory->fd) || sys_syncfs(file->directory->fd) < 0))
			return false;
		last = file->directory;
	}
	return true;
}

static void sync_files(struct batch_file *files)
{
	bool is_synced = files->no_sync || sync_file_systems(files);

	for (struct batch_file *file = files; file; file = file->next) {
		if (!is_synced && file->result == 0)
			file->result = sys_fsync(file->fd);
		if (!file->no_sync && !file->keep_cached && file->result == 0)
			cache_drop(file->fd, 0, file->length);
	}
}

static int link_by_proc(const struct batch_file *file)
{
	char link[32];

	snprintf(link, sizeof(link), "/proc/self/fd/%d", file->fd);
	return sys_link(AT_FDCWD, link, file->directory->fd, file->name, AT_SYMLINK_FOLLOW);
}

/* Privileged, or a new kernel: else it is -ENOENT. */
static void give_name(struct batch *batch, struct batch_file *file)
{
	int result = -ENOENT;

	if (batch->can_link_open)
		result = sys_link(file->fd, "", file->directory->fd, file->name, AT_EMPTY_PATH);
	if (result == -ENOENT) {
		batch->can_link_open = false;
		result = link_by_proc(file);
	}
	file->result = result;
	file->directory->is_dirty |= result == 0;
}

static void sync_names(struct batch_file *files)
{
	for (struct batch_file *file = files; file; file = file->next) {
		struct batch_directory *directory = file->directory;
		int result;

		if (!directory->is_dirty)
			continue;
		directory->is_dirty = false;
		result = sys_fsync(directory->fd);
		/* EINVAL: this file system does not offer it for directories. */
		for (struct batch_file *other = file; result < 0 && result != -EINVAL && other;
		     other = other->next)
			if (other->directory == directory && other->result == 0)
				other->result = result;
	}
}

static int64_t land(void *argument)
{
	struct batch *batch = argument;

	for (struct batch_file *file = batch->busy; file; file = file->next)
		write_file(file);
	sync_files(batch->busy);
	for (struct batch_file *file = batch->busy; file; file = file->next)
		if (file->result == 0)
			give_name(batch, file);
	if (!batch->busy->no_sync)
		sync_names(batch->busy);
	for (struct batch_file *file = batch->busy; file; file = file->next)
		if (file->fd >= 0)
			sys_close(file->fd);
	return 0;
}

/* On the loop */

static void free_file(struct batch_file *file)
{
	batch_directory_close(file->directory);
	free(file->stamp_argument);
	free(file->data);
	free(file);
}

static void free_files(struct batch_file *files)
{
	while (files) {
		struct batch_file *next = files->next;

		free_file(files);
		files = next;
	}
}

static void destroy(struct batch *batch)
{
	free_files(batch->busy);
	free_files(batch->waiting);
	batch_directory_close(batch->directory);
	free(batch);
}

/* As many as may be open, all of them to be synced, or none. */
static void start(struct batch *batch)
{
	struct batch_file **link = &batch->waiting;

	for (unsigned count = 0; *link && count < batch->most; count++) {
		if ((*link)->no_sync != batch->waiting->no_sync)
			break;
		link = &(*link)->next;
	}
	batch->busy = batch->waiting;
	batch->waiting = *link;
	if (!batch->waiting)
		batch->last = &batch->waiting;
	*link = NULL;
	loop_work(batch->loop, &batch->op, land, batch);
}

static void on_done(struct loop_op *op, int64_t result)
{
	struct batch *batch = container_of(op, struct batch, op);
	struct batch_file *files = batch->busy;

	(void)result;
	batch->busy = NULL;
	if (batch->is_closed) {
		free_files(files);
		destroy(batch);
		return;
	}
	if (batch->waiting)
		start(batch);
	while (files) {
		struct batch_file *file = files;

		files = file->next;
		batch->bytes -= file->length;
		if (file->result == -EOPNOTSUPP || file->result == -EISDIR ||
		    file->result == -EINVAL)
			batch->can = false;
		if (file->owner)
			file->done(file->owner, file->result);
		free_file(file);
	}
}

bool batch_can(const struct batch *batch)
{
	return batch->can;
}

bool batch_is_full(const struct batch *batch)
{
	return batch->bytes >= FULL_BYTES;
}

void batch_add(struct batch *batch, struct batch_file *file)
{
	file->next = NULL;
	*batch->last = file;
	batch->last = &file->next;
	batch->bytes += file->length;
	batch->op.done = on_done;
	if (!batch->busy)
		start(batch);
}

void batch_close(struct batch *batch)
{
	if (!batch)
		return;
	batch->is_closed = true;
	if (!batch->busy)
		destroy(batch);
}
