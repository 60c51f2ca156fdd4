/* SPDX-License-Identifier: MIT */
/*
 * direct: asynchronous O_DIRECT reads, several ahead of what the socket has taken.
 *
 * Copies: DMA (disk to buffer), CPU (buffer to socket), DMA (socket to card). Mode switches: two
 * per send, and few for the reads, which are submitted together. Needs O_DIRECT on the file. The
 * page cache is neither used nor changed, and the thread never waits for the disk.
 *
 * Invariants: slots[first..first+count) hold consecutive blocks of the file, each either being read
 * or ready; from the first step on the first of them is being sent. `next` is where the next block
 * starts, a multiple of align. While the socket takes nothing, or it is not
 * this job's turn, what is held is lent.
 */
#include "base/container.h"
#include "base/size.h"
#include "base/sys.h"
#include "path/path.h"

#include <errno.h>
#include <stdlib.h>

enum { DEPTH = APPETITE_DEPTH };

struct slot {
	struct direct *owner;
	struct loop_op op;
	struct loop_piece piece;
	uint64_t offset;
	size_t wanted, filled;
	int64_t failed; /* -errno, or 0 */
	bool is_reading;
};

struct direct {
	struct path_send_job *job; /* NULL once closed */
	struct loop *loop;
	struct path_file *file;
	struct loop_claim claim;
	uint64_t next;
	unsigned first, count, reading;
	bool is_sending; /* the job's turn has come */
	bool is_lent;
	struct slot slots[DEPTH];
};

static struct slot *slot_at(struct direct *direct, unsigned index)
{
	return &direct->slots[(direct->first + index) % DEPTH];
}

static void destroy(struct direct *direct)
{
	for (unsigned i = 0; i < DEPTH; i++)
		if (direct->slots[i].piece.data)
			loop_claim_give(&direct->claim, &direct->slots[i].piece);
	loop_claim_close(&direct->claim);
	path_file_release(direct->file);
	free(direct);
}

static void submit(struct slot *slot)
{
	loop_read(slot->owner->loop, &slot->op, slot->owner->file->direct_fd,
		  slot->piece.data + slot->filled, slot->wanted - slot->filled,
		  slot->offset + slot->filled);
}

/* Whether a read that came back short did so before the end of the file, and can be continued. */
static bool should_continue(const struct slot *slot, int64_t result)
{
	const struct path_file *file = slot->owner->file;

	return result > 0 && slot->filled < slot->wanted && slot->filled % file->align == 0 &&
	       slot->offset + slot->filled < file->status.stx_size;
}

/* What is not being sent can be read again, and so can the rest once the peer takes nothing. */
static void lend(struct direct *direct)
{
	const struct appetite *appetite = direct->job->appetite;
	uint64_t idle_since = appetite ? appetite->moved_ms : loop_now_ms(direct->loop);

	direct->is_lent = true;
	loop_claim_lend(&direct->claim, !direct->is_sending || direct->count > 1, idle_since);
}

static void on_read(struct loop_op *op, int64_t result)
{
	struct slot *slot = container_of(op, struct slot, op);
	struct direct *direct = slot->owner;
	bool is_first = slot == slot_at(direct, 0);

	if (result > 0)
		slot->filled += (size_t)result;
	else
		slot->failed = result;
	if (direct->job && should_continue(slot, result)) {
		submit(slot);
		return;
	}
	slot->is_reading = false;
	direct->reading--;
	if (direct->job && direct->is_lent)
		lend(direct); /* now there is more that can be taken back */
	if (direct->job && is_first)
		direct->job->wake(direct->job);
	else if (!direct->job && direct->reading == 0)
		destroy(direct);
}

static void drop_first(struct direct *direct)
{
	loop_claim_give(&direct->claim, &slot_at(direct, 0)->piece);
	direct->first = (direct->first + 1) % DEPTH;
	direct->count--;
}

/* The last one: what is sent next stays longest. */
static bool reclaim(struct loop_claim *claim, bool all)
{
	struct direct *direct = container_of(claim, struct direct, claim);
	struct slot *last = slot_at(direct, direct->count - 1);
	unsigned keep = direct->is_sending && !all;

	if (direct->count <= keep || last->is_reading)
		return false;
	direct->count--;
	direct->next = direct->count > 0
			       ? last->offset
			       : size_round_down(direct->job->offset, direct->file->align);
	loop_claim_give(claim, &last->piece);
	if (direct->job->appetite)
		appetite_robbed(direct->job->appetite);
	return true;
}

