/* SPDX-License-Identifier: MIT */
#include "tune/gather.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "base/sys.h"
#include "host/memory.h"
#include "host/read.h"
#include "machine/cpu.h"
#include "machine/disk.h"
#include "machine/network.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>

static enum tune_disk kind_of(const struct host_disk *disk)
{
	switch (disk->kind) {
	case HOST_DISK_ROTATIONAL:
		return disk->disk_count > 1 ? TUNE_DISK_RAID : TUNE_DISK_HDD;
	case HOST_DISK_SSD:
		return TUNE_DISK_SSD;
	case HOST_DISK_NVME:
		return TUNE_DISK_NVME;
	case HOST_DISK_MMC:
		return TUNE_DISK_EMMC;
	case HOST_DISK_VIRTUAL:
		return TUNE_DISK_VIRTUAL;
	case HOST_DISK_NETWORK:
		return TUNE_DISK_NETWORK;
	default:
		return TUNE_DISK_UNKNOWN;
	}
}

/*
 * The block device whose read-ahead the file system uses: the one it is on, not the disks below it;
 * of a partition, its disk.
 */
static bool device_of(int root, dev_t number, char *device, size_t size)
{
	char path[64], link[PATH_MAX], partition[PATH_MAX];
	ssize_t length;
	uint64_t ignored;
	char *last;

	snprintf(path, sizeof(path), "sys/dev/block/%u:%u", major(number), minor(number));
	length = readlinkat(root, path, link, sizeof(link) - 1);
	if (length <= 0)
		return false;
	link[length] = '\0';
	snprintf(partition, sizeof(partition), "%s/partition", path);
	if (host_read_number(root, partition, &ignored) == 0) {
		last = strrchr(link, '/');
		if (!last)
			return false;
		*last = '\0';
	}
	last = strrchr(link, '/');
	host_copy(device, size, last ? last + 1 : link);
	return true;
}

static int gather_disk(struct tune_facts *facts, int root, const char *directory,
		       struct sluice_error *error)
{
	_cleanup_fd_ int fd = sys_open(AT_FDCWD, directory, O_RDONLY | O_DIRECTORY, 0);
	struct host_disk disk;
	struct stat status;
	int result = fd < 0 ? fd : host_disk_of(root, fd, &disk);

	if (result < 0)
		return error_set_errno(error, -result, "cannot look at the disk under %s",
				       directory);
	if (disk.kind == HOST_DISK_MEMORY)
		return error_set(error, ENODEV,
				 "%s is in memory: choose a directory on the disk to tune for with "
				 "--folder",
				 directory);
	facts->disk = kind_of(&disk);
	if (fstat(fd, &status) < 0 ||
	    !device_of(root, status.st_dev, facts->device, sizeof(facts->device)))
		host_copy(facts->device, sizeof(facts->device), disk.name);
	return 0;
}

static enum tune_swap swap_on(int root, const char *path)
{
	struct host_disk disk;
	struct stat status;
	dev_t number;

	if (strstr(path, "/zram"))
		return TUNE_SWAP_ZRAM;
	if (stat(path, &status) < 0)
		return TUNE_SWAP_UNKNOWN;
	number = S_ISBLK(status.st_mode) ? status.st_rdev : status.st_dev;
	if (host_disk_of_device(root, major(number), minor(number), &disk) < 0)
		return TUNE_SWAP_UNKNOWN;
	return disk.kind == HOST_DISK_ROTATIONAL ? TUNE_SWAP_HDD : TUNE_SWAP_FLASH;
}

/* Of several, the one that is filled first: the highest priority. */
static enum tune_swap swap_of(int root)
{
	FILE *file = host_open(root, "proc/swaps");
	char line[PATH_MAX + 128], path[PATH_MAX];
	enum tune_swap swap = TUNE_SWAP_NONE;
	int priority, highest = INT_MIN;

	if (!file)
		return errno == ENOENT ? TUNE_SWAP_NONE : TUNE_SWAP_UNKNOWN;
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%4095s %*s %*u %*u %d", path, &priority) != 2 ||
		    priority <= highest)
			continue;
		highest = priority;
		swap = swap_on(root, path);
	}
	fclose(file);
	return swap;
}

static uint64_t network_rate(int root)
{
	struct host_network network;
	const struct host_link *link;
	uint64_t rate = 0;

	if (host_network_read(root, &network) < 0)
		return 0;
	link = host_network_default(&network);
	if (link)
		rate = link->speed_bits_per_second;
	host_network_free(&network);
	return rate;
}

int tune_gather(struct tune_facts *facts, int root, const char *directory,
		struct sluice_error *error)
{
	struct host_memory memory;
	struct host_cpu *cpu = malloc(sizeof(*cpu));

	memset(facts, 0, sizeof(*facts));
	if (!cpu)
		return error_set(error, ENOMEM, "no memory to look at this machine");
	host_cpu_read(root, cpu);
	facts->cores = cpu->online;
	free(cpu);
	host_memory_read(root, &memory);
	facts->memory_bytes = memory.total_bytes;
	facts->available_bytes = memory.free_bytes;
	facts->swap = swap_of(root);
	facts->network_bits_per_second = network_rate(root);
	return gather_disk(facts, root, directory, error);
}

int tune_free_space(const char *directory, uint64_t *bytes, struct sluice_error *error)
{
	struct statvfs status;

	if (statvfs(directory, &status) < 0)
		return error_set_errno(error, errno, "cannot see how much is free in %s",
				       directory);
	*bytes = (uint64_t)status.f_bavail * status.f_frsize;
	return 0;
}
