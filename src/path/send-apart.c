/* SPDX-License-Identifier: MIT */
/*
 * readwrite and direct for files on file systems that may hang: a thread apart reads each block
 * into memory of its own, so that neither the loop nor its buffers wait for a server that does not
 * answer.
 *
 * Invariants: the block belongs to the read while one is under way; it lives on when the job is
 * closed before the read returns.
 */
#include "base/container.h"
#include "base/size.h"
#include "base/sys.h"
#include "cache/residency.h"
#include "path/path.h"

#include <errno.h>
#include <stdlib.h>

enum { BLOCK = 256 << 10, ALIGN = 64 << 10 };

struct apart {
	struct path_send_job *job; /* NULL once closed */
	struct path_file *file;
	struct loop_op op;
	char *data;
	uint64_t offset; /* of what is being read */
	size_t length, used, filled;
	int64_t failed; /* what a read returned, where it was not bytes */
	bool has_failed, is_reading, is_direct, drops;
};

static void destroy(struct apart *apart)
{
	path_file_release(apart->file);
	free(apart->data);
	free(apart);
}

/* Takes the memory only now: reads that wait for a thread hold none. */
static int64_t read_block(void *argument)
{
	struct apart *apart = argument;
	const struct path_file *file = apart->file;
	int64_t count;

	if (!apart->data && !(apart->data = aligned_alloc(ALIGN, BLOCK)))
		return -ENOMEM;
	do
		count = sys_pread(apart->is_direct ? file->direct_fd : file->fd, apart->data,
				  apart->length, apart->offset);
	while (count == -EINTR);
	if (apart->drops && count > 0)
		cache_drop(file->fd, apart->offset, (uint64_t)count);
	return count;
}

static void on_read(struct loop_op *op, int64_t result)
{
	struct apart *apart = container_of(op, struct apart, op);

	apart->is_reading = false;
	if (!apart->job) {
		destroy(apart);
		return;
	}
	/* EINVAL: this file cannot be read with O_DIRECT after all. */
	if (result == -EINVAL && apart->is_direct) {
		apart->file->can_direct = false;
		result = -EOPNOTSUPP;
	}
	apart->used = (size_t)(apart->job->offset - apart->offset);
	apart->filled = result > 0 ? (size_t)result : 0;
	apart->has_failed = apart->filled <= apart->used;
	apart->failed = result < 0 ? result : 0;
	apart->job->wake(apart->job);
}

static int open_apart(struct path_send_job *job, bool is_direct)
{
	struct apart *apart = calloc(1, sizeof(*apart));

	if (!apart)
		return -ENOMEM;
	apart->job = job;
	apart->file = path_file_share(job->file);
	apart->op.done = on_read;
	apart->drops = job->drops;
	apart->is_direct = is_direct;
	job->state = apart;
	return 0;
}

static int open_(struct path_send_job *job)
{
	return open_apart(job, false);
}

static int open_direct(struct path_send_job *job)
{
	int result = path_file_need_direct(job->file);

	return result < 0 ? result : open_apart(job, true);
}

static void start_reading(struct path_send_job *job, struct apart *apart)
{
	uint32_t align = apart->is_direct ? apart->file->align : 1;

	apart->offset = size_round_down(job->offset, align);
	apart->length = size_min(size_round_up(job->ahead - apart->offset, align), BLOCK);
	apart->is_reading = true;
	loop_work_apart(job->loop, &apart->op, read_block, apart);
}

static int64_t step(struct path_send_job *job)
{
	struct apart *apart = job->state;
	int64_t count;

	if (apart->has_failed)
		return apart->failed;
	if (!apart->is_reading && apart->used == apart->filled)
		start_reading(job, apart);
	job->wait = PATH_WAIT_COMPLETION;
	if (apart->is_reading)
		return -EAGAIN;
	count = channel_send(job->channel, apart->data + apart->used,
			     size_min(apart->filled - apart->used, job->limit - job->offset),
			     false);
	if (count == -EAGAIN)
		job->wait = PATH_WAIT_SOCKET;
	if (count > 0)
		apart->used += (size_t)count;
	return count;
}

static void close_(struct path_send_job *job)
{
	struct apart *apart = job->state;

	apart->job = NULL;
	if (!apart->is_reading)
		destroy(apart);
}

const struct path_send path_send_apart_direct = {
	.name = "direct",
	.needs_direct = true,
	.cpu_copies = 1,
	.disk_moves = 1,
	.open = open_direct,
	.step = step,
	.close = close_,
};

const struct path_send path_send_apart = {
	.name = "readwrite",
	.uses_cache = true,
	.cpu_copies = 2,
	.open = open_,
	.step = step,
	.close = close_,
};