static void start_read(struct direct *direct, struct loop_piece piece)
{
	struct slot *slot = slot_at(direct, direct->count);
	uint64_t left = direct->job->ahead - direct->next;

	slot->piece = piece;
	slot->offset = direct->next;
	slot->wanted = size_min(size_round_up(left, direct->file->align), piece.size);
	slot->filled = 0;
	slot->failed = 0;
	slot->is_reading = true;
	direct->next += slot->wanted;
	direct->count++;
	direct->reading++;
	submit(slot);
}

static void on_granted(struct loop_claim *claim, struct loop_piece piece)
{
	struct direct *direct = container_of(claim, struct direct, claim);

	start_read(direct, piece);
	if (direct->is_lent)
		lend(direct);
}

/* Before its turn it waits in no line: what it read would be taken from it again. */
static bool take(struct direct *direct, size_t wanted, struct loop_piece *piece)
{
	return direct->is_sending ? loop_claim_take(&direct->claim, wanted, piece)
				  : loop_claim_take_more(&direct->claim, wanted, piece);
}

static void read_ahead(struct path_send_job *job)
{
	struct direct *direct = job->state;
	const struct appetite *appetite = job->appetite;
	unsigned depth = appetite ? appetite_depth(appetite) : DEPTH;
	size_t block = appetite ? appetite_block(appetite) : LOOP_BUFFER_SIZE;
	struct loop_piece piece;

	while (direct->count < depth && direct->next < job->ahead &&
	       take(direct, size_min(job->ahead - direct->next, block), &piece))
		start_read(direct, piece);
}

static void prefetch(struct path_send_job *job)
{
	struct direct *direct = job->state;

	read_ahead(job);
	if (!direct->is_sending)
		lend(direct); /* until its turn comes */
}

static int open_(struct path_send_job *job)
{
	struct direct *direct;
	int result = path_file_need_direct(job->file);

	if (result < 0)
		return result;
	direct = calloc(1, sizeof(*direct));
	if (!direct)
		return -ENOMEM;
	direct->job = job;
	direct->loop = job->loop;
	direct->file = path_file_share(job->file);
	direct->next = size_round_down(job->offset, job->file->align);
	loop_claim_open(&direct->claim, job->loop);
	direct->claim.granted = on_granted;
	direct->claim.reclaim = reclaim;
	for (unsigned i = 0; i < DEPTH; i++) {
		direct->slots[i].owner = direct;
		direct->slots[i].op.done = on_read;
	}
	job->state = direct;
	return 0;
}

/* What of the first slot is to be sent next; 0 where the file ended before the job's offset. */
static int64_t ready_bytes(const struct path_send_job *job, const struct slot *slot)
{
	if (slot->failed)
		/* EINVAL: this file, or this alignment, cannot be read with O_DIRECT after all. */
		return slot->failed == -EINVAL ? -EOPNOTSUPP : slot->failed;
	if (job->offset < slot->offset || job->offset >= slot->offset + slot->filled)
		return 0;
	return (int64_t)size_min(slot->offset + slot->filled, job->limit) - (int64_t)job->offset;
}

static int64_t step(struct path_send_job *job)
{
	struct direct *direct = job->state;
	const struct slot *slot = slot_at(direct, 0);
	int64_t length, sent;

	direct->is_sending = true;
	direct->is_lent = false;
	loop_claim_use(&direct->claim);
	read_ahead(job);
	if (direct->count == 0 && direct->next >= job->ahead)
		return 0; /* all was read, and it is less than it should be */
	if (direct->count == 0 || slot->is_reading) {
		job->wait = PATH_WAIT_COMPLETION;
		return -EAGAIN;
	}
	length = ready_bytes(job, slot);
	if (length == -EOPNOTSUPP)
		direct->file->can_direct = false;
	if (length <= 0)
		return length;
	sent = channel_send(job->channel, slot->piece.data + (job->offset - slot->offset),
			    (size_t)length, false);
	if (sent == -EAGAIN) {
		job->wait = PATH_WAIT_SOCKET;
		lend(direct);
	}
	if (sent > 0 && job->offset + (uint64_t)sent == slot->offset + slot->filled)
		drop_first(direct);
	return sent;
}

static void close_(struct path_send_job *job)
{
	struct direct *direct = job->state;

	direct->job = NULL;
	loop_claim_close(&direct->claim);
	if (direct->reading == 0)
		destroy(direct);
}

const struct path_send path_send_direct = {
	.name = "direct",
	.summary = "disk to buffer by DMA, buffer to socket: one CPU copy, page cache untouched",
	.needs = "a file that can be read with O_DIRECT",
	.needs_direct = true,
	.cpu_copies = 1,
	.disk_moves = 1,
	.open = open_,
	.prefetch = prefetch,
	.step = step,
	.close = close_,
};
