/* SPDX-License-Identifier: MIT */
#include "transfer/target.h"

#include "base/error.h"
#include "base/size.h"
#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>

enum { RESUME_ALIGN = 4096 }; /* so that a continued download can use O_DIRECT again */

static int open_folder(struct target *target, const char *path, struct sluice_error *error)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	char folder[4096];

	if (*name == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return error_set(error, EISDIR, "%.200s is a folder: name a file", path);
	if (strlen(name) > TARGET_NAME_MAX || (size_t)(name - path) >= sizeof(folder))
		return error_set(error, ENAMETOOLONG, "%.100s...: name too long (at most %d bytes)",
				 path, TARGET_NAME_MAX);
	snprintf(folder, sizeof(folder), "%.*s", (int)(name - path), path);
	snprintf(target->name, sizeof(target->name), "%s", name);
	snprintf(target->part, sizeof(target->part), "%s.part", name);
	snprintf(target->state, sizeof(target->state), "%s.state", target->part);
	target->folder = sys_open(AT_FDCWD, *folder ? folder : ".", O_RDONLY | O_DIRECTORY, 0);
	if (target->folder < 0)
		return error_set_errno(error, -target->folder, "cannot write %.150s: its folder",
				       path);
	return 0;
}

static int refuse_folder(const struct target *target, const char *path, struct sluice_error *error)
{
	struct stat status;

	if (fstatat(target->folder, target->name, &status, 0) == 0 && S_ISDIR(status.st_mode))
		return error_set(error, EISDIR, "%.200s is a folder: name a file", path);
	return 0;
}

/* Fills the journal where there is a part that can be continued. */
static void look_for_part(struct target *target)
{
	struct journal *journal = &target->journal;
	struct stat status;

	if (fstatat(target->folder, target->part, &status, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	target->part_inode = status.st_ino;
	if (!journal_read(journal, target->folder, target->state, target->url) || !*journal->etag ||
	    journal->done > (uint64_t)status.st_size) {
		*journal = (struct journal){0};
		target->had_part = status.st_size > 0;
		return;
	}
	/* One byte less than all, so that there is always something left to ask for. */
	if (journal->done == journal->size && journal->done > 0)
		journal->done--;
	journal->done = size_round_down(journal->done, RESUME_ALIGN);
}

int target_open(struct target *target, const char *path, const char *url,
		struct sluice_error *error)
{
	int result;

	*target = (struct target){.url = url, .folder = -1};
	result = open_folder(target, path, error);
	if (result == 0)
		result = refuse_folder(target, path, error);
	if (result == 0)
		look_for_part(target);
	return result;
}

static int lock_part(int fd)
{
	return flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK ? -EBUSY : 0;
}

/* A file that is replaced keeps its permissions, as it would if it were written over. */
static void keep_mode(const struct target *target, int fd)
{
	struct stat status;

	if (fstatat(target->folder, target->name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISREG(status.st_mode))
		(void)sys_fchmod(fd, status.st_mode & 0777); /* not ours: then it is as a new one */
}

int target_create(struct target *target, uint64_t keep, struct sluice_error *error)
{
	int fd = sys_open(target->folder, target->part, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK,
			  0666);
	int result;

	if (fd < 0)
		return error_set_errno(error, -fd, "cannot write %.200s", target->part);
	result = lock_part(fd);
	if (result == 0)
		result = path_file_open(&target->file, fd, true, true);
	if (result < 0) {
		sys_close(fd);
		return error_set(error, -result, "%.180s: %s", target->part,
				 result == -EBUSY ? "another process is writing it"
						  : strerror(-result));
	}
	if (!S_ISREG(target->file->status.stx_mode))
		return error_set(error, EINVAL, "%.200s is not a regular file", target->part);
	if (keep > 0 && target->file->status.stx_ino != target->part_inode)
		return error_set(error, EBUSY, "%.180s was replaced meanwhile: run again",
				 target->part);
	keep_mode(target, fd);
	result = sys_ftruncate(fd, keep);
	return result < 0 ? error_set_errno(error, -result, "truncating %.200s", target->part) : 0;
}

static void remove_part(struct target *target)
{
	sys_unlink(target->folder, target->part);
	sys_unlink(target->folder, target->state);
}

int target_save(struct target *target, uint64_t done)
{
	target->journal.done = done;
	if (!*target->journal.etag) {
		sys_unlink(target->folder, target->state);
		return 0;
	}
	return journal_write(&target->journal, target->folder, target->state, target->url);
}

bool target_keep(struct target *target, uint64_t done, bool stays_anyway)
{
	int result = sys_ftruncate(target->file->fd, done);

	if (result == 0)
		result = sys_fsync(target->file->fd);
	if (result == 0)
		result = target_save(target, done);
	if (result == 0 && *target->journal.etag && done > 0)
		return true;
	if (!stays_anyway || done == 0)
		remove_part(target);
	return false;
}

int target_commit(struct target *target, bool sync, struct sluice_error *error)
{
	int result = sys_rename(target->folder, target->part, target->name);

	if (result < 0)
		return error_set_errno(error, -result, "renaming %.100s to %.100s", target->part,
				       target->name);
	sys_unlink(target->folder, target->state);
	result = sync ? sys_fsync(target->folder) : 0;
	return result < 0 ? error_set_errno(error, -result, "syncing the folder of %.200s",
					    target->name)
			  : 0;
}

void target_close(struct target *target)
{
	path_file_release(target->file);
	target->file = NULL;
	if (target->folder >= 0)
		sys_close(target->folder);
	target->folder = -1;
}
