/* SPDX-License-Identifier: MIT */
#include "pagecache/holders.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>

static FILE *open_of(const char *pid, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%.20s/%s", pid, name);
	return fopen(path, "re");
}

/* A line that opens a mapping: "start-end rwxp offset major:minor inode path". */
static bool is_of_file(const char *line, dev_t device, ino_t inode)
{
	unsigned high, low;
	unsigned long long number;

	return sscanf(line, "%*x-%*x %*s %*x %x:%x %llu", &high, &low, &number) == 3 &&
	       high == major(device) && low == minor(device) && number == inode;
}

static bool opens_mapping(const char *line)
{
	return islower((unsigned char)*line) || isdigit((unsigned char)*line);
}

/* 1: mapped; 0: not; -errno: may not be seen, or the process has ended. */
static int maps_file(const char *pid, dev_t device, ino_t inode)
{
	FILE *maps = open_of(pid, "maps");
	char line[512];
	int found = 0;

	if (!maps)
		return -errno;
	errno = 0;
	while (!found && fgets(line, sizeof(line), maps))
		found = is_of_file(line, device, inode);
	if (!found && ferror(maps))
		found = -errno;
	fclose(maps);
	return found;
}

static void read_sizes(const char *pid, dev_t device, ino_t inode, struct holder *holder)
{
	FILE *smaps = open_of(pid, "smaps");
	bool is_ours = false;
	char line[512];

	while (smaps && fgets(line, sizeof(line), smaps)) {
		unsigned long long kib;

		if (opens_mapping(line))
			is_ours = is_of_file(line, device, inode);
		else if (is_ours && sscanf(line, "Rss: %llu", &kib) == 1)
			holder->resident_bytes += kib << 10;
		else if (is_ours && sscanf(line, "Locked: %llu", &kib) == 1)
			holder->locked_bytes += kib << 10;
	}
	if (smaps)
		fclose(smaps);
}

static void read_name(const char *pid, struct holder *holder)
{
	FILE *comm = open_of(pid, "comm");

	if (comm && fgets(holder->name, sizeof(holder->name), comm))
		holder->name[strcspn(holder->name, "\n")] = '\0';
	if (comm)
		fclose(comm);
}

static void look_at(const char *pid, dev_t device, ino_t inode, struct holders *holders)
{
	int found = maps_file(pid, device, inode);
	struct holder *holder;

	if (found == -EACCES || found == -EPERM)
		holders->hidden_count++;
	if (found <= 0 || holders->count++ >= HOLDERS_MAX)
		return;
	holder = &holders->list[holders->count - 1];
	holder->pid = (pid_t)strtol(pid, NULL, 10);
	read_name(pid, holder);
	read_sizes(pid, device, inode, holder);
}

/* The device as mappings name it; stat(2) tells another one on btrfs. */
static dev_t mapped_device(int fd, dev_t otherwise)
{
	void *page = mmap(NULL, 1, PROT_READ, MAP_SHARED, fd, 0);
	FILE *maps = page == MAP_FAILED ? NULL : open_of("self", "maps");
	unsigned long start;
	unsigned high, low;
	char line[512];

	while (maps && fgets(line, sizeof(line), maps))
		if (sscanf(line, "%lx-%*x %*s %*x %x:%x", &start, &high, &low) == 3 &&
		    start == (unsigned long)page)
			otherwise = makedev(high, low);
	if (maps)
		fclose(maps);
	if (page != MAP_FAILED)
		munmap(page, 1);
	return otherwise;
}

void holders_find(int fd, dev_t device, ino_t inode, struct holders *holders)
{
	DIR *directory = opendir("/proc");
	const struct dirent *entry;

	device = mapped_device(fd, device);
	*holders = (struct holders){0};
	while (directory && (entry = readdir(directory)))
		if (isdigit((unsigned char)entry->d_name[0]))
			look_at(entry->d_name, device, inode, holders);
	if (directory)
		closedir(directory);
}
