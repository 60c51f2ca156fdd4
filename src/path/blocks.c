/* SPDX-License-Identifier: MIT */
/*
 * Invariants: at most one block is `current`, the one being filled; it starts where the last one
 * that was submitted ended. A busy block is being written, a lent one is read by others meanwhile
 * and maybe longer: until then it is nobody else's. Every block but the
 * last starts and ends at a multiple of align; what came behind that waits in `tail` until there is
 * a block for it, so that a peer that sends nothing holds none: where others need the current one,
 * its aligned part is written early.
 */
#include "path/blocks.h"
#include "base/container.h"

#include "base/size.h"
#include "base/sys.h"
#include "cache/residency.h"
#include "path/zeros.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 16 };

struct block {
	struct blocks *owner;
	struct loop_op op;
	struct loop_piece piece;
	uint64_t offset; /* in the file */
	size_t filled, written;
	size_t hole; /* of zeros under way; 0: a write is */
	int fd, flags;
	bool is_busy, is_lent;
};

struct blocks {
	struct path_recv_job *job; /* NULL once closed */
	struct loop *loop;
	struct path_file *file;
	struct loop_claim claim;
	struct block *current;
	size_t tail_length;
	int fd, flags, failed;
	uint64_t failed_at; /* lowest offset that was not written, with failed */
	bool paces, drops;  /* what a block's write-back does */
	bool makes_holes;
	bool ends_in_data; /* the file is to be as long as what has come: no hole at its end */
	uint32_t align;
	unsigned depth, busy, lent;
	struct block blocks[DEPTH_MAX];
	char tail[]; /* bytes behind the last aligned block: less than align */
};

static void destroy(struct blocks *blocks)
{
	for (unsigned i = 0; i < blocks->depth; i++)
		if (blocks->blocks[i].piece.data)
			loop_claim_give(&blocks->claim, &blocks->blocks[i].piece);
	loop_claim_close(&blocks->claim);
	path_file_release(blocks->file);
	free(blocks);
}

/* Whatever is there becomes zeros that take no space. */
static int64_t punch(void *argument)
{
	const struct block *block = argument;

	return sys_fallocate(block->owner->file->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			     block->offset + block->written, block->hole);
}

static void submit(struct block *block)
{
	const char *data = block->piece.data + block->written;
	size_t length = block->filled - block->written;
	bool are_zeros = false;

	if (block->owner->makes_holes)
		length = zeros_stretch(data, length, block->written == 0, &are_zeros);
	if (are_zeros && block->owner->ends_in_data && block->written + length == block->filled) {
		are_zeros = length > ZEROS_BLOCK;
		length -= are_zeros ? ZEROS_BLOCK : 0;
	}
	block->hole = are_zeros ? length : 0;
	if (are_zeros)
		loop_work(block->owner->loop, &block->op, punch, block);
	else
		loop_write_flags(block->owner->loop, &block->op, block->fd, data, length,
				 block->offset + block->written, block->flags);
}

static void fail(struct blocks *blocks, const struct block *block, int64_t result)
{
	uint64_t offset = block->offset + block->written;

	blocks->failed_at = blocks->failed ? size_min(blocks->failed_at, offset) : offset;
	blocks->failed = result == 0 ? -EIO : (int)result;
}

static void on_written(struct loop_op *op, int64_t result);

/* Without a descriptor for it the sync at the end writes back alone. */
static bool can_pace(const struct path_recv_job *job)
{
	return job->paces && path_file_need_write_back(job->file) == 0;
}

/* The block can be used for other bytes. */
static void end_use(struct blocks *blocks)
{
	if (blocks->job)
		blocks->job->wake(blocks->job);
	else if (blocks->busy + blocks->lent == 0)
		destroy(blocks);
}

/* It is written. */
static void release(struct block *block)
{
	block->is_busy = false;
	block->owner->busy--;
	end_use(block->owner);
}

/* It is read. */
static void on_returned(void *argument)
{
	struct block *block = argument;

	block->is_lent = false;
	block->owner->lent--;
	if (!block->is_busy && block->piece.data)
		loop_claim_give(&block->owner->claim, &block->piece);
	end_use(block->owner);
}

static void lend(struct block *block)
{
	struct path_recv_job *job = block->owner->job;
	const struct path_lent lent = {block->offset, block->piece.data, block->filled, on_returned,
				       block};

	block->is_lent = job->lend && job->lend(job, &lent);
	block->owner->lent += block->is_lent;
}

/*
 * Waits until the block is on the disk: as many bytes as there are blocks can be dirty, and no
 * more, however fast they come. Then its pages can go, where they are to.
 */
static int64_t write_back(void *argument)
{
	const struct block *block = argument;
	int result = sys_sync_file_range(
		block->owner->file->write_back_fd, block->offset, block->filled,
		SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER);

	if (result == 0 && block->owner->drops)
		cache_drop(block->fd, block->offset, block->filled);
	/* ESPIPE, EINVAL: not offered here; the sync at the end covers it. */
	return result == -EIO || result == -ENOSPC ? result : 0;
}

