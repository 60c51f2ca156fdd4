/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_HOST_MEMORY_H
#define SLUICE_HOST_MEMORY_H

#include <stdint.h>

/* Memory that can be had without swapping: MemAvailable of /proc/meminfo. 0 where it is not told.
 */
uint64_t host_memory_available(void);

#endif
