/* SPDX-License-Identifier: MIT */
#include "host/memory.h"

#include "base/cleanup.h"
#include "base/size.h"
#include "host/read.h"

#include <string.h>

static uint64_t kib_field(const char *text, const char *word)
{
	uint64_t kib = 0;

	return host_field(text, word, &kib) ? kib * KIB : 0;
}

/* Name, type, size and use in KiB, priority; a line of heads first. */
static uint64_t zram_bytes(int root)
{
	FILE *file = host_open(root, "proc/swaps");
	char line[512], name[256];
	unsigned long long kib, sum = 0;

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "%255s %*s %llu", name, &kib) == 2 &&
		    strncmp(name, "/dev/zram", 9) == 0)
			sum += kib;
	if (file)
		fclose(file);
	return sum * KIB;
}

static void read_available(int root, struct host_memory *memory, const char *meminfo)
{
	memory->free_bytes = kib_field(meminfo, "MemAvailable:");
	host_cgroup_memory(root, &memory->cgroup);
	memory->available_bytes = size_min(memory->free_bytes, memory->cgroup.available_bytes);
}

void host_memory_read(int root, struct host_memory *memory)
{
	char meminfo[8192];

	*memory = (struct host_memory){0};
	host_read(root, "proc/meminfo", meminfo, sizeof(meminfo));
	memory->total_bytes = kib_field(meminfo, "MemTotal:");
	memory->swap_bytes = kib_field(meminfo, "SwapTotal:");
	memory->swap_free_bytes = kib_field(meminfo, "SwapFree:");
	memory->zram_bytes = zram_bytes(root);
	read_available(root, memory, meminfo);
}

uint64_t host_memory_available(void)
{
	_cleanup_fd_ int root = host_root_open();
	struct host_memory memory = {0};
	char meminfo[8192];

	if (host_read(root, "proc/meminfo", meminfo, sizeof(meminfo)) > 0)
		read_available(root, &memory, meminfo);
	return memory.available_bytes;
}

uint64_t host_memory_dirty(void)
{
	_cleanup_fd_ int root = host_root_open();
	char meminfo[8192];

	if (host_read(root, "proc/meminfo", meminfo, sizeof(meminfo)) <= 0)
		return UINT64_MAX;
	return kib_field(meminfo, "Dirty:") + kib_field(meminfo, "Writeback:");
}
