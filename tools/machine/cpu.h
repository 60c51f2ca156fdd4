/* SPDX-License-Identifier: MIT */
/* CPUs, what of them this process may use, and the NUMA nodes they are in. */
#ifndef SLUICE_MACHINE_CPU_H
#define SLUICE_MACHINE_CPU_H

#include <stdint.h>

#define HOST_NODES_MAX 64

struct host_node {
	unsigned number;
	uint64_t memory_bytes;
	char cpus[128]; /* "0-15,32-47" */
};

struct host_cpu {
	char model[128];          /* "" where not told */
	unsigned online, allowed; /* logical CPUs; by this process's affinity */
	unsigned cores, packages; /* physical ones; 0 where not told */
	double cgroup_cores;      /* CPU time that control groups allow, in CPUs; 0: no limit */
	unsigned usable;          /* CPUs that a program can keep busy here; at least 1 */
	unsigned node_count;      /* 0 where not told */
	struct host_node nodes[HOST_NODES_MAX];
};

/* root is that of host_root_open. */
void host_cpu_read(int root, struct host_cpu *cpu);

#endif
