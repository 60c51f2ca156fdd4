/* SPDX-License-Identifier: MIT */
#include "machine/cpu.h"

#include "base/size.h"
#include "host/cgroup.h"
#include "host/read.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* Calls each with every number of a list like "0-3,8"; returns how many there are. */
static unsigned each_number(const char *list, void (*each)(void *argument, unsigned number),
			    void *argument)
{
	unsigned count = 0, first, last;
	int length;

	while (isspace((unsigned char)*list))
		list++;
	while (sscanf(list, "%u%n", &first, &length) == 1) {
		list += length;
		last = first;
		if (sscanf(list, "-%u%n", &last, &length) == 1)
			list += length;
		for (unsigned number = first; number <= last; number++, count++)
			if (each)
				each(argument, number);
		if (*list++ != ',')
			break;
	}
	return count;
}

/* The text behind "word   : " or "word:\t" in a file of many lines. */
static void read_word(int root, const char *path, const char *word, char *text, size_t size)
{
	FILE *file = host_open(root, path);
	char line[512];
	size_t length = strlen(word);

	text[0] = '\0';
	while (file && !text[0] && fgets(line, sizeof(line), file)) {
		char *rest = line + length;

		if (strncmp(line, word, length) != 0)
			continue;
		rest += strspn(rest, " \t:");
		rest[strcspn(rest, "\n")] = '\0';
		host_copy(text, size, rest);
	}
	if (file)
		fclose(file);
}

struct topology {
	int root;
	struct host_cpu *cpu;
};

/* The first of those that share something with this CPU stands for it. */
static bool is_first(int root, unsigned number, const char *list_name)
{
	char path[128], list[64];
	unsigned first;

	snprintf(path, sizeof(path), "sys/devices/system/cpu/cpu%u/topology/%s", number, list_name);
	return host_read(root, path, list, sizeof(list)) > 0 && sscanf(list, "%u", &first) == 1 &&
	       first == number;
}

static void count_cpu(void *argument, unsigned number)
{
	struct topology *topology = argument;

	topology->cpu->cores += is_first(topology->root, number, "thread_siblings_list");
	topology->cpu->packages += is_first(topology->root, number, "core_siblings_list");
}

static void add_node(void *argument, unsigned number)
{
	struct topology *topology = argument;
	struct host_cpu *cpu = topology->cpu;
	struct host_node *node = &cpu->nodes[cpu->node_count];
	char path[128], text[4096];
	const char *total;

	if (cpu->node_count == HOST_NODES_MAX)
		return;
	cpu->node_count++;
	node->number = number;
	snprintf(path, sizeof(path), "sys/devices/system/node/node%u/cpulist", number);
	host_read(topology->root, path, node->cpus, sizeof(node->cpus));
	snprintf(path, sizeof(path), "sys/devices/system/node/node%u/meminfo", number);
	host_read(topology->root, path, text, sizeof(text));
	total = strstr(text, "MemTotal:");
	if (total)
		node->memory_bytes = strtoull(total + strlen("MemTotal:"), NULL, 10) * KIB;
}

static unsigned usable(const struct host_cpu *cpu)
{
	unsigned count = cpu->allowed ? cpu->allowed : cpu->online;

	if (cpu->cgroup_cores > 0 && cpu->cgroup_cores < count)
		count = (unsigned)cpu->cgroup_cores +
			(cpu->cgroup_cores > (unsigned)cpu->cgroup_cores);
	return count ? count : 1;
}

void host_cpu_read(int root, struct host_cpu *cpu)
{
	struct topology topology = {root, cpu};
	char list[4096];

	*cpu = (struct host_cpu){0};
	read_word(root, "proc/cpuinfo", "model name", cpu->model, sizeof(cpu->model));
	host_read(root, "sys/devices/system/cpu/online", list, sizeof(list));
	cpu->online = each_number(list, count_cpu, &topology);
	read_word(root, "proc/self/status", "Cpus_allowed_list", list, sizeof(list));
	cpu->allowed = each_number(list, NULL, NULL);
	cpu->cgroup_cores = host_cgroup_cores(root);
	host_read(root, "sys/devices/system/node/online", list, sizeof(list));
	each_number(list, add_node, &topology);
	cpu->usable = usable(cpu);
}
