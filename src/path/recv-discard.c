/* SPDX-License-Identifier: MIT */
/*
 * discard: receive and forget, to measure the sending side alone.
 *
 * Copies: none of ours; on TCP, MSG_TRUNC (tcp(7)) lets the kernel drop the bytes where they are.
 * Other sockets copy them into a buffer first. Mode switches: two per receive.
 */
#include "base/size.h"
#include "base/sys.h"
#include "path/path.h"

#include <errno.h>
#include <stdlib.h>

enum { SCRAP = 64 << 10 };

/* What was received goes here where the socket cannot drop it; NULL: it can. */
static int open_(struct path_recv_job *job)
{
	int domain = 0;
	socklen_t size = sizeof(domain);

	if (sys_getsockopt(job->socket, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 &&
	    (domain == AF_INET || domain == AF_INET6))
		return 0;
	job->state = malloc(SCRAP);
	job->cpu_copies = 1;
	return job->state ? 0 : -ENOMEM;
}

static int64_t step(struct path_recv_job *job)
{
	size_t length = size_min(job->limit - job->offset, job->state ? SCRAP : LOOP_BUFFER_SIZE);
	int64_t count;

	do
		count = sys_recv(job->socket, job->state, length, job->state ? 0 : MSG_TRUNC);
	while (count == -EINTR);
	if (count == -EAGAIN)
		job->wait = PATH_WAIT_SOCKET;
	return count;
}

static int64_t push(struct path_recv_job *job, const void *data, size_t length)
{
	return (int64_t)size_min(length, job->limit - job->offset);
}

static int finish(struct path_recv_job *job)
{
	return 0;
}

static uint64_t settled(const struct path_recv_job *job)
{
	return job->offset;
}

static void close_(struct path_recv_job *job)
{
	free(job->state);
}

const struct path_recv path_recv_discard = {
	.name = "discard",
	.summary = "the bytes are dropped in the socket: no copy, two mode switches a call",
	.push_copies = 1,
	.open = open_,
	.step = step,
	.push = push,
	.finish = finish,
	.settled = settled,
	.close = close_,
};
