/* SPDX-License-Identifier: MIT */
#include "pagecache/device.h"

#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static int read_kib(const char *file, uint64_t *bytes)
{
	FILE *opened = fopen(file, "re");
	unsigned long long kib;
	int found;

	if (!opened)
		return -errno;
	found = fscanf(opened, "%llu", &kib);
	fclose(opened);
	if (found != 1)
		return -EIO;
	*bytes = (uint64_t)kib << 10;
	return 0;
}

/* The disk's name: of a partition, which has no queue of its own, that of the disk around it. */
static void name_disk(unsigned high, unsigned low, bool is_partition, char name[DEVICE_NAME])
{
	char link[96], *real;

	snprintf(link, sizeof(link), "/sys/dev/block/%u:%u%s", high, low,
		 is_partition ? "/.." : "");
	real = realpath(link, NULL);
	snprintf(name, DEVICE_NAME, "%.60s", real ? strrchr(real, '/') + 1 : "?");
	free(real);
}

int device_ahead_read(dev_t device, struct device_ahead *ahead, struct sluice_error *error)
{
	unsigned high = major(device), low = minor(device);
	char partition[96];
	int result;

	snprintf(partition, sizeof(partition), "/sys/dev/block/%u:%u/partition", high, low);
	if (high == 0) {
		/* A network file system has its own; btrfs and overlayfs have none by this number.
		 */
		snprintf(ahead->file, sizeof(ahead->file), "/sys/class/bdi/0:%u/read_ahead_kb",
			 low);
		snprintf(ahead->name, sizeof(ahead->name), "0:%u", low);
	} else {
		bool is_partition = access(partition, F_OK) == 0;

		snprintf(ahead->file, sizeof(ahead->file),
			 "/sys/dev/block/%u:%u/%squeue/read_ahead_kb", high, low,
			 is_partition ? "../" : "");
		name_disk(high, low, is_partition, ahead->name);
	}
	result = read_kib(ahead->file, &ahead->bytes);
	if (result == -ENOENT)
		return error_set(error, ENODEV,
				 "its file system is not on one block device that the kernel "
				 "shows (device %u:%u): the read-ahead is unknown",
				 high, low);
	return result < 0 ? error_set_errno(error, -result, "%s", ahead->file) : 0;
}

static int write_kib(const char *file, uint64_t bytes)
{
	int fd = open(file, O_WRONLY | O_CLOEXEC), result = 0;

	if (fd < 0)
		return -errno;
	if (dprintf(fd, "%llu", (unsigned long long)(bytes >> 10)) < 0)
		result = -errno;
	close(fd);
	return result;
}

int device_ahead_set(struct device_ahead *ahead, uint64_t bytes, struct sluice_error *error)
{
	int result = write_kib(ahead->file, bytes);

	if (result == -EACCES || result == -EPERM)
		return error_set(error, -result, "%s may be written by root only: run it as root",
				 ahead->file);
	if (result == -EROFS)
		return error_set(error, -result,
				 "%s is read-only here, as in a container: set it on the host",
				 ahead->file);
	if (result < 0)
		return error_set_errno(error, -result, "%s", ahead->file);
	result = read_kib(ahead->file, &ahead->bytes);
	return result < 0 ? error_set_errno(error, -result, "%s", ahead->file) : 0;
}
