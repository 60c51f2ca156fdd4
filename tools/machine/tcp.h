/* SPDX-License-Identifier: MIT */
/* TCP's settings, and how fast its buffers let one connection be. */
#ifndef SLUICE_MACHINE_TCP_H
#define SLUICE_MACHINE_TCP_H

#include <stdint.h>

/* HOST_UNKNOWN of machine/disk.h where a figure is not told */
struct host_tcp {
	char congestion[16], available[256], queueing[32];
	int64_t rmem_bytes[3], wmem_bytes[3];   /* least, at first, most */
	int64_t rmem_max_bytes, wmem_max_bytes; /* for programs that set their own size */
	int64_t window_scaling, moderate_receive_buffer, slow_start_after_idle;
	int64_t window_scale; /* tcp_adv_win_scale */
};

void host_tcp_read(int root, struct host_tcp *tcp);

/* What the largest receive buffer can announce as window; 0 where it is not told. */
uint64_t host_tcp_window_bytes(const struct host_tcp *tcp);
/* Bytes on the way at this speed and round-trip time: the bandwidth-delay product. */
uint64_t host_tcp_product_bytes(uint64_t bits_per_second, double rtt_seconds);
/* What one connection can reach at most with so many bytes on the way, in bits per second. */
uint64_t host_tcp_reach(uint64_t window_bytes, double rtt_seconds);
/* The largest receive buffer (tcp_rmem[2]) whose window holds so many bytes. */
uint64_t host_tcp_rmem_for(const struct host_tcp *tcp, uint64_t window_bytes);

#endif
