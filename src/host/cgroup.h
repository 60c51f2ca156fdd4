/* SPDX-License-Identifier: MIT */
/*
 * What the control groups of this process leave it: its own group's limits and those of each group
 * above, as far as they are mounted here, in version 2 or 1.
 */
#ifndef SLUICE_HOST_CGROUP_H
#define SLUICE_HOST_CGROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct host_cgroup {
	unsigned version;     /* 1 or 2 */
	char directory[4096]; /* below the root: "sys/fs/cgroup/a/b" */
	size_t top;           /* length of the part where it is mounted */
};

/* The group that limits "memory" or "cpu" for this process; -ENOENT where there is none. */
int host_cgroup_find(int root, const char *controller, struct host_cgroup *group);
/* Goes to the group above; false at the top. */
bool host_cgroup_up(struct host_cgroup *group);

#define HOST_UNLIMITED UINT64_MAX

struct host_cgroup_memory {
	uint64_t limit_bytes;     /* the lowest on the way up; memory.max */
	uint64_t high_bytes;      /* likewise; above it the group is slowed down; memory.high */
	uint64_t available_bytes; /* what can still be had below both, cached files given up */
};

/* HOST_UNLIMITED where nothing limits. */
void host_cgroup_memory(int root, struct host_cgroup_memory *memory);
/* CPUs' worth of time in each period; 0 where nothing limits it. */
double host_cgroup_cores(int root);

#endif
