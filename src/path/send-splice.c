/* SPDX-License-Identifier: MIT */
/*
 * splice: the file's cached pages go by reference into a pipe, and from there to the socket. What
 * sendfile does inside the kernel, in two calls.
 *
 * Copies: one DMA (page cache to card), none by the CPU where the card does scatter-gather and
 * checksums. Mode switches: four per MiB, or per what the socket takes. Needs the range to be
 * resident: a page that is not makes the caller wait for the disk, and stays in the cache
 * afterwards. What is sent is what the file holds when the card reads it.
 *
 * Invariant: the pipe holds the `held` bytes of the file from the job's offset on, and never one at
 * or behind what may be read ahead.
 */
#include "base/size.h"
#include "base/sys.h"
#include "path/path.h"
#include "path/pipe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

struct splice {
	struct path_pipe pipe;
	uint64_t held;
};

static int open_(struct path_send_job *job)
{
	struct splice *splice = calloc(1, sizeof(*splice));
	int result = splice ? path_pipe_open(&splice->pipe) : -ENOMEM;

	if (result < 0)
		free(splice);
	else
		job->state = splice;
	return result;
}

static int64_t fill(const struct path_send_job *job, struct splice *splice)
{
	uint64_t offset = job->offset;
	uint64_t length = size_min(job->limit - offset, splice->pipe.capacity);
	int64_t count;

	do
		count = sys_splice(job->file->fd, &offset, splice->pipe.in, NULL, length,
				   SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
	while (count == -EINTR);
	if (count > 0)
		splice->held = (uint64_t)count;
	/* EINVAL: this file system has no splice. */
	return count == -EINVAL ? -EOPNOTSUPP : count;
}

static int64_t drain(struct path_send_job *job, struct splice *splice)
{
	uint64_t length = size_min(splice->held, job->limit - job->offset);
	bool has_more = job->offset + length < job->ahead;
	int64_t sent;

	do
		sent = sys_splice(splice->pipe.out, NULL, job->channel->out, NULL, length,
				  SPLICE_F_MOVE | SPLICE_F_NONBLOCK |
					  (has_more ? SPLICE_F_MORE : 0));
	while (sent == -EINTR);
	if (sent > 0)
		splice->held -= (uint64_t)sent;
	if (sent == -EAGAIN)
		job->wait = PATH_WAIT_SOCKET;
	return sent == -EINVAL ? -EOPNOTSUPP : sent;
}

static int64_t step(struct path_send_job *job)
{
	struct splice *splice = job->state;
	int64_t count = splice->held ? 1 : fill(job, splice);

	return count > 0 ? drain(job, splice) : count;
}

static void close_(struct path_send_job *job)
{
	struct splice *splice = job->state;

	path_pipe_close(&splice->pipe);
	free(splice);
}

const struct path_send path_send_splice = {
	.name = "splice",
	.summary = "page cache to pipe to socket by reference: no CPU copy, four mode switches a "
		   "MiB",
	.needs = "a file and a socket that splice(2) takes, and a pipe of 1 MiB "
		 "(fs.pipe-user-pages-soft)",
	.needs_files = true,
	.uses_cache = true,
	.open = open_,
	.step = step,
	.close = close_,
};
