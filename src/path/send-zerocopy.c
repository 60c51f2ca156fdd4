/* SPDX-License-Identifier: MIT */
/*
 * zerocopy: read into a buffer, send it by reference (MSG_ZEROCOPY).
 *
 * Copies: where the range is resident, CPU (page cache to buffer), else DMA (disk to buffer, by
 * O_DIRECT where the file can); DMA (buffer to card). On loopback, and wherever a packet is looked
 * into on its way, the kernel copies after all: its completions say so, and the bill. Mode
 * switches: two per send, two per completion read, few for the reads. Needs a TCP socket.
 *
 * Invariants: slots[first..first+held) are sent and may still be read by the kernel, the next
 * `count` are being read, or ready; the first of these is being sent. A slot is used again only
 * when the completions of all its sends came. The bytes that end a job are reported only then, too,
 * so that who comes next on the socket finds no completions but its own.
 *
 * Memory of a transfer that ends early is unmapped at once: the kernel holds the pages that it has
 * yet to send, and nobody can write to them any more. That is why it is not the loop's.
 */
#include "base/container.h"
#include "path/notices.h"

#include "base/size.h"
#include "base/sys.h"
#include "path/path.h"

#include <errno.h>
#include <stdlib.h>

enum {
	DEPTH = 4,
	SLOT_SIZE = 512 << 10,
	/* Below, keeping the books costs more than the copy; and behind a short copy the peer
	 * acknowledges, without its usual delay, what it got before. */
	COPY_BELOW = 16 << 10,
};

struct slot {
	struct zerocopy *owner;
	struct loop_op op;
	char *data;
	uint64_t offset;
	size_t wanted, filled;
	int64_t failed; /* -errno, or 0 */
	bool is_reading, is_direct;
	struct notices_range sends;
};

struct zerocopy {
	struct path_send_job *job; /* NULL once closed */
	struct loop *loop;
	struct path_file *file;
	char *memory;
	uint64_t next;       /* where the next slot starts to read */
	uint64_t unreported; /* bytes sent that step has not returned yet */
	uint64_t referred;   /* bytes sent by reference */
	uint64_t copied;     /* of the sends by reference, how many the kernel copied after all */
	unsigned first, held, count, reading;
	struct notices notices;
	struct slot slots[DEPTH];
};

static void destroy(struct zerocopy *zerocopy)
{
	if (zerocopy->memory)
		sys_unmap(zerocopy->memory, DEPTH * SLOT_SIZE);
	path_file_release(zerocopy->file);
	free(zerocopy);
}

static struct slot *slot_at(struct zerocopy *zerocopy, unsigned index)
{
	return &zerocopy->slots[(zerocopy->first + index) % DEPTH];
}

/* Reading */

static void submit(struct slot *slot)
{
	const struct path_file *file = slot->owner->file;

	loop_read(slot->owner->loop, &slot->op, slot->is_direct ? file->direct_fd : file->fd,
		  slot->data + slot->filled, slot->wanted - slot->filled,
		  slot->offset + slot->filled);
}

static bool should_continue(const struct slot *slot, int64_t result)
{
	const struct path_file *file = slot->owner->file;

	return result > 0 && slot->filled < slot->wanted &&
	       slot->offset + slot->filled < file->status.stx_size &&
	       (!slot->is_direct || slot->filled % file->align == 0);
}

/* EINVAL: this file cannot be read with O_DIRECT after all. Its page cache can. */
static bool should_retry(struct slot *slot, int64_t result)
{
	if (result != -EINVAL || !slot->is_direct)
		return false;
	slot->owner->file->can_direct = false;
	slot->is_direct = false;
	return true;
}

static void on_read(struct loop_op *op, int64_t result)
{
	struct slot *slot = container_of(op, struct slot, op);
	struct zerocopy *zerocopy = slot->owner;

	if (result > 0)
		slot->filled += (size_t)result;
	if (zerocopy->job && (should_continue(slot, result) || should_retry(slot, result))) {
		submit(slot);
		return;
	}
	slot->failed = result < 0 ? result : 0;
	slot->is_reading = false;
	zerocopy->reading--;
	if (zerocopy->job)
		zerocopy->job->wake(zerocopy->job);
	else if (zerocopy->reading == 0)
		destroy(zerocopy);
}

