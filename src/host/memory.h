/* SPDX-License-Identifier: MIT */
/* Memory: what there is, what can be had, and what the control groups leave of it. */
#ifndef SLUICE_HOST_MEMORY_H
#define SLUICE_HOST_MEMORY_H

#include "host/cgroup.h"

struct host_memory {
	uint64_t total_bytes;     /* of the machine */
	uint64_t free_bytes;      /* MemAvailable of the machine: without swapping */
	uint64_t available_bytes; /* the same, within what the control groups leave */
	uint64_t swap_bytes, swap_free_bytes;
	uint64_t zram_bytes; /* of the swap, what is compressed memory */
	struct host_cgroup_memory cgroup;
};

/* root is that of host_root_open. What is not told is 0, so is an available_bytes not told. */
void host_memory_read(int root, struct host_memory *memory);

/* available_bytes of this machine, now. */
uint64_t host_memory_available(void);
/* What all programs have written and no disk has yet; UINT64_MAX: nobody tells. */
uint64_t host_memory_dirty(void);

#endif
