/* SPDX-License-Identifier: MIT */
#include "host/cgroup.h"

#include "base/size.h"
#include "host/mounts.h"
#include "host/read.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The path behind "ID:CONTROLLERS:PATH", if that is the hierarchy; else NULL. */
static char *path_in_line(char *line, const char *controller, unsigned *version)
{
	char *controllers = strchr(line, ':');
	char *path = controllers ? strchr(++controllers, ':') : NULL;

	if (!path)
		return NULL;
	*path++ = '\0';
	path[strcspn(path, "\n")] = '\0';
	*version = *controllers ? 1 : 2;
	return *version == 2 || host_list_has(controllers, controller) ? path : NULL;
}

/* A controller is in one hierarchy only: where a version 1 has it, version 2 does not. */
static int own_path(int root, const char *controller, char path[4096], unsigned *version)
{
	FILE *file = host_open(root, "proc/self/cgroup");
	char *line = NULL;
	size_t capacity = 0;

	*version = 0;
	while (file && *version != 1 && getline(&line, &capacity, file) >= 0) {
		unsigned found;
		const char *place = path_in_line(line, controller, &found);

		if (place && strlen(place) < 4096) {
			strcpy(path, place);
			*version = found;
		}
	}
	free(line);
	if (file)
		fclose(file);
	return *version ? 0 : -ENOENT;
}

static bool is_mount_of(const struct host_mount *mount, const char *controller, unsigned version)
{
	if (version == 2)
		return strcmp(mount->type, "cgroup2") == 0;
	return strcmp(mount->type, "cgroup") == 0 &&
	       host_list_has(mount->super_options, controller);
}

/* What is left of path below a mount that shows the hierarchy from `root` on; NULL: not below it.
 */
static const char *path_below(const char *root, const char *path)
{
	size_t length = strcmp(root, "/") == 0 ? 0 : strlen(root);

	if (strncmp(root, path, length) != 0 || (path[length] != '/' && path[length] != '\0'))
		return NULL;
	return strstr(path, "/../") || strcmp(path, "/..") == 0 ? NULL : path + length;
}

/* A container may see only its own part of the hierarchy, and its path from outside. */
static int place(struct host_cgroup *group, const struct host_mount *mount, const char *path)
{
	const char *below = path_below(mount->root, path);
	int length = snprintf(group->directory, sizeof(group->directory), "%s%s", mount->point + 1,
			      below ? below : "");

	if (length >= (int)sizeof(group->directory))
		return -ENAMETOOLONG;
	group->top = strlen(mount->point + 1);
	while ((size_t)length > group->top && group->directory[length - 1] == '/')
		group->directory[--length] = '\0';
	return below ? 1 : 0;
}

int host_cgroup_find(int root, const char *controller, struct host_cgroup *group)
{
	struct host_mount mount = {0};
	char path[4096];
	int status = own_path(root, controller, path, &group->version);
	FILE *mounts = status == 0 ? host_mounts_open(root) : NULL;

	status = -ENOENT;
	while (mounts && status != 1 && host_mount_next(mounts, &mount))
		if (is_mount_of(&mount, controller, group->version))
			status = place(group, &mount, path);
	host_mount_free(&mount);
	if (mounts)
		fclose(mounts);
	return status < 0 ? status : 0;
}

bool host_cgroup_up(struct host_cgroup *group)
{
	char *slash = strrchr(group->directory, '/');

	if (!slash || (size_t)(slash - group->directory) < group->top)
		return false;
	*slash = '\0';
	return true;
}

static int read_file(int root, const struct host_cgroup *group, const char *name, char *text,
		     size_t size)
{
	char path[sizeof(group->directory) + 64];

	snprintf(path, sizeof(path), "%s/%s", group->directory, name);
	return host_read(root, path, text, size);
}

/* "max", a missing file and one that cannot be read limit nothing that we could know of. */
static uint64_t read_limit(int root, const struct host_cgroup *group, const char *name)
{
	char text[32], *end;
	uint64_t value;

	if (read_file(root, group, name, text, sizeof(text)) <= 0)
		return HOST_UNLIMITED;
	value = strtoull(text, &end, 10);
	/* Version 1 says "none" as the largest multiple of a page. */
	return end == text || *end || value >= (uint64_t)INT64_MAX - MIB ? HOST_UNLIMITED : value;
}

/*
 * What the group uses and could not give back: not its cached files (after write-back), nor the
 * kernel's caches for it. Shared memory counts as used.
 */
static uint64_t held_bytes(int root, const struct host_cgroup *group)
{
	static const char *const words[2][3] = {
		{"total_active_file", "total_inactive_file", NULL},
		{"active_file", "inactive_file", "slab_reclaimable"},
	};
	const char *const *word = words[group->version - 1];
	char stat[8192];
	uint64_t used = read_limit(
		root, group, group->version == 2 ? "memory.current" : "memory.usage_in_bytes");
	uint64_t value;

	if (used == HOST_UNLIMITED || read_file(root, group, "memory.stat", stat, sizeof(stat)) < 0)
		return used == HOST_UNLIMITED ? 0 : used;
	for (int i = 0; i < 3 && word[i]; i++)
		if (host_field(stat, word[i], &value))
			used -= size_min(value, used);
	return used;
}

static void apply(int root, const struct host_cgroup *group, struct host_cgroup_memory *memory)
{
	bool is_v2 = group->version == 2;
	uint64_t limit = read_limit(root, group, is_v2 ? "memory.max" : "memory.limit_in_bytes");
	uint64_t high = is_v2 ? read_limit(root, group, "memory.high") : HOST_UNLIMITED;
	uint64_t lower = size_min(limit, high), held;

	memory->limit_bytes = size_min(memory->limit_bytes, limit);
	memory->high_bytes = size_min(memory->high_bytes, high);
	if (lower == HOST_UNLIMITED)
		return;
	held = held_bytes(root, group);
	memory->available_bytes =
		size_min(memory->available_bytes, lower > held ? lower - held : 0);
}

void host_cgroup_memory(int root, struct host_cgroup_memory *memory)
{
	struct host_cgroup group;

	*memory = (struct host_cgroup_memory){HOST_UNLIMITED, HOST_UNLIMITED, HOST_UNLIMITED};
	if (host_cgroup_find(root, "memory", &group) < 0)
		return;
	do
		apply(root, &group, memory);
	while (host_cgroup_up(&group));
}

/* "50000 100000" or "max 100000" in version 2; two files, -1 for none, in version 1. */
static double cores_of(int root, const struct host_cgroup *group)
{
	char text[64], period[32];
	double quota, length;

	if (group->version == 2) {
		if (read_file(root, group, "cpu.max", text, sizeof(text)) < 0)
			return 0;
	} else {
		int used = read_file(root, group, "cpu.cfs_quota_us", text, 32);

		if (used < 0 ||
		    read_file(root, group, "cpu.cfs_period_us", period, sizeof(period)) < 0)
			return 0;
		snprintf(text + used, sizeof(text) - (size_t)used, " %s", period);
	}
	if (sscanf(text, "%lf %lf", &quota, &length) != 2 || quota <= 0 || length <= 0)
		return 0;
	return quota / length;
}

double host_cgroup_cores(int root)
{
	struct host_cgroup group;
	double lowest = 0;

	if (host_cgroup_find(root, "cpu", &group) < 0)
		return 0;
	do {
		double cores = cores_of(root, &group);

		if (cores > 0 && (lowest == 0 || cores < lowest))
			lowest = cores;
	} while (host_cgroup_up(&group));
	return lowest;
}
