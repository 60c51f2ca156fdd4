/* SPDX-License-Identifier: MIT */
/* The mounts that this process sees: /proc/self/mountinfo, a line at a time. */
#ifndef SLUICE_HOST_MOUNTS_H
#define SLUICE_HOST_MOUNTS_H

#include "base/statx.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct host_mount {
	unsigned id, major, minor;
	/* Unescaped, in `line`: good until the next one is read. */
	const char *root, *point, *options, *type, *source, *super_options;
	char *line;
	size_t capacity;
};

FILE *host_mounts_open(int root);
/* The next mount into one that began as {0}; false at the end. host_mount_free frees it. */
bool host_mount_next(FILE *mounts, struct host_mount *mount);
void host_mount_free(struct host_mount *mount);

#define HOST_MOUNT_STATX (STATX_BASIC_STATS | STATX_MNT_ID)

/* Whether the file whose status this is, asked with HOST_MOUNT_STATX, is on this mount. */
bool host_mount_holds(const struct host_mount *mount, const struct statx *status);

/* Whether a list like "rw,memory" has the word; or the length of what follows "name=", and where.
 */
bool host_list_has(const char *list, const char *word);
const char *host_list_value(const char *list, const char *name, size_t *length);

#endif
