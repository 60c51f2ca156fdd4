/* SPDX-License-Identifier: MIT */
#include "landing/name.h"

#include "base/digest.h"
#include "base/sys.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { STEM_CUT = 200 };

bool name_is_of(int directory, const char *name, int fd)
{
	struct statx opened, named;

	return sys_statx(fd, STATX_INO, &opened) == 0 &&
	       sys_statx_link(directory, name, STATX_INO, &named) == 0 &&
	       opened.stx_ino == named.stx_ino && opened.stx_dev_major == named.stx_dev_major &&
	       opened.stx_dev_minor == named.stx_dev_minor;
}

int name_move_new(int directory, const char *name, const char *to)
{
	struct statx status;
	int result = sys_rename_new(directory, name, to);

	/* Not every file system can look and act at once. */
	if (result != -EINVAL && result != -ENOSYS)
		return result;
	if (sys_statx_link(directory, to, STATX_TYPE, &status) == 0)
		return -EEXIST;
	return sys_rename(directory, name, to);
}

/* -EEXIST: the name aside is taken. Then there is a gap between the look and the step. */
static int take(int directory, const char *name, const char *aside, int fd)
{
	int result =
		name_is_of(directory, name, fd) ? name_move_new(directory, name, aside) : -ESTALE;

	if (result < 0 || name_is_of(directory, aside, fd))
		return result;
	name_move_new(directory, aside, name);
	return -ESTALE;
}

int name_remove(int directory, const char *name, const char *aside, int fd)
{
	int result = take(directory, name, aside, fd);

	if (result == -EEXIST)
		return sys_unlink(directory, name);
	return result < 0 ? result : sys_unlink(directory, aside);
}

static int put(int directory, const char *name, const char *to, bool replaces)
{
	return replaces ? sys_rename(directory, name, to) : name_move_new(directory, name, to);
}

int name_move(int directory, const char *name, const char *aside, const char *to, int fd,
	      bool replaces)
{
	int result = take(directory, name, aside, fd);

	if (result == -EEXIST) {
		result = put(directory, name, to, replaces);
		return result < 0 || name_is_of(directory, to, fd) ? result : -ESTALE;
	}
	if (result < 0)
		return result;
	result = put(directory, aside, to, replaces);
	if (result < 0)
		name_move_new(directory, aside, name);
	return result;
}

void name_stem(char stem[NAME_STEM + 1], const char *name)
{
	int cut = STEM_CUT;

	if (strlen(name) <= NAME_STEM) {
		memcpy(stem, name, strlen(name) + 1);
		return;
	}
	while (((unsigned char)name[cut] & 0xc0) == 0x80) /* not within a character */
		cut--;
	snprintf(stem, NAME_STEM + 1, "%.*s~%016" PRIx64, cut, name,
		 digest_add(DIGEST_START, name, strlen(name)));
}
