/* SPDX-License-Identifier: MIT */
/*
 * Network links and what their cards do by themselves, asked by rtnetlink and ethtool's netlink,
 * which answer for this process's own network namespace, as /sys need not.
 */
#ifndef SLUICE_MACHINE_NETWORK_H
#define SLUICE_MACHINE_NETWORK_H

#include <stdbool.h>
#include <stdint.h>

enum host_known { HOST_NOT_TOLD = -1, HOST_NO = 0, HOST_YES = 1 };

struct host_link {
	char name[16];
	char kind[32];   /* "veth", "bridge", "bond", ...; "" for a device */
	char bus[32];    /* "pci", "virtio", ...; "" where there is none, or not told */
	char device[64]; /* "0000:03:00.0" */
	unsigned index;
	bool is_loopback, is_up;
	bool has_default_route;
	uint32_t mtu_bytes;
	uint64_t speed_bits_per_second; /* 0: not told */
	enum host_known has_scatter_gather, has_tx_checksum, has_tso, has_gso, has_gro;
	enum host_known has_tls_tx, has_tls_rx; /* kTLS in the card */
};

struct host_network {
	struct host_link *links;
	unsigned count;
};

/* 0, or -errno with nothing to free. host_network_free frees it. */
int host_network_read(int root, struct host_network *network);
void host_network_free(struct host_network *network);
/* Through which link the default route goes, IPv4's before IPv6's; -ENOENT where there is none. */
int host_network_route(int root, char name[16]);
/* That link; NULL where there is none. */
const struct host_link *host_network_default(const struct host_network *network);

#endif