static void read_later(struct zerocopy *zerocopy, struct slot *slot)
{
	slot->is_direct = path_file_need_direct(zerocopy->file) == 0;
	slot->is_reading = true;
	zerocopy->reading++;
	zerocopy->next = slot->offset + slot->wanted;
	submit(slot);
}

static void read_slot(const struct path_send_job *job, struct zerocopy *zerocopy, struct slot *slot)
{
	struct path_file *file = zerocopy->file;
	uint32_t align = file->can_direct ? file->align : 1;
	int64_t count;

	slot->offset = size_round_down(zerocopy->next, align);
	slot->wanted = size_min(size_round_up(job->ahead - slot->offset, align), SLOT_SIZE);
	slot->filled = 0;
	slot->failed = 0;
	slot->is_direct = false;
	slot->sends = (struct notices_range){0};
	zerocopy->count++;
	count = sys_pread_nowait(file->fd, slot->data, slot->wanted, slot->offset);
	if (count == -EAGAIN || count == -EOPNOTSUPP || count == -EINTR) {
		read_later(zerocopy, slot);
		return;
	}
	slot->failed = count < 0 ? count : 0;
	slot->filled = count > 0 ? (size_t)count : 0;
	zerocopy->next = slot->offset + slot->filled;
}

/* One slot is enough of what is resident; of what is not, as many as there are. */
static void read_ahead(const struct path_send_job *job, struct zerocopy *zerocopy)
{
	while (zerocopy->held + zerocopy->count < DEPTH && zerocopy->next < job->ahead) {
		unsigned end = zerocopy->held + zerocopy->count;

		if (zerocopy->count > 0 && !slot_at(zerocopy, end - 1)->is_reading)
			return;
		read_slot(job, zerocopy, slot_at(zerocopy, end));
	}
}

/* Completions */

static void take_notices(struct path_send_job *job, struct zerocopy *zerocopy)
{
	struct notices_range *ranges[DEPTH];
	uint64_t copied;

	for (unsigned i = 0; i < DEPTH; i++)
		ranges[i] = &zerocopy->slots[i].sends;
	copied = notices_take(&zerocopy->notices, job->channel->out, ranges, DEPTH);
	zerocopy->copied += copied;
	if (job->tally)
		job->tally->zerocopy_copied += copied;
}

static void release(struct zerocopy *zerocopy)
{
	while (zerocopy->held > 0 && slot_at(zerocopy, 0)->sends.open == 0) {
		zerocopy->first = (zerocopy->first + 1) % DEPTH;
		zerocopy->held--;
	}
}

static int64_t wait_for_notices(struct path_send_job *job)
{
	job->wait = PATH_WAIT_SOCKET; /* EPOLLERR */
	return -EAGAIN;
}

/* Sending */

/* What of the slot is to be sent next; 0 where the file ended before the job's offset. */
static int64_t ready_bytes(const struct path_send_job *job, const struct slot *slot)
{
	if (slot->failed)
		return slot->failed;
	if (job->offset < slot->offset || job->offset >= slot->offset + slot->filled)
		return 0;
	return (int64_t)size_min(slot->offset + slot->filled, job->limit) - (int64_t)job->offset;
}

static void count_copied(const struct path_send_job *job, uint64_t bytes)
{
	if (job->tally)
		job->tally->cpu_copied_bytes += bytes;
}

static int64_t send_copy(const struct path_send_job *job, const void *data, size_t length)
{
	int64_t sent = channel_send(job->channel, data, length, false);

	if (sent > 0)
		count_copied(job, (uint64_t)sent);
	return sent;
}

static int64_t send_reference(struct path_send_job *job, struct slot *slot, const void *data,
			      size_t length)
{
	struct zerocopy *zerocopy = slot->owner;
	int64_t sent;

	do
		sent = sys_send(job->channel->out, data, length, MSG_ZEROCOPY);
	while (sent == -EINTR);
	if (sent > 0) {
		notices_expect(&zerocopy->notices, &slot->sends);
		zerocopy->referred += (uint64_t)sent;
		if (job->tally)
			job->tally->zerocopy_sends++;
	}
	if (sent != -ENOBUFS)
		return sent;
	/* As much is under way as may be (optmem_max, RLIMIT_MEMLOCK). */
	take_notices(job, zerocopy);
	return notices_open(&zerocopy->notices) ? -EAGAIN : send_copy(job, data, length);
}

