/* SPDX-License-Identifier: MIT */
#include "machine/huge.h"

#include "base/size.h"
#include "base/sys.h"
#include "host/read.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define POOLS "sys/kernel/mm/hugepages"

/* "always [madvise] never" */
static void read_choice(int root, const char *path, char *word, size_t size)
{
	char text[128], *begin;

	if (host_read(root, path, text, sizeof(text)) < 0)
		return;
	begin = strchr(text, '[');
	if (!begin)
		return;
	begin[strcspn(begin, "]")] = '\0';
	host_copy(word, size, begin + 1);
}

static void add_pool(int root, const char *name, struct host_huge *huge)
{
	struct host_pool *pool = &huge->pools[huge->pool_count];
	unsigned long long kib;
	char path[128];

	if (huge->pool_count == HOST_POOLS_MAX || sscanf(name, "hugepages-%llukB", &kib) != 1)
		return;
	pool->page_bytes = kib * KIB;
	snprintf(path, sizeof(path), POOLS "/hugepages-%llukB/nr_hugepages", kib);
	host_read_number(root, path, &pool->pages);
	snprintf(path, sizeof(path), POOLS "/hugepages-%llukB/free_hugepages", kib);
	host_read_number(root, path, &pool->free_pages);
	huge->pool_count++;
}

static int by_size(const void *one, const void *other)
{
	const struct host_pool *a = one, *b = other;

	return (a->page_bytes > b->page_bytes) - (a->page_bytes < b->page_bytes);
}

void host_huge_read(int root, struct host_huge *huge)
{
	int fd;
	DIR *directory;

	*huge = (struct host_huge){0};
	read_choice(root, "sys/kernel/mm/transparent_hugepage/enabled", huge->transparent,
		    sizeof(huge->transparent));
	read_choice(root, "sys/kernel/mm/transparent_hugepage/shmem_enabled", huge->shared_memory,
		    sizeof(huge->shared_memory));
	fd = sys_open(root, POOLS, O_RDONLY | O_DIRECTORY, 0);
	directory = fd < 0 ? NULL : fdopendir(fd);
	if (!directory)
		return;
	for (const struct dirent *entry; (entry = readdir(directory));)
		add_pool(root, entry->d_name, huge);
	closedir(directory);
	qsort(huge->pools, huge->pool_count, sizeof(*huge->pools), by_size);
}
