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
	struct statx status;

	if (sys_statx_at(target->folder, target->name, STATX_TYPE, &status) == 0 &&
	    S_ISDIR(status.stx_mode))
		return error_set(error, EISDIR, "%.200s is a folder: name a file", path);
	return 0;
}

/* Fills the journal where there is a part that can be continued. */
static void look_for_part(struct target *target)
{
	struct journal *journal = &target->journal;
	struct statx status;

	if (sys_statx_link(target->folder, target->part, STATX_INO | STATX_SIZE, &status) < 0)
		return;
	target->part_inode = status.stx_ino;
	if (!journal_read(journal, target->folder, target->state, target->url) || !*journal->etag ||
	    journal->done > status.stx_size) {
		*journal = (struct journal){0};
		target->had_part = status.stx_size > 0;
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

/* Another process may have had the part, and renamed it, since we opened it: then it is not ours.
 */
static int lock_part(const struct target *target, int fd)
{
	struct statx opened, named;

	if (sys_flock(fd, LOCK_EX | LOCK_NB) == -EWOULDBLOCK)
		return -EBUSY;
	if (sys_statx(fd, STATX_INO, &opened) < 0 ||
	    sys_statx_link(target->folder, target->part, STATX_INO, &named) < 0 ||
	    opened.stx_ino != named.stx_ino)
		return -EBUSY;
	return 0;
}

/* Whether what was read before the lock still holds: another process may have started over. */
static bool is_still_so(const struct target *target, uint64_t keep)
{
	struct journal now = {0};

	return keep == 0 || (target->file->status.stx_ino == target->part_inode &&
			     journal_read(&now, target->folder, target->state, target->url) &&
			     strcmp(now.etag, target->journal.etag) == 0 && now.done >= keep);
}

static void forget_state(struct target *target)
{
	if (sys_unlink(target->folder, target->state) == 0 && target->sync)
		(void)sys_fsync(target->folder); /* else the part is: see target_create */
}

/* The journal never claims more than the part has: it is brought down before the part is cut. */
static int cut(struct target *target, uint64_t keep, struct sluice_error *error)
{
	int result = 0;

	if (keep == 0)
		forget_state(target);
	else
		target_save(target, keep);
	if (target->saved != keep)
		return error_set(error, EIO, "cannot write %.180s, which continuing needs",
				 target->state);
	result = sys_ftruncate(target->file->fd, keep);
	return result < 0 ? error_set_errno(error, -result, "truncating %.200s", target->part) : 0;
}

int target_create(struct target *target, uint64_t keep, struct sluice_error *error)
{
	char words[ERROR_WORDS];
	int fd = sys_open(target->folder, target->part, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK,
			  0666);
	int result;

	if (fd < 0)
		return error_set_errno(error, -fd, "cannot write %.200s", target->part);
	result = lock_part(target, fd);
	if (result == 0)
		result = path_file_open(&target->file, fd, true, true);
	if (result < 0) {
		sys_close(fd);
		return error_set(error, -result, "%.180s: %s", target->part,
				 result == -EBUSY ? "another process is writing it"
						  : error_words(-result, words));
	}
	if (!S_ISREG(target->file->status.stx_mode))
		return error_set(error, EINVAL, "%.200s is not a regular file", target->part);
	if (!is_still_so(target, keep))
		return error_set(error, EBUSY, "%.180s was replaced meanwhile: run again",
				 target->part);
	return cut(target, keep, error);
}

static void remove_part(struct target *target)
{
	sys_unlink(target->folder, target->part);
	sys_unlink(target->folder, target->state);
}

void target_save(struct target *target, uint64_t done)
{
	struct journal journal = target->journal;

	journal.done = done;
	/* A journal that cannot be written costs a later call some bytes, not this one. */
	if (*journal.etag && !target->has_lost &&
	    journal_write(&journal, target->folder, target->state, target->url, target->sync) == 0)
		target->saved = done;
}

uint64_t target_keep(struct target *target, uint64_t done, bool stays_anyway)
{
	if (!target->has_lost && *target->journal.etag && done > target->saved) {
		if (sys_fsync(target->file->fd) < 0)
			target->has_lost = true;
		target_save(target, done);
	}
	if (target->saved > 0) {
		/* Shows how much is there to whoever looks; the journal is what counts. */
		(void)!sys_ftruncate(target->file->fd, target->saved);
		return target->saved;
	}
	if (stays_anyway && done > 0)
		(void)!sys_ftruncate(target->file->fd, done);
	else
		remove_part(target);
	return 0;
}

/* A file that is replaced keeps its permissions, as it would if it were written over. */
static void keep_mode(const struct target *target)
{
	struct statx status;

	if (sys_statx_link(target->folder, target->name, STATX_TYPE | STATX_MODE, &status) == 0 &&
	    S_ISREG(status.stx_mode))
		(void)sys_fchmod(target->file->fd, status.stx_mode & 0777);
}

int target_commit(struct target *target, struct sluice_error *error)
{
	int result;

	keep_mode(target);
	result = sys_rename(target->folder, target->part, target->name);
	if (result < 0)
		return error_set_errno(error, -result, "renaming %.100s to %.100s", target->part,
				       target->name);
	sys_unlink(target->folder, target->state);
	result = target->sync ? sys_fsync(target->folder) : 0;
	/* EINVAL: this file system does not offer it for folders. */
	return result < 0 && result != -EINVAL
		       ? error_set_errno(error, -result, "syncing the folder of %.200s",
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