static void on_written_back(struct loop_op *op, int64_t result)
{
	struct block *block = container_of(op, struct block, op);

	block->op.done = on_written;
	block->written = 0; /* for fail: none of it is certain */
	if (result < 0)
		fail(block->owner, block, result);
	release(block);
}

/* What is in the current block goes the new way, too. */
static void note_refused(struct blocks *blocks, const struct block *block)
{
	struct path_recv_job *job = blocks->job;
	uint64_t offset = block->offset + block->written;

	job->refused_at = job->has_fallen_back ? size_min(job->refused_at, offset) : offset;
	job->refused_bytes += block->filled - block->written;
	if (!job->has_fallen_back)
		job->refused_bytes += blocks->tail_length;
	if (!job->has_fallen_back && blocks->current)
		job->refused_bytes += blocks->current->filled;
	job->has_fallen_back = true;
}

/*
 * A file system that takes O_DIRECT or RWF_DONTCACHE at first may still refuse a later write, which
 * then goes through the page cache, as all that follow it.
 */
static bool falls_back(struct blocks *blocks, struct block *block, int64_t result)
{
	bool is_plain = block->fd == blocks->file->fd && block->flags == 0;

	if ((result != -EINVAL && result != -EOPNOTSUPP) || is_plain || !blocks->job ||
	    !blocks->job->may_fall_back)
		return false;
	note_refused(blocks, block);
	blocks->paces = can_pace(blocks->job);
	blocks->fd = block->fd = blocks->file->fd;
	blocks->flags = block->flags = 0;
	submit(block);
	return true;
}

/* What cannot be a hole is written, here and from now on. */
static bool is_refused_hole(struct block *block, int64_t result)
{
	if (block->hole == 0 || result >= 0)
		return false;
	block->owner->makes_holes = false;
	submit(block);
	return true;
}

/* As that of a write. */
static int64_t end_hole(struct block *block)
{
	struct blocks *blocks = block->owner;

	if (blocks->job)
		blocks->job->hole_bytes += block->hole;
	return (int64_t)block->hole;
}

static void on_written(struct loop_op *op, int64_t result)
{
	struct block *block = container_of(op, struct block, op);
	struct blocks *blocks = block->owner;

	if (is_refused_hole(block, result))
		return;
	if (block->hole > 0)
		result = end_hole(block);
	if (falls_back(blocks, block, result))
		return;
	if (result > 0)
		block->written += (size_t)result;
	if (result > 0 && block->written < block->filled && blocks->job) {
		submit(block);
		return;
	}
	if (block->written < block->filled)
		fail(blocks, block, result);
	if (!block->is_lent)
		loop_claim_give(&blocks->claim, &block->piece);
	if (blocks->paces && !blocks->failed && blocks->job) {
		block->op.done = on_written_back;
		loop_work(blocks->loop, &block->op, write_back, block);
		return;
	}
	release(block);
}

static void start_write(struct blocks *blocks, struct block *block, int fd)
{
	block->fd = fd;
	block->flags = blocks->flags;
	block->written = 0;
	block->is_busy = true;
	blocks->busy++;
	lend(block);
	submit(block);
}

/* One that has a piece, if there is such a one; NULL where all are in use. */
static struct block *idle_block(struct blocks *blocks)
{
	struct block *idle = NULL;

	for (unsigned i = 0; i < blocks->depth; i++)
		if (!blocks->blocks[i].is_busy && !blocks->blocks[i].is_lent &&
		    (!idle || blocks->blocks[i].piece.data))
			idle = &blocks->blocks[i];
	return idle;
}

/* Submits the aligned part of the current block and remembers the rest. */
static void flush_current(struct blocks *blocks)
{
	struct block *block = blocks->current;
	size_t aligned = size_round_down(block->filled, blocks->align);

	blocks->current = NULL;
	blocks->tail_length = block->filled - aligned;
	memcpy(blocks->tail, block->piece.data + aligned, blocks->tail_length);
	block->filled = aligned;
	if (aligned)
		start_write(blocks, block, blocks->fd);
}

/* Keeps no piece while nothing comes. Whether one was given back. */
static bool set_aside(struct blocks *blocks)
{
	struct block *block;

	if (blocks->current)
		flush_current(blocks);
	block = idle_block(blocks);
	if (!block || !block->piece.data)
		return false;
	loop_claim_give(&blocks->claim, &block->piece);
	return true;
}

static bool reclaim(struct loop_claim *claim, bool all)
{
	return set_aside(container_of(claim, struct blocks, claim));
}

static void on_granted(struct loop_claim *claim, struct loop_piece piece)
{
	struct blocks *blocks = container_of(claim, struct blocks, claim);

	idle_block(blocks)->piece = piece;
	loop_claim_lend(claim, false, loop_now_ms(blocks->loop)); /* until it steps */
	blocks->job->wake(blocks->job);
}

