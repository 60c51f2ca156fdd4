/* SPDX-License-Identifier: MIT */
/*
 * splice: the socket's buffers go by reference into a pipe, and a helper thread splices them from
 * there into the file's page cache, which may wait for write-back. Bytes that are in memory already
 * are written into the pipe.
 *
 * Copies: DMA (card to socket), CPU (socket's buffers to page cache), DMA (page cache to disk).
 * Mode switches: four per pipe of 1 MiB or less, and a wake-up of the helper thread. Needs a socket
 * and a file that splice(2) takes. The file stays in the page cache until somebody drops it.
 *
 * Invariants: at most one pipe is `current`, the one being filled; a busy one is read
 * by the helper thread and left alone by all others. A pipe that could not be emptied keeps its
 * bytes and is used no more, as nothing is after a failure.
 */
#include "base/container.h"
#include "base/size.h"
#include "base/sys.h"
#include "path/path.h"
#include "path/pipe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

enum { DEPTH = 2 }; /* one fills while the other is emptied */

struct stage {
	struct splice *owner;
	struct loop_op op;
	struct path_pipe pipe;
	uint64_t offset; /* in the file, of the first byte in the pipe */
	uint64_t held;
	uint64_t emptied; /* of held, what is in the file; the helper thread's, while busy */
	int fd;
	bool is_busy;
};

struct splice {
	struct path_recv_job *job; /* NULL once closed */
	struct loop *loop;
	struct path_file *file;
	struct stage *current;
	unsigned count, busy;
	int failed;
	uint64_t failed_at; /* lowest offset that was not written, with failed */
	struct stage stages[DEPTH];
};

static void destroy(struct splice *splice)
{
	while (splice->count > 0)
		path_pipe_close(&splice->stages[--splice->count].pipe);
	path_file_release(splice->file);
	free(splice);
}

/* On a helper thread. */
static int64_t empty(void *argument)
{
	struct stage *stage = argument;

	while (stage->emptied < stage->held) {
		uint64_t to = stage->offset + stage->emptied;
		int64_t count = sys_splice(stage->pipe.out, NULL, stage->fd, &to,
					   stage->held - stage->emptied, SPLICE_F_MOVE);

		if (count == -EINTR)
			continue;
		if (count <= 0)
			return count == 0 ? -EIO : count;
		stage->emptied += (uint64_t)count;
	}
	return 0;
}

static void fail(struct splice *splice, const struct stage *stage, int64_t result)
{
	uint64_t offset = stage->offset + stage->emptied;

	splice->failed_at = splice->failed ? size_min(splice->failed_at, offset) : offset;
	/* EINVAL: this file system has no splice. */
	splice->failed = result == -EINVAL ? -EOPNOTSUPP : (int)result;
}

static void on_empty(struct loop_op *op, int64_t result)
{
	struct stage *stage = container_of(op, struct stage, op);
	struct splice *splice = stage->owner;

	if (result < 0)
		fail(splice, stage, result);
	stage->is_busy = false;
	splice->busy--;
	if (splice->job)
		splice->job->wake(splice->job);
	else if (splice->busy == 0)
		destroy(splice);
}

static int open_stage(struct splice *splice)
{
	struct stage *stage = &splice->stages[splice->count];
	int result = path_pipe_open(&stage->pipe);

	if (result < 0)
		return result;
	stage->owner = splice;
	stage->op.done = on_empty;
	stage->fd = splice->file->fd;
	splice->count++;
	return 0;
}

static int open_(struct path_recv_job *job)
{
	struct splice *splice;
	int result = 0;

	if (job->channel && !job->channel->gives_references)
		return -EOPNOTSUPP;
	splice = calloc(1, sizeof(*splice));
	if (!splice)
		return -ENOMEM;
	splice->job = job;
	splice->loop = job->loop;
	splice->file = path_file_share(job->file);
	while (result == 0 && splice->count < DEPTH)
		result = open_stage(splice);
	if (result < 0)
		destroy(splice);
	else
		job->state = splice;
	return result;
}

