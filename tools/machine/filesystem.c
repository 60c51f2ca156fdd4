/* SPDX-License-Identifier: MIT */
#include "machine/filesystem.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "base/size.h"
#include "base/sys.h"
#include "host/file.h"
#include "host/read.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define RWF_UNCACHED 0x80 /* RWF_DONTCACHE; absent from older headers */

enum { BLOCK = 65536, ENTRIES_MAX = 1000 };

static int worked(int64_t result)
{
	return result < 0 ? (int)result : 0;
}

/* Blocks that are not there at the moment are an answer, too: it did not wait for them. */
static int try_nowait(int fd, void *block)
{
	int64_t result = sys_pread_nowait(fd, block, 1, 0);

	return result == -EAGAIN ? 0 : worked(result);
}

static int64_t cached_pages(int fd)
{
	struct sys_cachestat status;
	int result = sys_cachestat(fd, 0, BLOCK, &status);

	if (result == 0 && host_file_is_on_overlay(fd))
		return -EOPNOTSUPP; /* it answers, but never finds a page */
	return result < 0 ? result : (int64_t)status.cached;
}

static void read_alignment(int fd, struct host_filesystem *system, uint32_t *align)
{
	struct statx status;

	*align = 0;
	if (sys_statx(fd, HOST_FILE_STATX, &status) < 0)
		return;
	*align = host_file_is_in_memory(fd) ? 0 : host_file_direct_align(&status);
	if (!(status.stx_mask & STATX_DIOALIGN))
		return;
	system->direct_memory_align_bytes = statx_more(&status).memory_align;
	system->direct_offset_align_bytes = statx_more(&status).offset_align;
}

static void try_own_direct(const char *directory, struct host_filesystem *system, void *block)
{
	_cleanup_fd_ int fd = sys_open(AT_FDCWD, directory, O_TMPFILE | O_RDWR | O_DIRECT, 0600);
	uint32_t align;

	system->direct_write = system->direct_read = fd < 0 ? fd : -EOPNOTSUPP;
	if (fd < 0)
		return;
	read_alignment(fd, system, &align);
	if (align == 0 || align > BLOCK)
		return;
	system->direct_write = worked(sys_pwrite(fd, block, align, 0));
	if (system->direct_write == 0) {
		system->direct_read = worked(sys_pread(fd, block, align, 0));
		system->is_direct_cached = cached_pages(fd) > 0;
	}
}

static int try_own(const char *directory, struct host_filesystem *system, void *block)
{
	_cleanup_fd_ int fd = sys_open(AT_FDCWD, directory, O_TMPFILE | O_RDWR, 0600);

	if (fd < 0)
		return fd;
	system->tried = HOST_TRIED_OWN;
	host_copy(system->tried_in, sizeof(system->tried_in), directory);
	system->fallocate = sys_fallocate(fd, 0, 0, BLOCK);
	system->dontcache = worked(sys_pwrite_flags(fd, block, 4096, 0, RWF_UNCACHED));
	if (system->dontcache < 0)
		sys_pwrite(fd, block, 4096, 0);
	system->nowait = try_nowait(fd, block);
	system->cachestat = worked(cached_pages(fd));
	try_own_direct(directory, system, block);
	return 0;
}

/* Without a change to when it was last read, where we may. */
static int open_to_read(int directory, const char *name, int flags)
{
	int fd = sys_open(directory, name, O_RDONLY | O_NONBLOCK | O_NOATIME | flags, 0);

	return fd == -EPERM ? sys_open(directory, name, O_RDONLY | O_NONBLOCK | flags, 0) : fd;
}

static void try_existing_direct(int directory, const char *name, struct host_filesystem *system,
				int file, void *block)
{
	_cleanup_fd_ int fd = open_to_read(directory, name, O_DIRECT);
	int64_t before = cached_pages(file);
	uint32_t align;

	system->direct_read = fd < 0 ? fd : -EOPNOTSUPP;
	if (fd < 0)
		return;
	read_alignment(fd, system, &align);
	if (align == 0 || align > BLOCK)
		return;
	system->direct_read = worked(sys_pread(fd, block, align, 0));
	system->is_direct_cached = before == 0 && cached_pages(file) > 0;
}

static int try_existing(int directory, const char *name, struct host_filesystem *system,
			void *block)
{
	_cleanup_fd_ int fd = open_to_read(directory, name, O_NOFOLLOW);
	struct statx status;
	int result = fd < 0 ? fd : sys_statx(fd, STATX_BASIC_STATS, &status);

	if (result < 0)
		return result;
	if (!S_ISREG(status.stx_mode) || status.stx_size == 0)
		return -ENODATA;
	system->tried = HOST_TRIED_EXISTING;
	host_copy(system->tried_in, sizeof(system->tried_in), name);
	try_existing_direct(directory, name, system, fd, block);
	system->nowait = try_nowait(fd, block);
	system->cachestat = worked(cached_pages(fd));
	system->dontcache = worked(sys_pread_flags(fd, block, 1, 0, RWF_UNCACHED));
	return 0;
}

/* On the first file in the directory that lets us read it and is on the same file system. */
static void try_some_file(const char *path, struct host_filesystem *system, void *block)
{
	DIR *directory = opendir(path);
	struct statx here, status;

	if (!directory)
		return;
	if (sys_statx(dirfd(directory), STATX_BASIC_STATS, &here) == 0)
		for (int i = 0; i < ENTRIES_MAX; i++) {
			const struct dirent *entry = readdir(directory);

			if (!entry)
				break;
			if ((entry->d_type == DT_REG || entry->d_type == DT_UNKNOWN) &&
			    sys_statx_at(dirfd(directory), entry->d_name, STATX_BASIC_STATS,
					 &status) == 0 &&
			    status.stx_dev_major == here.stx_dev_major &&
			    status.stx_dev_minor == here.stx_dev_minor &&
			    try_existing(dirfd(directory), entry->d_name, system, block) == 0)
				break;
		}
	closedir(directory);
}

