/* SPDX-License-Identifier: MIT */
/* What the advice follows from. Pure: see gather.h for this machine's, parse.h for another's. */
#ifndef SLUICE_TUNE_FACTS_H
#define SLUICE_TUNE_FACTS_H

#include <stdbool.h>
#include <stdint.h>

enum tune_disk {
	TUNE_DISK_UNKNOWN,
	TUNE_DISK_HDD,
	TUNE_DISK_RAID, /* of HDDs */
	TUNE_DISK_SSD,
	TUNE_DISK_NVME,
	TUNE_DISK_EMMC,
	TUNE_DISK_VIRTUAL,
	TUNE_DISK_NETWORK,
	TUNE_DISK_COUNT,
};

enum tune_swap {
	TUNE_SWAP_UNKNOWN,
	TUNE_SWAP_NONE,
	TUNE_SWAP_ZRAM,
	TUNE_SWAP_FLASH,
	TUNE_SWAP_HDD,
	TUNE_SWAP_COUNT,
};

/* 0 is "unknown" in every number. */
struct tune_facts {
	unsigned cores;
	uint64_t memory_bytes;
	uint64_t available_bytes; /* what the kernel's ratios are of */
	enum tune_disk disk;
	uint64_t disk_bytes_per_second; /* of write-back */
	bool is_disk_measured;
	char device[32]; /* as in /sys/block; "" where there is none to set */
	uint64_t network_bits_per_second;
	double round_trip_seconds;
	enum tune_swap swap;
};

const char *tune_disk_name(enum tune_disk disk); /* "nvme", as --disk takes it */
const char *tune_swap_name(enum tune_swap swap);

#endif
