/* SPDX-License-Identifier: MIT */
/*
 * A TCP connection over loopback, between two threads that are kept on two CPUs where there are
 * two. That is the kernel's part of networking without a card: two copies and a few wake-ups.
 */
#include "base/cleanup.h"
#include "base/error.h"
#include "base/size.h"
#include "base/thread.h"
#include "measure/loopback.h"
#include "measure/media-private.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BLOCK      (128 * KIB)
#define WARM_BYTES (32 * MIB) /* the windows of the connection have grown by then */
#define SECONDS    0.25

struct network {
	int own_cpu, peer_cpu;
	uint64_t trip_count;
};

/* One connection: we have one end, a thread the other. */
struct link {
	int own, peer, peer_cpu;
	pthread_t thread;
	int status; /* of the thread */
	double seconds;
	uint64_t bytes;
	char congestion[HOST_CONGESTION_SIZE];
};

static int receive(const struct link *link, char *data)
{
	ssize_t count = recv(link->peer, data, BLOCK, 0);

	return count < 0 ? -errno : (int)count;
}

/* Takes everything; the clock starts when the connection is warm. */
static void *drain(void *argument)
{
	struct link *link = argument;
	_cleanup_free_ char *data = malloc(BLOCK);
	uint64_t warm = 0;
	int count = data ? 1 : -ENOMEM;
	double start;

	media_pin(link->peer_cpu);
	while (count > 0 && warm < WARM_BYTES) {
		count = receive(link, data);
		warm += count > 0 ? (uint64_t)count : 0;
	}
	start = clock_seconds();
	while (count > 0) {
		count = receive(link, data);
		link->bytes += count > 0 ? (uint64_t)count : 0;
	}
	link->seconds = clock_seconds() - start;
	link->status = count;
	shutdown(link->peer, SHUT_RDWR);
	return NULL;
}

/* Gives every byte back. */
static void *echo(void *argument)
{
	struct link *link = argument;
	char byte;

	media_pin(link->peer_cpu);
	while (recv(link->peer, &byte, 1, 0) == 1 && send(link->peer, &byte, 1, MSG_NOSIGNAL) == 1)
		;
	return NULL;
}

/* What is to be measured begins when the peer is warm, however long that takes. */
static int pump(const struct link *link, const char *data)
{
	uint64_t sent = 0;
	double until = 0;

	while (sent < WARM_BYTES || clock_seconds() < until) {
		ssize_t count = send(link->own, data, BLOCK, MSG_NOSIGNAL);

		if (count < 0)
			return -errno;
		if (sent < WARM_BYTES)
			until = clock_seconds() + SECONDS;
		sent += (uint64_t)count;
	}
	return 0;
}

static int trips(void *argument, uint64_t count)
{
	const struct link *link = argument;
	char byte = 0;

	for (uint64_t i = 0; i < count; i++)
		if (send(link->own, &byte, 1, MSG_NOSIGNAL) != 1 ||
		    recv(link->own, &byte, 1, 0) != 1)
			return -EPIPE;
	return 0;
}

static int open_link(const struct network *network, struct link *link, void *(*run)(void *))
{
	struct measure_loopback loopback;
	int status = measure_loopback_open(&loopback), one = 1;

	if (status < 0)
		return status;
	*link = (struct link){loopback.ends[0], loopback.ends[1], network->peer_cpu};
	memcpy(link->congestion, loopback.congestion, sizeof(link->congestion));
	for (int end = 0; end < 2; end++)
		setsockopt(loopback.ends[end], IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	media_pin(network->own_cpu);
	status = thread_start(&link->thread, run, link);
	if (status < 0) {
		close(link->own);
		close(link->peer);
	}
	return status;
}

static void close_link(struct link *link)
{
	shutdown(link->own, SHUT_WR);
	pthread_join(link->thread, NULL);
	close(link->own);
	close(link->peer);
}

static void tell_method(const struct network *network, const struct link *link,
			const struct media_probe *probe, struct measure_media_row *row)
{
	snprintf(row->method, sizeof(row->method),
		 "%s, over TCP (%s) on loopback between threads on %s", probe->method,
		 link->congestion, network->own_cpu == network->peer_cpu ? "one CPU" : "two CPUs");
}

static int run_bandwidth(void *state, const struct media_probe *probe,
			 struct measure_media_row *row, double *value, struct sluice_error *error)
{
	const struct network *network = state;
	_cleanup_free_ char *data = calloc(1, BLOCK);
	struct link link;
	int status = data ? open_link(network, &link, drain) : -ENOMEM;

	if (status < 0)
		return error_set_errno(error, -status, "a TCP connection on loopback");
	status = pump(&link, data);
	close_link(&link);
	status = status < 0 ? status : link.status;
	if (status < 0)
		return error_set_errno(error, -status, "sending over loopback");
	tell_method(network, &link, probe, row);
	*value = (double)link.bytes / link.seconds;
	return 0;
}

static int run_trips(void *state, const struct media_probe *probe, struct measure_media_row *row,
		     double *value, struct sluice_error *error)
{
	struct network *network = state;
	struct link link;
	int status = open_link(network, &link, echo);

	if (status < 0)
		return error_set_errno(error, -status, "a TCP connection on loopback");
	status = trips(&link, 100);
	if (status == 0)
		status = media_time(&network->trip_count, trips, &link, value);
	close_link(&link);
	if (status < 0)
		return error_set_errno(error, -status, "a byte over loopback");
	tell_method(network, &link, probe, row);
	return 0;
}

static int open_network(const struct media_host *host, void **state, struct sluice_error *error)
{
	struct network *network = malloc(sizeof(*network));

	if (!network)
		return error_set_errno(error, ENOMEM, "network");
	*network = (struct network){host->cpu, host->other_cpu, 100};
	*state = network;
	return 0;
}

static const struct media_probe probes[] = {
	{
		.name = "loopback_round_trip",
		.group = "network",
		.label = "loopback round trip",
		.kind = MEASURE_MEDIA_LATENCY,
		.run = run_trips,
		.method = "a byte there and back",
	},
	{
		.name = "loopback_bandwidth",
		.group = "network",
		.label = "loopback",
		.kind = MEASURE_MEDIA_BANDWIDTH,
		.run = run_bandwidth,
		.method = "send(2) and recv(2) of 128 KiB",
	},
};

const struct media_module media_network = {
	.name = "network",
	.open = open_network,
	.close = free,
	.probes = probes,
	.count = sizeof(probes) / sizeof(*probes),
};
