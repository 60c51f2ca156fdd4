/* SPDX-License-Identifier: MIT */
/* The read-ahead of the block device that holds a file. */
#ifndef SLUICE_PAGECACHE_DEVICE_H
#define SLUICE_PAGECACHE_DEVICE_H

#include "sluice.h"

#include <sys/types.h>

#define DEVICE_NAME 64

struct device_ahead {
	char name[DEVICE_NAME]; /* "vda", or "0:52" where the kernel has no name for it */
	char file[128];         /* in /sys, that shows it and takes it */
	uint64_t bytes;
};

/* -ENODEV: the file system is not on one block device that the kernel names. */
int device_ahead_read(dev_t device, struct device_ahead *ahead, struct sluice_error *error);
/* Sets it for everybody, and reads back what came of it. bytes is a multiple of 1024. */
int device_ahead_set(struct device_ahead *ahead, uint64_t bytes, struct sluice_error *error);

#endif
