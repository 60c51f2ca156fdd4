/* SPDX-License-Identifier: MIT */
/*
 * discard: receive and forget, to measure the sending side alone.
 *
 * Copies: none of ours; on TCP, MSG_TRUNC (tcp(7)) lets the kernel drop the bytes where they are.
 * Other channels copy them into a buffer first. Mode switches: two per receive.
 */
#include "base/size.h"
#include "path/path.h"

#include <errno.h>

static int open_(struct path_recv_job *job)
{
	job->cpu_copies = job->channel && !job->channel->can_drop;
	return 0;
}

static int64_t step(struct path_recv_job *job)
{
	uint64_t length = size_min(job->limit - job->offset, LOOP_BUFFER_SIZE);
	int64_t count = channel_drop(job->channel, length);

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