static int64_t send_slot(struct path_send_job *job, struct slot *slot)
{
	struct zerocopy *zerocopy = slot->owner;
	const char *data = slot->data + (job->offset - slot->offset);
	int64_t length = ready_bytes(job, slot), sent;

	if (length <= 0)
		return length;
	sent = length < COPY_BELOW ? send_copy(job, data, (size_t)length)
				   : send_reference(job, slot, data, (size_t)length);
	if (sent == -EAGAIN)
		job->wait = PATH_WAIT_SOCKET;
	if (sent > 0 && !slot->is_direct)
		count_copied(job, (uint64_t)sent); /* from the page cache into the slot */
	if (sent > 0 && job->offset + (uint64_t)sent == slot->offset + slot->filled) {
		zerocopy->held++;
		zerocopy->count--;
	}
	return sent;
}

/* Bytes that end the job wait for the last completion. */
static int64_t report(struct path_send_job *job, struct zerocopy *zerocopy)
{
	int64_t sent = (int64_t)zerocopy->unreported;

	take_notices(job, zerocopy);
	if (notices_open(&zerocopy->notices))
		return wait_for_notices(job);
	zerocopy->unreported = 0;
	return sent;
}

static int64_t step(struct path_send_job *job)
{
	struct zerocopy *zerocopy = job->state;
	struct slot *slot;
	int64_t sent;

	if (zerocopy->unreported)
		return report(job, zerocopy);
	if (zerocopy->held == DEPTH)
		take_notices(job, zerocopy);
	release(zerocopy);
	read_ahead(job, zerocopy);
	if (zerocopy->count == 0)
		return zerocopy->held == DEPTH ? wait_for_notices(job) : 0;
	slot = slot_at(zerocopy, zerocopy->held);
	if (slot->is_reading) {
		job->wait = PATH_WAIT_COMPLETION;
		return -EAGAIN;
	}
	sent = send_slot(job, slot);
	if (sent <= 0 || job->offset + (uint64_t)sent < job->ahead)
		return sent;
	zerocopy->unreported = (uint64_t)sent;
	return report(job, zerocopy);
}

static struct zerocopy *create(struct path_send_job *job)
{
	struct zerocopy *zerocopy = calloc(1, sizeof(*zerocopy));
	void *memory;

	if (!zerocopy)
		return NULL;
	if (sys_map_memory(DEPTH * SLOT_SIZE, &memory) < 0) {
		free(zerocopy);
		return NULL;
	}
	zerocopy->memory = memory;
	zerocopy->job = job;
	zerocopy->loop = job->loop;
	zerocopy->file = path_file_share(job->file);
	zerocopy->next = job->offset;
	for (unsigned i = 0; i < DEPTH; i++) {
		zerocopy->slots[i].owner = zerocopy;
		zerocopy->slots[i].op.done = on_read;
		zerocopy->slots[i].data = zerocopy->memory + (size_t)i * SLOT_SIZE;
	}
	return zerocopy;
}

static int open_(struct path_send_job *job)
{
	/* AF_UNIX, and kernels before 4.14, have no such option, or no such use of it. */
	if (sys_setsockopt_int(job->channel->out, SOL_SOCKET, SO_ZEROCOPY, 1) < 0)
		return -EOPNOTSUPP;
	job->state = create(job);
	return job->state ? 0 : -ENOMEM;
}

static void close_(struct path_send_job *job)
{
	struct zerocopy *zerocopy = job->state;

	/* Completions count sends. They are of one kind on one connection, but where it moves. */
	if (zerocopy->copied > 0)
		count_copied(job, (uint64_t)((double)zerocopy->referred * (double)zerocopy->copied /
					     zerocopy->notices.sent));
	zerocopy->job = NULL;
	if (zerocopy->reading == 0)
		destroy(zerocopy);
}

const struct path_send path_send_zerocopy = {
	.name = "zerocopy",
	.summary =
		"page cache or disk to buffer, buffer to card by reference: one CPU copy, or none",
	.needs = "a TCP socket that takes SO_ZEROCOPY",
	.needs_references = true,
	.uses_cache = true,
	.open = open_,
	.step = step,
	.close = close_,
};
