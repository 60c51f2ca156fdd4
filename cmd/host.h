/* SPDX-License-Identifier: MIT */
/* What `sluice host` found, between asking and printing. */
#ifndef SLUICE_CMD_HOST_H
#define SLUICE_CMD_HOST_H

#include "machine/describe.h"

#define HOST_RTT_MAX 8

/* A place that was asked about; error.code is not 0 where that failed. */
struct host_place {
	struct host_filesystem system;
	struct sluice_error error;
};

struct host_found {
	int root;
	struct host_kernel kernel;
	struct host_cpu cpu;
	struct host_memory memory;
	struct host_huge huge;
	struct host_place *places;
	unsigned place_count;
	struct host_network network;
	int network_status; /* 0, or -errno of asking for the links */
	struct host_tcp tcp;
	double rtt_seconds[HOST_RTT_MAX];
	unsigned rtt_count;
};

/* The speed that TCP is measured against: that of the default route's link; 0 where not told. */
uint64_t host_found_speed(const struct host_found *found);

struct json_t *host_found_json(const struct host_found *found);

#endif
