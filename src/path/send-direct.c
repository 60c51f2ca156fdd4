/* SPDX-License-Identifier: MIT */
/*
 * direct: asynchronous O_DIRECT reads, several ahead of what the socket has taken.
 *
 * Copies: DMA (disk to buffer), CPU (buffer to socket), DMA (socket to card). Mode switches: two
 * per send, and few for the reads, which are submitted together. Needs O_DIRECT on the file. The
 * page cache is neither used nor changed, and the thread never waits for the disk.
 *
 * Invariants: slots[first..first+count) hold consecutive blocks of the file, each either being read
 * or ready; the first is the one being sent. `next` is where the next block starts, a multiple of
 * align.
 */
#include "base/size.h"
#include "base/sys.h"
#include "path/path.h"

#include <errno.h>
#include <stdlib.h>

/* Reads under way: 16 beat 8 by a tenth and 2 by a third, reading beside a writing receiver. */
enum { DEPTH = 16 };

struct slot {
	struct direct *owner;
	struct loop_op op;
	char *data;
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
	struct loop_lender lender; /* while the socket takes nothing */
	uint64_t next;
	unsigned first, count, reading;
	struct slot slots[DEPTH];
};

static void destroy(struct direct *direct)
{
	loop_claim_close(&direct->claim);
	for (unsigned i = 0; i < DEPTH; i++)
		if (direct->slots[i].data)
			loop_buffer_give(direct->loop, direct->slots[i].data);
	path_file_release(direct->file);
	free(direct);
}

static void submit(struct slot *slot)
{
	loop_read(slot->owner->loop, &slot->op, slot->owner->file->direct_fd,
		  slot->data + slot->filled, slot->wanted - slot->filled,
		  slot->offset + slot->filled);
}

/* Whether a read that came back short did so before the end of the file, and can be continued. */
static bool is_to_continue(const struct slot *slot, int64_t result)
{
	const struct path_file *file = slot->owner->file;

	return result > 0 && slot->filled < slot->wanted && slot->filled % file->align == 0 &&
	       slot->offset + slot->filled < file->status.stx_size;
}

static void on_read(struct loop_op *op, int64_t result)
{
	struct slot *slot = (struct slot *)((char *)op - offsetof(struct slot, op));
	struct direct *direct = slot->owner;

	if (result > 0)
		slot->filled += (size_t)result;
	else
		slot->failed = result;
	if (direct->job && is_to_continue(slot, result)) {
		submit(slot);
		return;
	}
	slot->is_reading = false;
	direct->reading--;
	if (direct->reading == 0 && direct->lender.next)
		loop_lend(direct->loop, &direct->lender); /* now it can be reclaimed */
	if (direct->job && slot == &direct->slots[direct->first])
		direct->job->wake(direct->job);
	else if (!direct->job && direct->reading == 0)
		destroy(direct);
}

static void on_granted(struct loop_claim *claim)
{
	struct direct *direct = (struct direct *)((char *)claim - offsetof(struct direct, claim));

	direct->job->wake(direct->job);
}

static void drop_first(struct direct *direct)
{
	struct slot *slot = &direct->slots[direct->first];

	loop_buffer_give(direct->loop, slot->data);
	slot->data = NULL;
	direct->first = (direct->first + 1) % DEPTH;
	direct->count--;
}

/* What is ready can be read again: it goes, all of it, when nothing is being read. */
static void reclaim(struct loop_lender *lender)
{
	struct direct *direct = (struct direct *)((char *)lender - offsetof(struct direct, lender));

	if (direct->reading > 0)
		return;
	direct->next = size_round_down(direct->job->offset, direct->file->align);
	while (direct->count > 0)
		drop_first(direct);
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
	direct->lender.reclaim = reclaim;
	for (unsigned i = 0; i < DEPTH; i++) {
		direct->slots[i].owner = direct;
		direct->slots[i].op.done = on_read;
	}
	job->state = direct;
	return 0;
}

static void read_ahead(struct path_send_job *job)
{
	struct direct *direct = job->state;
	uint32_t align = direct->file->align;

	while (direct->count < DEPTH && direct->next < job->ahead) {
		struct slot *slot = &direct->slots[(direct->first + direct->count) % DEPTH];
		uint64_t length =
			size_min(size_round_up(job->ahead - direct->next, align), LOOP_BUFFER_SIZE);

		/* Only who has none waits in the queue: the others can go on with what they have.
		 */
		slot->data = direct->count > 0 ? loop_buffer_take(direct->loop)
					       : loop_claim_take(&direct->claim);
		if (!slot->data)
			break;
		slot->offset = direct->next;
		slot->wanted = length;
		slot->filled = 0;
		slot->failed = 0;
		slot->is_reading = true;
		direct->next += length;
		direct->count++;
		direct->reading++;
		submit(slot);
	}
}

static void prefetch(struct path_send_job *job)
{
	struct direct *direct = job->state;

	read_ahead(job);
	loop_lend(direct->loop, &direct->lender); /* until its turn comes */
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
	struct slot *slot = &direct->slots[direct->first];
	int64_t length, sent;

	loop_lend_end(direct->loop, &direct->lender);
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
	do
		sent = sys_send(job->socket, slot->data + (job->offset - slot->offset),
				(size_t)length, 0);
	while (sent == -EINTR);
	if (sent == -EAGAIN) {
		job->wait = PATH_WAIT_SOCKET;
		loop_lend(direct->loop, &direct->lender);
	}
	if (sent > 0 && job->offset + (uint64_t)sent == slot->offset + slot->filled)
		drop_first(direct);
	return sent;
}

static void close_(struct path_send_job *job)
{
	struct direct *direct = job->state;

	direct->job = NULL;
	loop_lend_end(direct->loop, &direct->lender);
	if (direct->reading == 0)
		destroy(direct);
	else
		loop_claim_close(&direct->claim);
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
