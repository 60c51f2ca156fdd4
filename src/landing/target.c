/* SPDX-License-Identifier: MIT */
#include "landing/target.h"

#include "base/error.h"
#include "base/sys.h"
#include "landing/inherit.h"
#include "landing/name.h"
#include "landing/pair.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>

static bool has_part_name(const struct target *target)
{
	return name_is_of(target->directory, target->part, target->file->fd);
}

static bool has_state_name(const struct target *target)
{
	return target->state_fd >= 0 &&
	       name_is_of(target->directory, target->state, target->state_fd);
}

static void remove_state(const struct target *target)
{
	if (target->state_fd >= 0)
		(void)name_remove(target->directory, target->state, target->aside_name,
				  target->state_fd);
}

static void remove_part(const struct target *target)
{
	(void)name_remove(target->directory, target->part, target->aside_name, target->file->fd);
	remove_state(target);
}

/* Names */

static int open_directory(struct target *target, const char *path, struct sluice_error *error)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	char directory[4096];

	if (*name == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return error_set(error, EISDIR, "%s is a directory: name a file", path);
	if (strlen(name) >= sizeof(target->name) || (size_t)(name - path) >= sizeof(directory))
		return error_set(error, ENAMETOOLONG, "%s: name too long (at most %d bytes)", path,
				 (int)sizeof(target->name) - 1);
	snprintf(directory, sizeof(directory), "%.*s", (int)(name - path), path);
	snprintf(target->name, sizeof(target->name), "%s", name);
	target->directory =
		sys_open(AT_FDCWD, *directory ? directory : ".", O_RDONLY | O_DIRECTORY, 0);
	if (target->directory < 0)
		return error_set_errno(error, -target->directory, "cannot open the directory of %s",
				       path);
	return 0;
}

/* What can be replaced by another file: nothing, a file, or a symbolic link. */
static int check_name(const struct target *target, const char *path, struct sluice_error *error)
{
	struct statx status;

	if (sys_statx_at(target->directory, target->name, STATX_TYPE, &status) == 0 &&
	    S_ISDIR(status.stx_mode))
		return error_set(error, EISDIR, "%s is a directory: name a file", path);
	if (sys_statx_link(target->directory, target->name, STATX_TYPE, &status) == 0 &&
	    !S_ISREG(status.stx_mode) && !S_ISLNK(status.stx_mode))
		return error_set(error, EEXIST, "%s is no regular file any more: name another",
				 path);
	return 0;
}

/* What can be continued */

/*
 * Links that are handed out anew may have another signature each time, which is in the query. A tag
 * tells whether the file is the same.
 */
static bool is_of_url(const struct journal *journal, const char *url)
{
	size_t length = strcspn(url, "?");

	return strcmp(journal->url, url) == 0 ||
	       (!journal->validator.is_date && length == strcspn(journal->url, "?") &&
		strncmp(journal->url, url, length) == 0);
}

/* All but what an update of the file that is there needs. */
static void forget(struct journal *journal)
{
	uint64_t rest_digest = journal->rest_digest;

	journal_clear(journal);
	journal->rest_digest = rest_digest;
}

/* What can be continued is left in the journal. */
static void take_over(struct target *target)
{
	struct journal *journal = &target->journal;

	target->saved = journal->done;
	journal->done = journal_usable(journal);
	if (target->file && target->file->status.stx_size > 0 && journal->done.count > 0 &&
	    *journal->validator.text && is_of_url(journal, target->url))
		return;
	target->had_part = target->file && target->file->status.stx_size > 0;
	forget(journal);
}

int target_open(struct target *target, const char *path, const char *url,
		struct sluice_error *error)
{
	int result;

	*target = (struct target){.url = strdup(url), .directory = -1, .state_fd = -1};
	if (!target->url)
		return error_set_errno(error, ENOMEM, "%s", path);
	result = open_directory(target, path, error);
	if (result == 0)
		result = check_name(target, path, error);
	if (result == 0)
		result = pair_find(target, error);
	if (result == 0)
		take_over(target);
	return result;
}

/* The part becomes ours */

