/* SPDX-License-Identifier: MIT */
#include "tune/facts.h"

const char *tune_disk_name(enum tune_disk disk)
{
	static const char *const names[TUNE_DISK_COUNT] = {
		"unknown", "hdd", "raid", "ssd", "nvme", "emmc", "virtual", "network",
	};

	return disk < TUNE_DISK_COUNT ? names[disk] : "unknown";
}

const char *tune_swap_name(enum tune_swap swap)
{
	static const char *const names[TUNE_SWAP_COUNT] = {
		"unknown", "none", "zram", "flash", "hdd",
	};

	return swap < TUNE_SWAP_COUNT ? names[swap] : "unknown";
}
