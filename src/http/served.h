/* SPDX-License-Identifier: MIT */
/*
 * The served directory, by a name that may come to lead elsewhere: to another one, which a symbolic
 * link or a rename put there, or to what was mounted over it. Who looks something up in it holds a
 * reference, so that what has begun in the old one ends there.
 */
#ifndef SLUICE_HTTP_SERVED_H
#define SLUICE_HTTP_SERVED_H

#include <stdbool.h>
#include <stdint.h>

/* Constant but for the references, which are counted atomically. */
struct served_root {
	unsigned references;
	int fd; /* O_PATH */
	bool may_hang;
	uint64_t device, inode, mount;
};

struct served_name {
	char *path;
	int base; /* what a relative path begins at, wherever the process goes later */
};

/* Each returns 0 or -errno. */
int served_name_open(struct served_name *name, const char *path);
void served_name_close(struct served_name *name);

/* Finds what the name leads to; may wait for a file system. */
int served_root_open(const struct served_name *name, struct served_root **root);
struct served_root *served_root_take(struct served_root *root); /* another reference */
void served_root_release(struct served_root *root);             /* NULL is allowed */

/* Whether it is certain, without waiting for a file system, that the name leads there still. */
bool served_is_current(const struct served_name *name, const struct served_root *root);
bool served_is_same(const struct served_root *a, const struct served_root *b);

#endif