static int make_part(struct target *target, struct sluice_error *error)
{
	struct statx status;
	bool is_private =
		sys_statx_link(target->directory, target->name, STATX_TYPE, &status) == 0 &&
		S_ISREG(status.stx_mode);
	char words[ERROR_WORDS];
	int fd, result;

	/* What takes the place of a file gets its permissions before any byte. */
	fd = sys_open(target->directory, target->part, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW,
		      is_private ? 0600 : 0666);
	if (fd == -EEXIST)
		return error_set(error, EBUSY, "%s: another process has just made it: run again",
				 target->part);
	if (fd < 0)
		return error_set_errno(error, -fd, "cannot write %s", target->part);
	result = sys_flock(fd, LOCK_EX | LOCK_NB) == -EWOULDBLOCK ? -EBUSY : 0;
	if (result == 0)
		result = path_file_open(&target->file, fd, true, true);
	if (result == 0)
		return 0;
	sys_close(fd);
	return error_set(error, -result, "%s: %s", target->part,
			 result == -EBUSY ? "another process is writing it"
					  : error_words(-result, words));
}

/* Whether it is still what we looked at before the server was asked. */
static int check_part(const struct target *target, struct sluice_error *error)
{
	if (has_part_name(target) && path_file_has_changed(target->file) == 0)
		return 0;
	return error_set(error, EBUSY, "%s was changed or replaced meanwhile: run again",
			 target->part);
}

static int update_state(struct target *target)
{
	int result = journal_update(&target->journal, target->state_fd);

	return result == 0 ? sys_fdatasync(target->state_fd) : result;
}

