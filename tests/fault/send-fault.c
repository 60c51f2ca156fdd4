/* SPDX-License-Identifier: MIT */
/*
 * fault: readwrite with bad luck, for tests of what drives a path. It moves a few bytes at a time,
 * says -EAGAIN for nothing, and ends some files early.
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

struct send_fault {
	struct path_send_job *job, inner;
	struct loop_task wake;
	struct fault fault;
};

static void on_wake(struct loop_task *task)
{
	struct send_fault *fault = container_of(task, struct send_fault, wake);

	fault->job->wake(fault->job);
}

static void on_inner_wake(struct path_send_job *inner)
{
	struct send_fault *fault = container_of(inner, struct send_fault, inner);

	fault->job->wake(fault->job);
}

static int open_(struct path_send_job *job)
{
	struct send_fault *fault = calloc(1, sizeof(*fault));
	int result;

	if (!fault)
		return -ENOMEM;
	fault->job = job;
	fault->wake.run = on_wake;
	fault->inner = *job;
	fault->inner.wake = on_inner_wake;
	fault_open(&fault->fault, job->offset);
	result = path_send_readwrite.open(&fault->inner);
	if (result < 0)
		free(fault);
	else
		job->state = fault;
	return result;
}

static int64_t step(struct path_send_job *job)
{
	struct send_fault *fault = job->state;
	uint64_t length;
	int64_t count;

	job->wait = PATH_WAIT_COMPLETION;
	if (fault_stalls(&fault->fault)) {
		loop_task_queue(job->loop, &fault->wake);
		return -EAGAIN;
	}
	length = fault_length(&fault->fault, job->offset, job->limit - job->offset);
	if (length == 0)
		return 0;
	fault->inner.offset = job->offset;
	fault->inner.limit = job->offset + length;
	fault->inner.ahead = job->ahead;
	count = path_send_readwrite.step(&fault->inner);
	job->wait = fault->inner.wait;
	return count;
}

static void close_(struct path_send_job *job)
{
	struct send_fault *fault = job->state;

	loop_task_cancel(job->loop, &fault->wake);
	path_send_readwrite.close(&fault->inner);
	free(fault);
}

const struct path_send path_send_fault = {
	.name = "fault",
	.summary = "readwrite with bad luck: for tests",
	.uses_cache = true,
	.cpu_copies = 2,
	.open = open_,
	.step = step,
	.close = close_,
};
