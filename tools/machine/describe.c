/* SPDX-License-Identifier: MIT */
/* The machine itself: kernel, CPUs, memory. */
#include "machine/describe.h"

#include "base/size.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void host_say_line(const struct host_say *say, const char *label, const char *meaning,
		   const char *format, ...)
{
	char value[5000];
	va_list args;

	va_start(args, format);
	vsnprintf(value, sizeof(value), format, args);
	va_end(args);
	say->line(say->argument, label, value, meaning);
}

void host_say_try(const struct host_say *say, const char *label, int result, const char *gain,
		  const char *lack)
{
	if (result == HOST_NOT_TRIED)
		host_say_line(say, label, "it could not be tried here", "unknown");
	else if (result < 0)
		host_say_line(say, label, lack, "no (%s)", strerror(-result));
	else
		host_say_line(say, label, gain, "yes");
}

/* The kernel */

/* Whether all that sluice uses is there; else the names of what is not. */
static bool has_needed(const struct host_kernel *kernel, char missing[128])
{
	static const char *const needed[] = {"read", "write", "fsync", NULL};
	size_t length = 0;

	missing[0] = '\0';
	for (const char *const *name = needed; *name; name++)
		if (!host_uring_has(kernel, *name))
			length += (size_t)snprintf(missing + length, 128 - length, "%s%s",
						   length ? ", " : "", *name);
	return length == 0;
}

static void say_operations(const struct host_say *say, const struct host_kernel *kernel)
{
	unsigned count = 0;
	char missing[128], text[256];

	for (unsigned i = 0; i < kernel->uring_operations; i++)
		count += kernel->has_operation[i];
	if (has_needed(kernel, missing))
		host_say_line(say, "  operations", "with all that sluice uses", "%u", count);
	else {
		snprintf(text, sizeof(text), "without %s: file I/O runs on threads", missing);
		host_say_line(say, "  operations", text, "%u", count);
	}
	host_say_line(
		say, "  send_zc",
		host_uring_has(kernel, "send_zc")
			? "zero-copy sends could be submitted here, too; sluice does not use them"
			: "nothing in sluice needs it",
		"%s", host_uring_has(kernel, "send_zc") ? "yes" : "no");
}

static void say_uring(const struct host_say *say, const struct host_kernel *kernel)
{
	const char *lack = "file I/O runs on threads instead, at more CPU time for each GB";

	if (kernel->uring == -EPERM || kernel->uring == -EACCES)
		lack = "a container's filter or kernel.io_uring_disabled refuses it: file I/O runs "
		       "on threads instead, at more CPU time for each GB";
	if (kernel->uring == -ENOMEM)
		lack = "the limit of locked memory (ulimit -l) is too low: file I/O runs on "
		       "threads "
		       "instead";
	host_say_try(say, "io_uring", kernel->uring,
		     "files are read ahead and written behind without a waiting thread", lack);
	if (kernel->uring < 0)
		return;
	say_operations(say, kernel);
	host_say_try(say, "  fixed buffers", kernel->uring_buffers,
		     "buffers are pinned once, not for each direct read",
		     "each direct read pins its buffer anew; see ulimit -l");
}

static void say_landlock(const struct host_say *say, int abi)
{
	if (abi < 0)
		host_say_line(say, "Landlock",
			      "a program cannot confine itself to directories here", "no (%s)",
			      strerror(-abi));
	else
		host_say_line(
			say, "Landlock",
			"a program can confine itself to directories; sluice does not do so yet",
			"yes, version %d", abi);
}

void host_say_kernel(const struct host_say *say, const struct host_kernel *kernel)
{
	say_uring(say, kernel);
	for (size_t i = 0; host_features[i].name; i++)
		host_say_try(say, host_features[i].label, kernel->features[i],
			     host_features[i].gain, host_features[i].lack);
	say_landlock(say, kernel->landlock_abi);
}

/* CPUs */

static void say_nodes(const struct host_say *say, const struct host_cpu *cpu)
{
	char label[32], size[SIZE_TEXT];

	if (cpu->node_count < 2) {
		host_say_line(say, "NUMA nodes",
			      cpu->node_count ? "all memory and all cards are equally near"
					      : "the kernel does not say",
			      cpu->node_count ? "%u" : "unknown", cpu->node_count);
		return;
	}
	host_say_line(
		say, "NUMA nodes",
		"a worker far from its card or its pages pays for each byte: keep it on their "
		"node (numactl)",
		"%u", cpu->node_count);
	for (unsigned i = 0; i < cpu->node_count; i++) {
		const struct host_node *node = &cpu->nodes[i];

		snprintf(label, sizeof(label), "  node %u", node->number);
		host_say_line(say, label, "", "CPUs %s, %s", node->cpus,
			      size_format(size, node->memory_bytes));
	}
}

