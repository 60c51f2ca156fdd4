/* SPDX-License-Identifier: MIT */
/*
 * dontcache: receive into a buffer, write it through the page cache with RWF_DONTCACHE, which
 * starts write-back at once and drops the pages when it is done.
 *
 * Copies: DMA (card to socket), CPU (socket to buffer), CPU (buffer to page cache), DMA (page cache
 * to disk). Mode switches: four per block of 1 MiB. Needs a file system with RWF_DONTCACHE; no
 * alignment. The page cache holds only what is on its way to the disk.
 */
#include "path/blocks.h"

#include <errno.h>

/*
 * The write itself starts the write-back, so nothing else paces it: here 1 MiB was dirty and 127
 * MiB under write-back at most, and waiting for each block cost a quarter of the rate.
 */
enum { DEPTH = 4 };

static int open_(struct path_recv_job *job)
{
	int result = path_file_need_dontcache(job->file);

	if (result < 0)
		return result;
	return blocks_open(job, job->file->fd, 1, DEPTH, RWF_DONTCACHE);
}

/* Where the file could not be asked at open, the first write asks it. */
static int note(struct path_recv_job *job, int64_t result)
{
	if (result == -EOPNOTSUPP)
		job->file->can_dontcache = false;
	return result < 0 ? (int)result : 0;
}

static int64_t step(struct path_recv_job *job)
{
	int64_t count = blocks_step(job);

	return count < 0 ? note(job, count) : count;
}

static int finish(struct path_recv_job *job)
{
	return note(job, blocks_finish(job));
}

const struct path_recv path_recv_dontcache = {
	.name = "dontcache",
	.summary = "socket to buffer to page cache, which lets go of it: two CPU copies, four mode "
		   "switches a block",
	.needs = "a file system with RWF_DONTCACHE",
	.needs_file = true,
	.cpu_copies = 2,
	.push_copies = 3,
	.disk_moves = 1,
	.open = open_,
	.step = step,
	.push = blocks_push,
	.finish = finish,
	.settled = blocks_settled,
	.close = blocks_close,
};
