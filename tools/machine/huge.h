/* SPDX-License-Identifier: MIT */
/* Huge pages: transparent ones, and the pools that were set aside. */
#ifndef SLUICE_MACHINE_HUGE_H
#define SLUICE_MACHINE_HUGE_H

#include <stdint.h>

#define HOST_POOLS_MAX 8

struct host_huge {
	char transparent[16]; /* "always", "madvise", "never"; "" where there are none */
	char shared_memory[16];
	unsigned pool_count;
	struct host_pool {
		uint64_t page_bytes, pages, free_pages;
	} pools[HOST_POOLS_MAX];
};

void host_huge_read(int root, struct host_huge *huge);

#endif