int blocks_open(struct path_recv_job *job, int fd, uint32_t align, unsigned depth, int flags)
{
	struct blocks *blocks;

	if (job->offset % align != 0)
		return -EOPNOTSUPP;
	blocks = calloc(1, sizeof(*blocks) + align);
	if (!blocks)
		return -ENOMEM;
	blocks->job = job;
	blocks->loop = job->loop;
	blocks->file = path_file_share(job->file);
	blocks->fd = fd;
	blocks->flags = flags;
	blocks->align = align;
	blocks->depth = depth;
	blocks->paces = fd == job->file->fd && !flags && can_pace(job);
	blocks->drops = job->drops;
	blocks->makes_holes = job->makes_holes;
	blocks->ends_in_data = job->limit == UINT64_MAX;
	loop_claim_open(&blocks->claim, job->loop);
	blocks->claim.granted = on_granted;
	blocks->claim.reclaim = reclaim;
	for (unsigned i = 0; i < depth; i++) {
		blocks->blocks[i].owner = blocks;
		blocks->blocks[i].op.done = on_written;
	}
	job->state = blocks;
	return 0;
}

/* The current block begins with what was left of the one before. */
static void begin(struct blocks *blocks, struct block *block)
{
	block->offset = blocks->job->offset - blocks->tail_length;
	block->filled = blocks->tail_length;
	memcpy(block->piece.data, blocks->tail, blocks->tail_length);
	blocks->tail_length = 0;
	blocks->current = block;
}

/* Makes sure there is a current block with room. Returns 0, -EAGAIN or the failure of a write. */
static int make_room(struct path_recv_job *job, struct blocks *blocks)
{
	struct block *block;

	if (blocks->failed)
		return blocks->failed;
	loop_claim_use(&blocks->claim);
	if (blocks->current)
		return 0;
	job->wait = PATH_WAIT_COMPLETION;
	block = idle_block(blocks);
	if (!block)
		return -EAGAIN;
	if (!block->piece.data && !loop_claim_take(&blocks->claim, LOOP_BUFFER_SIZE, &block->piece))
		return -EAGAIN; /* until one of the busy is free, or granted */
	begin(blocks, block);
	return 0;
}

static void advance(struct blocks *blocks, size_t length)
{
	struct block *block = blocks->current;

	block->filled += length;
	if (block->filled < block->piece.size)
		return;
	blocks->current = NULL;
	start_write(blocks, block, blocks->fd);
}

static size_t room(const struct path_recv_job *job, const struct block *block)
{
	return size_min(block->piece.size - block->filled, job->limit - job->offset);
}

/* The peer sends nothing for now. */
static void rest(struct blocks *blocks)
{
	if (blocks->current->filled < blocks->align)
		set_aside(blocks);
	else
		loop_claim_lend(&blocks->claim, true, loop_now_ms(blocks->loop));
}

int64_t blocks_step(struct path_recv_job *job)
{
	struct blocks *blocks = job->state;
	int64_t count = make_room(job, blocks);
	struct block *block = blocks->current;

	if (count < 0)
		return count;
	count = channel_receive(job->channel, block->piece.data + block->filled, room(job, block));
	if (count == -EAGAIN) {
		job->wait = PATH_WAIT_SOCKET;
		rest(blocks);
	}
	if (count > 0)
		advance(blocks, (size_t)count);
	return count;
}

int64_t blocks_push(struct path_recv_job *job, const void *data, size_t length)
{
	struct blocks *blocks = job->state;
	int result = make_room(job, blocks);
	struct block *block = blocks->current;

	if (result < 0)
		return result;
	length = size_min(length, room(job, block));
	memcpy(block->piece.data + block->filled, data, length);
	advance(blocks, length);
	return (int64_t)length;
}

/* Called when no block is busy. */
static void write_tail(struct path_recv_job *job, struct blocks *blocks)
{
	struct block *block = idle_block(blocks);

	if (!block || (!block->piece.data &&
		       !loop_claim_take(&blocks->claim, blocks->tail_length, &block->piece)))
		return;
	begin(blocks, block);
	blocks->current = NULL;
	start_write(blocks, block, blocks->file->fd);
}

int blocks_finish(struct path_recv_job *job)
{
	struct blocks *blocks = job->state;

	job->wait = PATH_WAIT_COMPLETION;
	loop_claim_use(&blocks->claim);
	if (blocks->current)
		flush_current(blocks);
	if (blocks->busy == 0 && blocks->tail_length && !blocks->failed)
		write_tail(job, blocks);
	if (blocks->busy > 0 || (blocks->tail_length && !blocks->failed))
		return -EAGAIN;
	return blocks->failed;
}

uint64_t blocks_settled(const struct path_recv_job *job)
{
	const struct blocks *blocks = job->state;
	uint64_t settled =
		blocks->current ? blocks->current->offset : job->offset - blocks->tail_length;

	for (unsigned i = 0; i < blocks->depth; i++)
		if (blocks->blocks[i].is_busy)
			settled = size_min(settled, blocks->blocks[i].offset);
	return blocks->failed ? size_min(settled, blocks->failed_at) : settled;
}

void blocks_close(struct path_recv_job *job)
{
	struct blocks *blocks = job->state;

	blocks->job = NULL;
	loop_claim_close(&blocks->claim);
	if (blocks->busy + blocks->lent == 0)
		destroy(blocks);
}
