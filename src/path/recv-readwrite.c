/* SPDX-License-Identifier: MIT */
/*
 * readwrite: receive into a buffer, write it to the file through the page cache. The plain way, and
 * the baseline.
 *
 * Copies: DMA (card to socket), CPU (socket to buffer), CPU (buffer to page cache), DMA (page cache
 * to disk, whenever write-back runs). Mode switches: four per block of 1 MiB. Needs nothing. The
 * file stays in the page cache until somebody drops it.
 */
#include "path/blocks.h"

enum {
	DEPTH = 2, /* one fills while the other is written, because no loop may wait for a disk */
	DEPTH_WITH_WRITE_BACK = 8, /* so many MiB are dirty at most; fewer leave the disk idle */
};

static int open_(struct path_recv_job *job)
{
	return blocks_open(job, job->file->fd, 1, job->paces ? DEPTH_WITH_WRITE_BACK : DEPTH, 0);
}

const struct path_recv path_recv_readwrite = {
	.name = "readwrite",
	.summary = "socket to buffer to page cache: two CPU copies, four mode switches a block",
	.needs_file = true,
	.writes_later = true,
	.cpu_copies = 2,
	.push_copies = 3,
	.disk_moves = 1,
	.open = open_,
	.step = blocks_step,
	.push = blocks_push,
	.finish = blocks_finish,
	.settled = blocks_settled,
	.close = blocks_close,
};
