/* SPDX-License-Identifier: MIT */
/*
 * fault: readwrite with bad luck, for tests of what drives a path. It moves a few bytes at a time,
 * says -EAGAIN for nothing, and loses some peers early.
 *
 * Copies and mode switches: those of readwrite, many times over. Needs FAULT_SEED in the
 * environment.
 *
 * Invariant: each -EAGAIN of our own is followed by a wake.
 */
#include "fault.h"

#include "base/container.h"

#include <errno.h>
#include <stdlib.h>

struct recv_fault {
	struct path_recv_job *job, inner;
	struct loop_task wake;
	struct fault fault;
};

static void on_wake(struct loop_task *task)
{
	struct recv_fault *fault = container_of(task, struct recv_fault, wake);

	fault->job->wake(fault->job);
}

static void on_inner_wake(struct path_recv_job *inner)
{
	struct recv_fault *fault = container_of(inner, struct recv_fault, inner);

	fault->job->wake(fault->job);
}

static bool on_inner_lend(struct path_recv_job *inner, const struct path_lent *lent)
{
	struct recv_fault *fault = container_of(inner, struct recv_fault, inner);

	return fault->job->lend && fault->job->lend(fault->job, lent);
}

static int open_(struct path_recv_job *job)
{
	struct recv_fault *fault = calloc(1, sizeof(*fault));
	int result;

	if (!fault)
		return -ENOMEM;
	fault->job = job;
	fault->wake.run = on_wake;
	fault->inner = *job;
	fault->inner.wake = on_inner_wake;
	fault->inner.lend = on_inner_lend;
	fault_open(&fault->fault, job->offset);
	result = path_recv_readwrite.open(&fault->inner);
	if (result < 0)
		free(fault);
	else
		job->state = fault;
	return result;
}

static bool stalls(struct path_recv_job *job, struct recv_fault *fault)
{
	job->wait = PATH_WAIT_COMPLETION;
	if (!fault_stalls(&fault->fault))
		return false;
	loop_task_queue(job->loop, &fault->wake);
	return true;
}

/* Lets the inner path take up to length bytes; -errno where the peer is to be lost. */
static int prepare(const struct path_recv_job *job, struct recv_fault *fault, uint64_t length)
{
	length = fault_length(&fault->fault, job->offset, length);
	fault->inner.offset = job->offset;
	fault->inner.limit = job->offset + length;
	return length > 0 ? 0 : -ECONNRESET;
}

static int64_t step(struct path_recv_job *job)
{
	struct recv_fault *fault = job->state;
	int64_t count;

	if (stalls(job, fault))
		return -EAGAIN;
	count = prepare(job, fault, job->limit - job->offset);
	/* An early end can be told from a real one where the length is known. */
	if (count < 0)
		return job->limit == UINT64_MAX ? count : 0;
	count = path_recv_readwrite.step(&fault->inner);
	job->wait = fault->inner.wait;
	return count;
}

static int64_t push(struct path_recv_job *job, const void *data, size_t length)
{
	struct recv_fault *fault = job->state;
	int64_t count;

	if (stalls(job, fault))
		return -EAGAIN;
	count = prepare(job, fault, length);
	if (count == 0)
		count = path_recv_readwrite.push(&fault->inner, data, length);
	job->wait = fault->inner.wait;
	return count;
}

static int finish(struct path_recv_job *job)
{
	struct recv_fault *fault = job->state;
	int result;

	if (stalls(job, fault))
		return -EAGAIN;
	fault->inner.offset = job->offset;
	result = path_recv_readwrite.finish(&fault->inner);
	job->wait = fault->inner.wait;
	return result;
}

static uint64_t settled(const struct path_recv_job *job)
{
	struct recv_fault *fault = job->state;

	fault->inner.offset = job->offset;
	return path_recv_readwrite.settled(&fault->inner);
}

static void close_(struct path_recv_job *job)
{
	struct recv_fault *fault = job->state;

	loop_task_cancel(job->loop, &fault->wake);
	path_recv_readwrite.close(&fault->inner);
	free(fault);
}

const struct path_recv path_recv_fault = {
	.name = "fault",
	.summary = "readwrite with bad luck: for tests",
	.needs_file = true,
	.writes_later = true,
	.cpu_copies = 2,
	.push_copies = 3,
	.disk_moves = 1,
	.open = open_,
	.step = step,
	.push = push,
	.finish = finish,
	.settled = settled,
	.close = close_,
};