void host_say_cpu(const struct host_say *say, const struct host_cpu *cpu)
{
	unsigned workers = cpu->allowed ? cpu->allowed : 1;
	char text[128];

	host_say_line(say, "model", "", "%s", *cpu->model ? cpu->model : "unknown");
	if (cpu->usable < workers)
		snprintf(text, sizeof(text), "serve starts %u workers: --workers %u suffices",
			 workers, cpu->usable);
	else
		snprintf(text, sizeof(text), "serve starts %u worker%s", workers,
			 workers == 1 ? "" : "s");
	host_say_line(say, "usable CPUs", text, "%u of %u online", cpu->usable, cpu->online);
	if (cpu->cores)
		host_say_line(say, "cores",
			      cpu->cores < cpu->online ? "CPUs on one core share its copying speed"
						       : "each CPU copies at its own speed",
			      "%u, in %u package%s", cpu->cores, cpu->packages,
			      cpu->packages == 1 ? "" : "s");
	if (cpu->cgroup_cores > 0)
		host_say_line(say, "cgroup limit",
			      "a transfer that needs more CPU time is stopped for the rest of each "
			      "period",
			      "%.2f CPUs", cpu->cgroup_cores);
	else
		host_say_line(say, "cgroup limit", "CPU time is not limited", "none");
	say_nodes(say, cpu);
}

/* Memory */

static void say_cgroup(const struct host_say *say, const struct host_memory *memory)
{
	const struct host_cgroup_memory *group = &memory->cgroup;
	char size[SIZE_TEXT], left[SIZE_TEXT], text[128];

	if (group->available_bytes == HOST_UNLIMITED) {
		host_say_line(say, "cgroup limit", "the page cache may grow into all free memory",
			      "none");
		return;
	}
	snprintf(text, sizeof(text),
		 "%s of it is available; cached files count, and are dropped first",
		 size_format(left, group->available_bytes));
	if (group->high_bytes < group->limit_bytes)
		host_say_line(say, "cgroup limit", text, "%s, slowed down above",
			      size_format(size, group->high_bytes));
	else
		host_say_line(say, "cgroup limit", text, "%s",
			      size_format(size, group->limit_bytes));
}

static void say_swap(const struct host_say *say, const struct host_memory *memory)
{
	char size[SIZE_TEXT], zram[SIZE_TEXT];

	if (memory->swap_bytes == 0)
		host_say_line(say, "swap", "programs' memory stays: vm.swappiness has no effect",
			      "none");
	else if (memory->zram_bytes == 0)
		host_say_line(say, "swap",
			      "a growing page cache may push programs' memory out to it", "%s",
			      size_format(size, memory->swap_bytes));
	else
		host_say_line(say, "swap", "on zram it is compressed memory: fast, but no disk",
			      "%s, %s of it zram", size_format(size, memory->swap_bytes),
			      size_format(zram, memory->zram_bytes));
}

static void say_huge(const struct host_say *say, const struct host_huge *huge)
{
	char label[48], size[SIZE_TEXT];

	if (*huge->transparent)
		host_say_line(say, "huge pages",
			      strcmp(huge->transparent, "never") == 0
				      ? "buffers are in small pages: more work for each I/O"
			      : strcmp(huge->transparent, "always") == 0
				      ? "large buffers get them by themselves"
				      : "buffers that ask for them get them (madvise)",
			      "%s", huge->transparent);
	else
		host_say_line(say, "huge pages", "this kernel has no transparent ones", "none");
	for (unsigned i = 0; i < huge->pool_count; i++) {
		const struct host_pool *pool = &huge->pools[i];

		snprintf(label, sizeof(label), "  of %s", size_format(size, pool->page_bytes));
		host_say_line(say, label,
			      pool->pages ? "reserved: what nobody maps is lost to the page cache"
					  : "none reserved",
			      "%llu, %llu free", (unsigned long long)pool->pages,
			      (unsigned long long)pool->free_pages);
	}
}

void host_say_memory(const struct host_say *say, const struct host_memory *memory,
		     const struct host_huge *huge)
{
	char size[SIZE_TEXT], quarter[SIZE_TEXT], text[160];

	snprintf(text, sizeof(text),
		 "serve caches a file that is requested again if it has at most %s",
		 size_format(quarter, memory->available_bytes / 4));
	host_say_line(say, "total", "", "%s", size_format(size, memory->total_bytes));
	host_say_line(say, "available", text, "%s", size_format(size, memory->available_bytes));
	say_cgroup(say, memory);
	say_swap(say, memory);
	say_huge(say, huge);
}
