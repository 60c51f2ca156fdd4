/* SPDX-License-Identifier: MIT */
#include "landing/inherit.h"

#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#define ACL "system.posix_acl_access"

/* Returns whether the group is that of the old file. */
static bool take_owner(int fd, const struct statx *old)
{
	struct statx own;

	if (sys_statx(fd, STATX_UID | STATX_GID, &own) < 0)
		return false;
	if (own.stx_uid == old->stx_uid && own.stx_gid == old->stx_gid)
		return true;
	if (sys_fchown(fd, old->stx_uid, old->stx_gid) == 0)
		return true;
	return own.stx_gid == old->stx_gid || sys_fchown(fd, (uid_t)-1, old->stx_gid) == 0;
}

/* Returns whether what the list allows is the same now. */
static bool take_list(int fd, int directory, const char *name)
{
	char path[300], list[4096];
	int64_t size;

	snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", directory, name);
	size = sys_xattr_of_link(path, ACL, list, sizeof(list));
	if (size > 0)
		return sys_xattr_set(fd, ACL, list, (size_t)size) == 0;
	if (size < 0 && size != -ENODATA && size != -EOPNOTSUPP)
		return false; /* it may have one */
	/* Ours may have one from the directory. */
	size = sys_xattr_remove(fd, ACL);
	return size == 0 || size == -ENODATA || size == -EOPNOTSUPP;
}

void inherit_access(int fd, int directory, const char *name, bool is_final)
{
	struct statx old;
	bool has_group, has_list;
	mode_t mode;

	if (sys_statx_link(directory, name, STATX_BASIC_STATS, &old) < 0 || !S_ISREG(old.stx_mode))
		return;
	has_group = take_owner(fd, &old);
	has_list = take_list(fd, directory, name);
	mode = old.stx_mode & 0777;
	if (!has_group || !has_list)
		mode &= 0707 | (mode & 07) << 3;
	(void)sys_fchmod(fd, is_final ? mode : mode | 0600);
}
