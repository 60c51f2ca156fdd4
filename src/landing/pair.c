/* SPDX-License-Identifier: MIT */
#include "landing/pair.h"

#include "base/error.h"
#include "base/sys.h"
#include "landing/name.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>

enum { PAIRS = 3 }; /* of names for part and state that are tried */

enum pair { FREE, OURS, FOREIGN };

/* NAME.part, NAME.2.part, ... */
static void name_pair(struct target *target, int number)
{
	char stem[NAME_STEM + 1], count[16] = "";

	name_stem(stem, target->name);
	if (number > 1)
		snprintf(count, sizeof(count), ".%d", number);
	snprintf(target->part, sizeof(target->part), "%s%s.part", stem, count);
	snprintf(target->state, sizeof(target->state), "%s%s.part.state", stem, count);
	snprintf(target->aside_name, sizeof(target->aside_name), "%s%s.part.aside", stem, count);
}

void pair_let_go(struct target *target)
{
	path_file_release(target->file);
	target->file = NULL;
	if (target->state_fd >= 0)
		sys_close(target->state_fd);
	target->state_fd = -1;
	journal_clear(&target->journal);
}

static int is_not_ours(struct target *target, int code, const char *why)
{
	snprintf(target->why, sizeof(target->why), "%s", why);
	return code;
}

/*
 * Opens a regular file that has no other name. Its descriptor, or -ENOENT, or another -errno with
 * the reason. What is no regular file is not even opened: a device may not like it.
 */
static int open_regular(struct target *target, const char *name)
{
	struct statx status = {0};
	char words[ERROR_WORDS];
	int fd;

	/* Where we cannot look, whoever makes a file will be told why. */
	if (sys_statx_link(target->directory, name, STATX_TYPE | STATX_NLINK, &status) < 0)
		return -ENOENT;
	if (!S_ISREG(status.stx_mode))
		return is_not_ours(target, -EINVAL, "it is not a regular file");
	if (status.stx_nlink > 1)
		return is_not_ours(target, -EMLINK, "it has another name, too");
	fd = sys_open(target->directory, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0);
	if (fd < 0)
		return is_not_ours(target, fd == -ENOENT ? -ESTALE : fd, error_words(-fd, words));
	if (name_is_of(target->directory, name, fd))
		return fd;
	sys_close(fd);
	return is_not_ours(target, -ESTALE, "it was replaced just now");
}

/* The part that its journal speaks of goes back to its name, and a journal goes. */
static void put_back(struct target *target, int fd)
{
	struct journal journal = {0};
	struct statx status;
	int state = open_regular(target, target->state);

	if (state >= 0 && journal_read(&journal, state) == 0 &&
	    sys_statx(fd, JOURNAL_STATX, &status) == 0 && journal_is_of(&journal, &status))
		(void)name_move_new(target->directory, target->aside_name, target->part);
	journal_clear(&journal);
	if (journal_read(&journal, fd) == 0 &&
	    name_is_of(target->directory, target->aside_name, fd))
		sys_unlink(target->directory, target->aside_name);
	journal_clear(&journal);
	if (state >= 0)
		sys_close(state);
}

/* A call that was killed between two steps left something aside. */
static void look_aside(struct target *target)
{
	int fd = open_regular(target, target->aside_name);

	if (fd < 0)
		return;
	if (sys_flock(fd, LOCK_EX | LOCK_NB) == 0)
		put_back(target, fd);
	sys_close(fd);
}

/* Fills file or nothing. 0, -EBUSY where another call has the part, or -errno with the reason. */
static int look_at_part(struct target *target)
{
	int fd = open_regular(target, target->part), result;

	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	result = sys_flock(fd, LOCK_EX | LOCK_NB) == -EWOULDBLOCK ? -EBUSY : 0;
	if (result == 0)
		result = path_file_open(&target->file, fd, true, true);
	if (result < 0)
		sys_close(fd);
	return result;
}

/* Fills state_fd and the journal, or one of them, or nothing. */
static int look_at_state(struct target *target)
{
	int result;

	target->state_fd = open_regular(target, target->state);
	if (target->state_fd < 0)
		return target->state_fd == -ENOENT ? 0 : target->state_fd;
	result = journal_read(&target->journal, target->state_fd);
	if (result == 0 || result == -ENODATA)
		return 0;
	return is_not_ours(target, result,
			   result == -EBADMSG ? "its checksum does not fit"
					      : "it is no journal of a version that is known");
}

static enum pair look_at_pair(struct target *target)
{
	struct statx status = {0};
	const char *why;

	if (!target->file)
		return FREE;
	if (sys_statx(target->file->fd, JOURNAL_STATX, &status) == 0 && status.stx_size == 0)
		return FREE; /* of no use to anybody */
	why = target->journal.url ? journal_compare(&target->journal, target->file->fd, &status)
				  : "it has no journal";
	return why ? (enum pair)is_not_ours(target, FOREIGN, why) : OURS;
}

static enum pair look(struct target *target, bool *is_busy)
{
	const char *name = target->part;
	enum pair pair = FOREIGN;
	int result;

	look_aside(target);
	result = look_at_part(target);
	*is_busy = result == -EBUSY;
	if (result == 0) {
		result = look_at_state(target);
		name = result < 0 ? target->state : target->part;
	}
	if (result == 0)
		pair = look_at_pair(target);
	if (pair == FOREIGN && !*target->aside)
		snprintf(target->aside, sizeof(target->aside), "%s is not ours (%s)", name,
			 target->why);
	return pair;
}

int pair_find(struct target *target, struct sluice_error *error)
{
	bool is_busy = false;
	int free = 0;

	for (int number = 1; number <= PAIRS; number++) {
		enum pair pair;

		name_pair(target, number);
		pair = look(target, &is_busy);
		if (is_busy)
			return error_set(error, EBUSY, "%s: another process is writing it",
					 target->part);
		if (pair == OURS)
			return 0;
		if (pair == FREE && free == 0)
			free = number;
		pair_let_go(target);
	}
	if (free == 0)
		return error_set(error, EEXIST,
				 "%s, nor is what has the %d names after it: move them away",
				 target->aside, PAIRS - 1);
	name_pair(target, free);
	return look(target, &is_busy) == FREE ? 0
					      : error_set(error, EBUSY,
							  "%s: another process "
							  "has just made it",
							  target->part);
}
