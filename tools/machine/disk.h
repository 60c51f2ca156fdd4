/* SPDX-License-Identifier: MIT */
/*
 * The disk under a file or a directory, found through partitions, device mapper, md, loop devices
 * and overlays, and what its request queue tells.
 */
#ifndef SLUICE_MACHINE_DISK_H
#define SLUICE_MACHINE_DISK_H

#include <stdbool.h>
#include <stdint.h>

enum host_disk_kind {
	HOST_DISK_UNKNOWN,
	HOST_DISK_ROTATIONAL,
	HOST_DISK_SSD, /* SATA or SAS */
	HOST_DISK_NVME,
	HOST_DISK_MMC,     /* eMMC, SD */
	HOST_DISK_VIRTUAL, /* a hypervisor's: what is behind it is not told */
	HOST_DISK_NETWORK,
	HOST_DISK_MEMORY,
};

#define HOST_UNKNOWN (-1) /* of a figure that is not told */

struct host_disk {
	enum host_disk_kind kind;
	char name[64];    /* "vda", the whole disk; of several the first; "" where there is none */
	char layers[256]; /* what lies above it: "dm-0 on md1", "loop3 on /a.img"; "" for nothing */
	char model[64];
	unsigned disk_count; /* 1, or the members of a RAID; 0 where there is none */
	int64_t size_bytes;  /* of the device that the file system is on */
	/* of that device, too */
	int64_t read_ahead_bytes, dma_alignment_bytes, logical_block_bytes, physical_block_bytes;
	int64_t max_request_bytes;
	char write_cache[16]; /* "write back", "write through"; "" where not told */
	int64_t is_rotational, has_fua;
	/* of the disk at the bottom */
	char scheduler[32];
	int64_t queue_depth, hardware_queues;
	int64_t numa_node;
};

const char *host_disk_kind_name(enum host_disk_kind kind);

/*
 * Of an open file or directory. 0, or -errno where it could not be asked; where there is no block
 * device the kind says what there is instead, and name is "".
 */
int host_disk_of(int root, int fd, struct host_disk *disk);
/* -ENOENT where /sys does not know the device. */
int host_disk_of_device(int root, unsigned major, unsigned minor, struct host_disk *disk);

#endif