/* A file system's top is often not ours to write to, but one of these may be, and on it. */
static void try_elsewhere(const struct statx *here, struct host_filesystem *system, void *block)
{
	const char *const directories[] = {"/var/tmp", "/tmp", getenv("HOME")};
	struct statx status;

	for (int i = 0; i < 3 && system->tried == HOST_TRIED_NOTHING; i++)
		if (directories[i] &&
		    sys_statx_at(AT_FDCWD, directories[i], STATX_BASIC_STATS, &status) == 0 &&
		    status.stx_dev_major == here->stx_dev_major &&
		    status.stx_dev_minor == here->stx_dev_minor)
			try_own(directories[i], system, block);
}

static int try_all(const char *path, const struct statx *status, struct host_filesystem *system)
{
	_cleanup_free_ void *block = NULL;

	if (posix_memalign(&block, BLOCK, BLOCK) != 0)
		return -ENOMEM;
	memset(block, 0, BLOCK);
	if (S_ISREG(status->stx_mode)) {
		try_existing(AT_FDCWD, path, system, block);
	} else {
		system->why_not_own = try_own(path, system, block);
		if (system->why_not_own < 0 && strcmp(path, system->point) == 0)
			try_elsewhere(status, system, block);
		if (system->tried == HOST_TRIED_NOTHING)
			try_some_file(path, system, block);
	}
	return 0;
}

static void read_mount(int root, const struct statx *status, struct host_filesystem *system)
{
	struct host_mount mount = {0};
	FILE *mounts = host_mounts_open(root);

	while (mounts && host_mount_next(mounts, &mount))
		if (host_mount_holds(&mount, status)) {
			host_copy(system->point, sizeof(system->point), mount.point);
			host_copy(system->type, sizeof(system->type), mount.type);
			host_copy(system->source, sizeof(system->source), mount.source);
			break;
		}
	host_mount_free(&mount);
	if (mounts)
		fclose(mounts);
}

int host_filesystem_of(int root, const char *path, struct host_filesystem *system,
		       struct sluice_error *error)
{
	_cleanup_fd_ int fd = sys_open(AT_FDCWD, path, O_PATH, 0);
	struct statx status;
	int result = fd < 0 ? fd : sys_statx(fd, HOST_MOUNT_STATX, &status);

	*system = (struct host_filesystem){
		.direct_read = HOST_NOT_TRIED,
		.direct_write = HOST_NOT_TRIED,
		.dontcache = HOST_NOT_TRIED,
		.nowait = HOST_NOT_TRIED,
		.fallocate = HOST_NOT_TRIED,
		.cachestat = HOST_NOT_TRIED,
		.direct_memory_align_bytes = HOST_UNKNOWN,
		.direct_offset_align_bytes = HOST_UNKNOWN,
	};
	if (result < 0)
		return error_set_errno(error, -result, "%s", path);
	if (!S_ISREG(status.stx_mode) && !S_ISDIR(status.stx_mode))
		return error_set(error, EINVAL, "%s: neither a file nor a directory", path);
	host_copy(system->asked, sizeof(system->asked), path);
	read_mount(root, &status, system);
	result = host_disk_of(root, fd, &system->disk);
	if (result < 0 && result != -ENOENT)
		return error_set_errno(error, -result, "%s: which disk it is on", path);
	result = try_all(path, &status, system);
	return result < 0 ? error_set_errno(error, -result, "%s", path) : 0;
}

/* The mounts */

struct seen {
	unsigned count, capacity;
	struct device_number {
		unsigned major, minor;
	} * devices;
};

/* Whether it is new; it no longer is then. */
static bool see(struct seen *seen, const struct host_mount *mount)
{
	for (unsigned i = 0; i < seen->count; i++)
		if (seen->devices[i].major == mount->major &&
		    seen->devices[i].minor == mount->minor)
			return false;
	if (seen->count == seen->capacity) {
		unsigned capacity = seen->capacity ? 2 * seen->capacity : 16;
		void *devices = realloc(seen->devices, capacity * sizeof(*seen->devices));

		if (!devices)
			return false;
		seen->devices = devices;
		seen->capacity = capacity;
	}
	seen->devices[seen->count++] = (struct device_number){mount->major, mount->minor};
	return true;
}

/* A real device, or one of the file systems that hide theirs: btrfs by its source, and the root. */
static bool is_on_disk(const struct host_mount *mount)
{
	if (strcmp(mount->type, "squashfs") == 0)
		return false;
	return mount->major != 0 || strcmp(mount->type, "btrfs") == 0 ||
	       strcmp(mount->type, "zfs") == 0 || strcmp(mount->type, "bcachefs") == 0 ||
	       strcmp(mount->type, "virtiofs") == 0 ||
	       (strcmp(mount->type, "overlay") == 0 && strcmp(mount->point, "/") == 0);
}

int host_filesystem_each(int root, void (*each)(void *argument, const char *point), void *argument)
{
	struct host_mount mount = {0};
	struct seen seen = {0};
	FILE *mounts = host_mounts_open(root);

	if (!mounts)
		return -errno;
	while (host_mount_next(mounts, &mount))
		if (is_on_disk(&mount) && see(&seen, &mount))
			each(argument, mount.point);
	host_mount_free(&mount);
	free(seen.devices);
	fclose(mounts);
	return 0;
}
