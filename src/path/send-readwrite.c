/* SPDX-License-Identifier: MIT */
/*
 * readwrite: read into a buffer, write to the socket. The plain way, and the baseline.
 *
 * Copies: DMA (disk to page cache, where it was cold), CPU (page cache to buffer), CPU (buffer to
 * socket), DMA (socket to card). Mode switches: four per block of 1 MiB. Needs nothing. A block
 * that is resident is read at once; for the others the loop reads, so that the thread never waits
 * for a disk.
 */
#include "base/container.h"
#include "base/size.h"
#include "base/sys.h"
#include "cache/residency.h"
#include "path/path.h"

#include <errno.h>
#include <stdlib.h>

struct readwrite {
	struct path_send_job *job; /* NULL once closed */
	struct loop *loop;
	struct path_file *file;
	struct loop_op op;
	struct loop_claim claim;
	struct loop_piece piece;
	size_t used, filled; /* of the piece, what is to be sent */
	int64_t failed;      /* what an asynchronous read returned, where it was not bytes */
	bool has_failed, is_reading;
};

static void destroy(struct readwrite *rw)
{
	if (rw->piece.data)
		loop_claim_give(&rw->claim, &rw->piece);
	loop_claim_close(&rw->claim);
	path_file_release(rw->file);
	free(rw);
}

/* Notes what is in the buffer now. */
static void take_read(struct readwrite *rw, const struct path_send_job *job, int64_t count)
{
	rw->used = 0;
	rw->filled = count > 0 ? (size_t)count : 0;
	if (job->drops && count > 0)
		cache_drop(rw->file->fd, job->offset, rw->filled);
}

static void on_read(struct loop_op *op, int64_t result)
{
	struct readwrite *rw = container_of(op, struct readwrite, op);

	rw->is_reading = false;
	if (!rw->job) {
		destroy(rw);
		return;
	}
	take_read(rw, rw->job, result);
	rw->has_failed = result <= 0;
	rw->failed = result;
	rw->job->wake(rw->job);
}

static void lend(struct readwrite *rw)
{
	const struct appetite *appetite = rw->job->appetite;

	loop_claim_lend(&rw->claim, false, appetite ? appetite->moved_ms : loop_now_ms(rw->loop));
}

static void on_granted(struct loop_claim *claim, struct loop_piece piece)
{
	struct readwrite *rw = container_of(claim, struct readwrite, claim);

	rw->piece = piece;
	loop_claim_lend(claim, false, loop_now_ms(rw->loop)); /* until it steps */
	rw->job->wake(rw->job);
}

/* What is in the buffer can be read again. */
static bool reclaim(struct loop_claim *claim, bool all)
{
	struct readwrite *rw = container_of(claim, struct readwrite, claim);

	if (!all)
		return false;
	loop_claim_give(&rw->claim, &rw->piece);
	rw->used = rw->filled = 0;
	return true;
}

static int open_(struct path_send_job *job)
{
	struct readwrite *rw = calloc(1, sizeof(*rw));

	if (!rw)
		return -ENOMEM;
	rw->job = job;
	rw->loop = job->loop;
	rw->file = path_file_share(job->file);
	rw->op.done = on_read;
	loop_claim_open(&rw->claim, job->loop);
	rw->claim.granted = on_granted;
	rw->claim.reclaim = reclaim;
	job->state = rw;
	return 0;
}

/* Fills the buffer. Returns > 0, 0 at the end of the file, or -EAGAIN until a completion. */
static int64_t fill(struct path_send_job *job, struct readwrite *rw)
{
	uint64_t length = job->ahead - job->offset;
	int64_t count;

	job->wait = PATH_WAIT_COMPLETION;
	if (!rw->piece.data &&
	    !loop_claim_take(&rw->claim, size_min(length, LOOP_BUFFER_SIZE), &rw->piece))
		return -EAGAIN;
	length = size_min(length, rw->piece.size);
	count = sys_pread_nowait(rw->file->fd, rw->piece.data, length, job->offset);
	if (count == -EAGAIN || count == -EOPNOTSUPP || count == -EINTR) {
		loop_read(rw->loop, &rw->op, rw->file->fd, rw->piece.data, length, job->offset);
		rw->is_reading = true;
		return -EAGAIN;
	}
	take_read(rw, job, count);
	return count;
}

/* Whoever waits has his turn before the next block. */
static void take_sent(struct readwrite *rw, size_t count)
{
	rw->used += count;
	if (rw->used == rw->filled)
		loop_claim_give(&rw->claim, &rw->piece);
}

static int64_t step(struct path_send_job *job)
{
	struct readwrite *rw = job->state;
	int64_t count;

	loop_claim_use(&rw->claim);
	if (rw->is_reading) {
		job->wait = PATH_WAIT_COMPLETION;
		return -EAGAIN;
	}
	if (rw->has_failed)
		return rw->failed;
	if (rw->used == rw->filled) {
		count = fill(job, rw);
		if (count <= 0)
			return count;
	}
	count = channel_send(job->channel, rw->piece.data + rw->used,
			     size_min(rw->filled - rw->used, job->limit - job->offset), false);
	if (count == -EAGAIN) {
		job->wait = PATH_WAIT_SOCKET;
		lend(rw);
	}
	if (count > 0)
		take_sent(rw, (size_t)count);
	return count;
}

static void close_(struct path_send_job *job)
{
	struct readwrite *rw = job->state;

	rw->job = NULL;
	loop_claim_close(&rw->claim);
	if (!rw->is_reading)
		destroy(rw);
}

const struct path_send path_send_readwrite = {
	.name = "readwrite",
	.summary = "page cache to buffer to socket: two CPU copies, four mode switches a block",
	.uses_cache = true,
	.cpu_copies = 2,
	.open = open_,
	.step = step,
	.close = close_,
};
