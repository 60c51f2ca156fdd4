/* SPDX-License-Identifier: MIT */
#include "machine/tcp.h"

#include "host/read.h"
#include "machine/disk.h"

#include <inttypes.h>
#include <stdlib.h>

static void read_three(int root, const char *path, int64_t values[3])
{
	char text[128];

	if (host_read(root, path, text, sizeof(text)) < 0 ||
	    sscanf(text, "%" SCNd64 " %" SCNd64 " %" SCNd64, &values[0], &values[1], &values[2]) !=
		    3)
		values[0] = values[1] = values[2] = HOST_UNKNOWN;
}

static int64_t read_one(int root, const char *path)
{
	uint64_t value;

	return host_read_number(root, path, &value) < 0 ? HOST_UNKNOWN : (int64_t)value;
}

void host_tcp_read(int root, struct host_tcp *tcp)
{
	char scale[16];

	*tcp = (struct host_tcp){0};
	host_read(root, "proc/sys/net/ipv4/tcp_congestion_control", tcp->congestion,
		  sizeof(tcp->congestion));
	host_read(root, "proc/sys/net/ipv4/tcp_available_congestion_control", tcp->available,
		  sizeof(tcp->available));
	host_read(root, "proc/sys/net/core/default_qdisc", tcp->queueing, sizeof(tcp->queueing));
	read_three(root, "proc/sys/net/ipv4/tcp_rmem", tcp->rmem_bytes);
	read_three(root, "proc/sys/net/ipv4/tcp_wmem", tcp->wmem_bytes);
	tcp->rmem_max_bytes = read_one(root, "proc/sys/net/core/rmem_max");
	tcp->wmem_max_bytes = read_one(root, "proc/sys/net/core/wmem_max");
	tcp->window_scaling = read_one(root, "proc/sys/net/ipv4/tcp_window_scaling");
	tcp->moderate_receive_buffer = read_one(root, "proc/sys/net/ipv4/tcp_moderate_rcvbuf");
	tcp->slow_start_after_idle = read_one(root, "proc/sys/net/ipv4/tcp_slow_start_after_idle");
	/* It may be negative. Where it is not told half of the buffer is the kernel's default. */
	tcp->window_scale = 1;
	if (host_read(root, "proc/sys/net/ipv4/tcp_adv_win_scale", scale, sizeof(scale)) > 0)
		tcp->window_scale = strtol(scale, NULL, 10);
}

uint64_t host_tcp_window_bytes(const struct host_tcp *tcp)
{
	int64_t scale = tcp->window_scale;
	uint64_t buffer = tcp->rmem_bytes[2] > 0 ? (uint64_t)tcp->rmem_bytes[2] : 0;
	uint64_t window;

	if (scale > 31 || scale < -31)
		scale = 1;
	window = scale > 0 ? buffer - (buffer >> scale) : buffer >> -scale;
	/* Without scaling the field in the header has 16 bits. */
	return tcp->window_scaling == 0 && window > UINT16_MAX ? UINT16_MAX : window;
}

uint64_t host_tcp_rmem_for(const struct host_tcp *tcp, uint64_t window_bytes)
{
	struct host_tcp other = *tcp;
	uint64_t part;

	other.window_scaling = 1;
	other.rmem_bytes[2] = (int64_t)1 << 31;
	part = host_tcp_window_bytes(&other);
	if (part == 0)
		return 0;
	return (uint64_t)((double)window_bytes * (double)((uint64_t)1 << 31) / (double)part);
}

uint64_t host_tcp_product_bytes(uint64_t bits_per_second, double rtt_seconds)
{
	return (uint64_t)((double)bits_per_second / 8 * rtt_seconds);
}

uint64_t host_tcp_reach(uint64_t window_bytes, double rtt_seconds)
{
	return rtt_seconds > 0 ? (uint64_t)((double)window_bytes * 8 / rtt_seconds) : 0;
}
