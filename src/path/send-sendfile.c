/* SPDX-License-Identifier: MIT */
/*
 * sendfile: the socket refers to the pages of the page cache.
 *
 * Copies: one DMA (page cache to card), none by the CPU where the card does scatter-gather and
 * checksums. Mode switches: two per call. Needs the range to be resident: a page that is not makes
 * the caller wait for the disk, and stays in the cache afterwards. What is sent is what the file
 * holds when the card reads it, not when the call was made.
 */
#include "base/size.h"
#include "base/sys.h"
#include "path/path.h"

#include <errno.h>

enum { STEP_BYTES = 2 << 20 }; /* so that one fast socket does not keep the loop from the others */

static int64_t step(struct path_send_job *job)
{
	uint64_t length = size_min(job->limit - job->offset, STEP_BYTES);
	int64_t sent;

	do
		sent = sys_sendfile(job->channel->out, job->file->fd, job->offset, length);
	while (sent == -EINTR);
	if (sent == -EAGAIN)
		job->wait = PATH_WAIT_SOCKET;
	/* EINVAL: this file system, or this kind of socket, has no sendfile. */
	return sent == -EINVAL || sent == -ENOSYS ? -EOPNOTSUPP : sent;
}

const struct path_send path_send_sendfile = {
	.name = "sendfile",
	.summary = "page cache to socket by reference: no CPU copy, two mode switches a call",
	.needs = "a file and a socket that sendfile(2) takes",
	.needs_files = true,
	.uses_cache = true,
	.step = step,
};
