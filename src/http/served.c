/* SPDX-License-Identifier: MIT */
#include "http/served.h"

#include "base/cleanup.h"
#include "base/statx.h"
#include "base/sys.h"
#include "host/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#ifndef RESOLVE_CACHED
#define RESOLVE_CACHED 0x20 /* Linux 5.12 */
#endif

int served_name_open(struct served_name *name, const char *path)
{
	int base = sys_open(AT_FDCWD, ".", O_PATH | O_DIRECTORY, 0);

	/* Who may not even name where it is can still give an absolute path. */
	name->base = base < 0 ? AT_FDCWD : base;
	name->path = strdup(path);
	return name->path ? 0 : -ENOMEM;
}

void served_name_close(struct served_name *name)
{
	free(name->path);
	if (name->base >= 0)
		sys_close(name->base);
}

/* Asks no other machine: what makes two directories different never changes. */
static int identify(struct served_root *root)
{
	struct statx status;
	int result = sys_statx_known(root->fd, "", STATX_TYPE | STATX_INO | STATX_MNT_ID, &status);

	if (result < 0)
		return result;
	root->device = (uint64_t)status.stx_dev_major << 32 | status.stx_dev_minor;
	root->inode = status.stx_ino;
	if (status.stx_mask & STATX_MNT_ID)
		root->mount = statx_more(&status).mount_id;
	return 0;
}

int served_root_open(const struct served_name *name, struct served_root **out)
{
	_cleanup_fd_ int fd = sys_open(name->base, name->path, O_PATH | O_DIRECTORY, 0);
	struct served_root *root;
	int result;

	if (fd < 0)
		return fd;
	root = malloc(sizeof(*root));
	if (!root)
		return -ENOMEM;
	*root = (struct served_root){.references = 1, .fd = fd};
	result = identify(root);
	if (result < 0) {
		free(root);
		return result;
	}
	root->may_hang = host_file_storage(fd).may_hang;
	(void)take_fd(&fd);
	*out = root;
	return 0;
}

struct served_root *served_root_take(struct served_root *root)
{
	__atomic_add_fetch(&root->references, 1, __ATOMIC_RELAXED);
	return root;
}

void served_root_release(struct served_root *root)
{
	if (!root || __atomic_sub_fetch(&root->references, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	sys_close(root->fd);
	free(root);
}

bool served_is_same(const struct served_root *a, const struct served_root *b)
{
	return a->device == b->device && a->inode == b->inode && a->mount == b->mount;
}

bool served_is_current(const struct served_name *name, const struct served_root *root)
{
	const struct open_how how = {
		.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
		.resolve = RESOLVE_CACHED,
	};
	struct served_root now = {.fd = sys_openat2(name->base, name->path, &how)};
	bool is_same;

	if (now.fd < 0)
		return false;
	is_same = identify(&now) == 0 && served_is_same(&now, root);
	sys_close(now.fd);
	return is_same;
}