static void start(struct splice *splice)
{
	struct stage *stage = splice->current;

	splice->current = NULL;
	stage->is_busy = true;
	splice->busy++;
	loop_work(splice->loop, &stage->op, empty, stage);
}

static struct stage *begin(struct stage *stage, uint64_t offset)
{
	stage->offset = offset;
	stage->held = stage->emptied = 0;
	return stage;
}

/* Makes sure there is a current pipe. Returns 0, -EAGAIN or the failure so far. */
static int make_room(struct path_recv_job *job, struct splice *splice)
{
	if (splice->failed)
		return splice->failed;
	for (unsigned i = 0; !splice->current && i < DEPTH; i++)
		if (!splice->stages[i].is_busy)
			splice->current = begin(&splice->stages[i], job->offset);
	job->wait = PATH_WAIT_COMPLETION;
	return splice->current ? 0 : -EAGAIN;
}

static int64_t receive(const struct path_recv_job *job, const struct stage *stage)
{
	uint64_t length = size_min(job->limit - job->offset, stage->pipe.capacity);
	int64_t count;

	do
		count = sys_splice(job->channel->in, NULL, stage->pipe.in, NULL, length,
				   SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
	while (count == -EINTR);
	return count;
}

static int64_t step(struct path_recv_job *job)
{
	struct splice *splice = job->state;
	int64_t count;

	while ((count = make_room(job, splice)) == 0) {
		struct stage *stage = splice->current;

		count = receive(job, stage);
		if (count > 0)
			stage->held += (uint64_t)count;
		if (count != -EAGAIN)
			break;
		/* The pipe is full, or the socket is empty: one code for both. */
		if (stage->held == 0 || sys_can_write(stage->pipe.in)) {
			job->wait = PATH_WAIT_SOCKET;
			break;
		}
		start(splice);
	}
	return count == -EINVAL ? -EOPNOTSUPP : count;
}

static int64_t push(struct path_recv_job *job, const void *data, size_t length)
{
	struct splice *splice = job->state;
	int64_t count;

	while ((count = make_room(job, splice)) == 0) {
		count = sys_write(splice->current->pipe.in, data,
				  size_min(length, job->limit - job->offset));
		if (count > 0)
			splice->current->held += (uint64_t)count;
		if (count != -EAGAIN && count != -EINTR)
			break;
		if (count == -EAGAIN)
			start(splice);
	}
	return count;
}

static int finish(struct path_recv_job *job)
{
	struct splice *splice = job->state;

	job->wait = PATH_WAIT_COMPLETION;
	if (splice->current && splice->current->held > 0 && !splice->failed)
		start(splice);
	return splice->busy > 0 ? -EAGAIN : splice->failed;
}

static uint64_t settled(const struct path_recv_job *job)
{
	const struct splice *splice = job->state;
	uint64_t lowest = job->offset;

	if (splice->current && splice->current->held > 0)
		lowest = splice->current->offset;
	for (unsigned i = 0; i < DEPTH; i++)
		if (splice->stages[i].is_busy)
			lowest = size_min(lowest, splice->stages[i].offset);
	return splice->failed ? size_min(lowest, splice->failed_at) : lowest;
}

static void close_(struct path_recv_job *job)
{
	struct splice *splice = job->state;

	splice->job = NULL;
	if (splice->busy == 0)
		destroy(splice);
}

const struct path_recv path_recv_splice = {
	.name = "splice",
	.summary = "socket to pipe by reference, pipe to page cache: one CPU copy, four mode "
		   "switches a MiB",
	.needs = "a socket and a file that splice(2) takes",
	.needs_file = true,
	.writes_later = true,
	.cpu_copies = 1,
	.push_copies = 3,
	.disk_moves = 1,
	.open = open_,
	.step = step,
	.push = push,
	.finish = finish,
	.settled = settled,
	.close = close_,
};