/* Makes the state where there is none of ours; never over another's. */
static int make_state(struct target *target)
{
	struct statx status;
	int result = sys_statx(target->file->fd, JOURNAL_STATX, &status);

	if (result < 0)
		return result;
	journal_set_part(&target->journal, &status);
	if (!has_state_name(target)) {
		if (target->state_fd >= 0)
			sys_close(target->state_fd);
		/* Its URL may hold a secret. */
		target->state_fd = sys_open(target->directory, target->state,
					    O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
	}
	return target->state_fd < 0 ? target->state_fd
				    : journal_write(&target->journal, target->state_fd);
}

/* The journal never claims more than the part has: it is brought down before the part is cut. */
static int cut(struct target *target, const struct intervals *keep)
{
	struct journal *journal = &target->journal;
	int result;

	journal_set_done(journal, keep);
	*journal->modified = '\0';
	result = journal_take_sample(journal, target->file->fd);
	if (result == 0 && target->saved.count > 0)
		result = update_state(target);
	if (result < 0)
		return result;
	target->is_begun = true;
	target->saved = journal->done;
	result = sys_ftruncate(target->file->fd, intervals_end(&journal->done));
	if (result == 0 && journal->done.count == 0)
		result = make_state(target);
	return result;
}

static int begin(struct target *target, const struct intervals *keep, struct sluice_error *error)
{
	int result;

	free(target->journal.url);
	target->journal.url = strdup(target->url);
	result = target->journal.url ? cut(target, keep) : -ENOMEM;
	return result < 0
		       ? error_set_errno(error, -result, "cannot write %s, which continuing needs",
					 target->state)
		       : 0;
}

void target_set_source(struct target *target, const struct validator *validator, uint64_t size)
{
	forget(&target->journal);
	target->journal.validator = *validator;
	target->journal.size = size;
}

int target_create(struct target *target, const struct intervals *keep, struct sluice_error *error)
{
	int result = target->file ? check_part(target, error) : make_part(target, error);

	if (result < 0)
		return result;
	target->is_ours = true;
	inherit_access(target->file->fd, target->directory, target->name, false);
	return begin(target, keep, error);
}

int target_start_over(struct target *target, struct sluice_error *error)
{
	return begin(target, &(struct intervals){0}, error);
}

/* What is there is remembered */

/* Not the file's own name alone must outlast a power cut, but that of its journal, too. */
static void sync_names(struct target *target)
{
	if (target->sync && !target->has_synced_names)
		target->has_synced_names = sys_fsync(target->directory) == 0;
}

int target_save(struct target *target, const struct intervals *done)
{
	struct journal *journal = &target->journal;
	char sample[sizeof(journal->sample)];
	int result = sys_fdatasync(target->file->fd);

	if (result < 0) {
		target->has_lost = true;
		return result;
	}
	sync_names(target);
	memcpy(sample, journal->sample, sizeof(sample));
	journal_set_done(journal, done);
	if (journal_take_sample(journal, target->file->fd) == 0 && update_state(target) == 0) {
		target->saved = journal->done;
	} else {
		journal->done = target->saved;
		memcpy(journal->sample, sample, sizeof(sample));
	}
	return 0;
}

/* Puts it down so that the next call can see that nobody touched it. */
static void put_down(struct target *target)
{
	int fd = target->file->fd;
	struct statx status;
	struct timespec now;

	/* Shows how much is there to whoever looks; the journal is what counts. */
	(void)!sys_ftruncate(fd, intervals_end(&target->saved));
	/* Seconds that are even are what every file system can keep. */
	clock_gettime(CLOCK_REALTIME, &now);
	(void)sys_set_modified(fd, (struct timespec){.tv_sec = now.tv_sec & ~(time_t)1});
	if (sys_fsync(fd) < 0 || sys_statx(fd, JOURNAL_STATX, &status) < 0)
		return;
	journal_set_modified(&target->journal, &status);
	(void)update_state(target);
}

static void say_what_is_there(const struct target *target, struct sluice_error *error)
{
	const struct intervals *saved = &target->saved;

	error_append(error, "; %s has %s%" PRIu64 " bytes: run the same command again to continue",
		     target->part,
		     intervals_prefix(saved) == intervals_end(saved) ? "the first " : "",
		     intervals_total(saved));
}

void target_keep(struct target *target, const struct intervals *done, bool stays_anyway,
		 struct sluice_error *error)
{
	bool has_saved = target->saved.count > 0;

	if (!target->is_ours)
		return;
	if (!has_part_name(target)) {
		error_append(error, "; %s was removed or replaced meanwhile", target->part);
		remove_state(target);
	} else if (has_saved &&
		   (!target->is_begun || has_state_name(target) || make_state(target) == 0)) {
		if (target->is_begun)
			put_down(target);
		say_what_is_there(target, error);
	} else if (has_saved || (stays_anyway && done->count > 0)) {
		(void)!sys_ftruncate(target->file->fd, intervals_end(done));
		error_append(error, "; %s is left, but cannot be continued", target->part);
	} else {
		remove_part(target);
		if (done->count > 0)
			error_append(error, "; %s was removed, as it cannot be continued",
				     target->part);
	}
}

void target_set_aside(struct target *target, struct sluice_error *error)
{
	if (!target->is_ours)
		return;
	if (has_part_name(target))
		error_append(error, "; %s is left, and is not continued", target->part);
	else
		error_append(error, "; %s was removed or replaced meanwhile", target->part);
	remove_state(target);
}

/* The part becomes NAME */

/* What has our part's name is left alone; our journal does not speak of it. */
static int was_replaced(struct target *target, struct sluice_error *error)
{
	remove_state(target);
	target->is_ours = false;
	return error_set(error, EBUSY,
			 "%s was changed, moved or replaced by another program: run again",
			 target->part);
}

static int give_name(struct target *target, struct sluice_error *error)
{
	int result = name_move(target->directory, target->part, target->aside_name, target->name,
			       target->file->fd, !target->keeps_existing);

	if (result == -ESTALE)
		return was_replaced(target, error);
	if (result == -EEXIST)
		return error_set(error, EEXIST, "%s is there by now, and stays as it is",
				 target->name);
	return result < 0 ? error_set_errno(error, -result, "renaming %s to %s", target->part,
					    target->name)
			  : 0;
}

int target_commit(struct target *target, uint64_t size, struct sluice_error *error)
{
	struct statx status;
	int result = check_name(target, target->name, error);

	if (result < 0)
		return result;
	if (sys_statx(target->file->fd, STATX_SIZE | STATX_NLINK, &status) < 0 ||
	    status.stx_size != size || !has_part_name(target))
		return was_replaced(target, error);
	inherit_access(target->file->fd, target->directory, target->name, true);
	result = give_name(target, error);
	if (result < 0)
		return result;
	target->is_ours = false; /* it is the user's */
	/* A rename between two names of one file does nothing. */
	if (status.stx_nlink > 1)
		(void)name_remove(target->directory, target->aside_name, target->part,
				  target->file->fd);
	remove_state(target);
	result = target->sync ? sys_fsync(target->directory) : 0;
	/* EINVAL: this file system does not offer it for directories. */
	return result < 0 && result != -EINVAL
		       ? error_set_errno(error, -result, "syncing the directory of %s",
					 target->name)
		       : 0;
}

void target_close(struct target *target)
{
	pair_let_go(target);
	if (target->directory >= 0)
		sys_close(target->directory);
	target->directory = -1;
	free(target->url);
	target->url = NULL;
}
