/* SPDX-License-Identifier: MIT */
/*
 * direct: receive into an aligned buffer, write it with asynchronous O_DIRECT, several under way.
 *
 * Copies: DMA (card to socket), CPU (socket to buffer), DMA (buffer to disk). Mode switches: two
 * per receive, and few for the writes, which are submitted together. Needs O_DIRECT on the file,
 * and an aligned offset to start from. The page cache is not touched but for the last bytes of a
 * length that is not aligned.
 */
#include "path/blocks.h"

/*
 * Blocks under way. Each takes a while to become durable, and one is always being filled: with 8
 * the disk was idle now and then, 16 gave 15 % more at a fifth less CPU time, 32 the same as 16
 * (bench/peers, warm source).
 */
enum { DEPTH = 16 };

static int open_(struct path_recv_job *job)
{
	int result = path_file_need_direct(job->file);

	if (result < 0)
		return result;
	return blocks_open(job, job->file->direct_fd, job->file->align, DEPTH, 0);
}

const struct path_recv path_recv_direct = {
	.name = "direct",
	.summary = "socket to buffer, buffer to disk by DMA: one CPU copy, page cache untouched",
	.needs = "a file that can be written with O_DIRECT, and an offset aligned for that",
	.needs_file = true,
	.needs_direct = true,
	.cpu_copies = 1,
	.push_copies = 2,
	.disk_moves = 1,
	.open = open_,
	.step = blocks_step,
	.push = blocks_push,
	.finish = blocks_finish,
	.settled = blocks_settled,
	.close = blocks_close,
};
