/* SPDX-License-Identifier: MIT */
/*
 * Invariants: slots[first..first+count) hold consecutive bytes of the file, each being read, ready,
 * or, the first `hashing` of them, being hashed; `next` is where they end. What is lent lies at or
 * behind `next`, in one piece, and becomes slots when `next` comes to it. The gap before it is
 * being written already, so the edge passes it whatever the network does. While no buffer is to
 * be had nothing is kept of what was lent: its owners may be the ones that wait for a buffer.
 */
#include "digest/follow.h"

#include "base/container.h"
#include "base/size.h"
#include "cache/residency.h"

#include <errno.h>
#include <stdlib.h>

enum {
	DEPTH = 16,
	BATCH = DEPTH / 2, /* hashed in one go, while the others are being read */
	LENT = 32,
};

#define GAP_MAX (32 * MIB) /* that is read to catch up with what is lent */

struct slot {
	struct follow *owner;
	struct loop_op op;
	struct loop_piece piece; /* read into; none: lent */
	struct path_lent lent;
	const char *data;
	size_t length;         /* to be hashed */
	uint64_t offset;       /* of the read, */
	size_t wanted, filled; /* which may begin before data and end behind it */
	int fd;
	bool is_reading, drops;
};

struct follow {
	struct follow_options options;
	struct loop *loop;
	struct path_file *file;
	struct hash *hash;
	struct loop_claim claim;
	struct loop_task task;
	struct loop_op op; /* of the helper thread */
	uint64_t next, edge;
	bool is_last, is_closed, is_done;
	int failed;
	struct digest digest;
	unsigned first, count, reading, hashing;
	struct slot slots[DEPTH];
	unsigned lent_first, lent_count;
	struct path_lent lent[LENT];
};

static void destroy(struct follow *follow)
{
	path_file_release(follow->file);
	hash_close(follow->hash);
	free(follow);
}

static struct slot *slot_at(struct follow *follow, unsigned index)
{
	return &follow->slots[(follow->first + index) % DEPTH];
}

static struct path_lent *lent_at(struct follow *follow, unsigned index)
{
	return &follow->lent[(follow->lent_first + index) % LENT];
}

static void release_lent(struct follow *follow)
{
	for (; follow->lent_count > 0; follow->lent_count--) {
		struct path_lent *lent = lent_at(follow, 0);

		follow->lent_first = (follow->lent_first + 1) % LENT;
		lent->release(lent->argument);
	}
}

static void empty(struct slot *slot)
{
	if (slot->piece.data)
		loop_claim_give(&slot->owner->claim, &slot->piece);
	else
		slot->lent.release(slot->lent.argument);
}

static void empty_first(struct follow *follow)
{
	empty(slot_at(follow, 0));
	follow->first = (follow->first + 1) % DEPTH;
	follow->count--;
}

/* When nothing is under way any more. */
static void end_close(struct follow *follow)
{
	if (follow->reading > 0 || follow->hashing > 0)
		return;
	while (follow->count > 0)
		empty(slot_at(follow, --follow->count));
	destroy(follow);
}

static void finish(struct follow *follow, int result)
{
	if (follow->is_done)
		return;
	follow->is_done = true;
	follow->failed = result;
	release_lent(follow);
	loop_task_queue(follow->loop, &follow->task);
	follow->options.wake(follow->options.owner);
}

/* Reading */

static void submit(struct slot *slot)
{
	loop_read(slot->owner->loop, &slot->op, slot->fd, slot->piece.data + slot->filled,
		  slot->wanted - slot->filled, slot->offset + slot->filled);
}

static size_t needed(const struct slot *slot)
{
	return (size_t)(slot->data - slot->piece.data) + slot->length;
}

static bool falls_back(struct slot *slot, int64_t result)
{
	struct path_file *file = slot->owner->file;

	if (result != -EINVAL || slot->fd == file->fd)
		return false;
	file->can_direct = false;
	slot->fd = file->fd;
	return true;
}

static void account(const struct slot *slot)
{
	struct tally *tally = slot->owner->options.tally;

	if (!tally || slot->owner->is_closed)
		return;
	if (slot->fd == slot->owner->file->fd)
		tally->cpu_copied_bytes += slot->filled;
	if (slot->fd != slot->owner->file->fd || slot->drops)
		tally->device_moved_bytes += slot->filled;
}

static void on_read(struct loop_op *op, int64_t result)
{
	struct slot *slot = container_of(op, struct slot, op);
	struct follow *follow = slot->owner;
	bool is_closed = follow->is_closed;

	if (result > 0)
		slot->filled += (size_t)result;
	if (!is_closed && (falls_back(slot, result) || result == -EINTR ||
			   (result > 0 && slot->filled < needed(slot)))) {
		submit(slot);
		return;
	}
	slot->is_reading = false;
	follow->reading--;
	account(slot);
	if (is_closed)
		end_close(follow); /* which frees it */
	else if (slot->filled < needed(slot))
		finish(follow, result < 0 ? (int)result : -ENODATA);
	if (!is_closed)
		loop_task_queue(follow->loop, &follow->task);
}

/* Where it may be read up to now: not in tiny steps behind an edge that moves. */
static uint64_t limit(struct follow *follow)
{
	uint64_t edge = follow->edge;

	if (follow->lent_count > 0)
		return size_min(edge, lent_at(follow, 0)->offset);
	return follow->is_last ? edge : size_round_down(edge, LOOP_BUFFER_SIZE);
}

/* By which descriptor. */
static void choose(struct follow *follow, struct slot *slot)
{
	struct path_file *file = follow->file;
	enum cache_state state = cache_residency(file->fd, slot->offset, needed(slot)).state;
	bool is_direct = state != CACHE_RESIDENT && path_file_need_direct(file) == 0;

	slot->fd = is_direct ? file->direct_fd : file->fd;
	slot->drops = !is_direct && state == CACHE_COLD && file->has_disk;
}

static void start_read(struct follow *follow, struct loop_piece piece)
{
	struct slot *slot = slot_at(follow, follow->count++);
	uint64_t align = follow->file->align ? follow->file->align : 1;
	uint64_t offset = size_round_down(follow->next, align);
	uint64_t end = size_min(limit(follow), offset + piece.size);

	slot->piece = piece;
	slot->offset = offset;
	slot->data = piece.data + (follow->next - offset);
	slot->length = (size_t)(end - follow->next);
	slot->wanted = (size_t)(size_round_up(end, align) - offset);
	slot->filled = 0;
	slot->is_reading = true;
	follow->next = end;
	follow->reading++;
	choose(follow, slot);
	submit(slot);
}

static bool can_read(struct follow *follow)
{
	return follow->count < DEPTH && follow->next < limit(follow);
}

static bool has_piece(struct follow *follow)
{
	for (unsigned i = 0; i < follow->count; i++)
		if (slot_at(follow, i)->piece.data)
			return true;
	return false;
}

static void read_on(struct follow *follow)
{
	struct loop_piece piece;

	while (can_read(follow)) {
		if (!loop_claim_take(&follow->claim, LOOP_BUFFER_SIZE, &piece)) {
			if (!has_piece(follow))
				release_lent(follow);
			return;
		}
		start_read(follow, piece);
	}
}

static void on_granted(struct loop_claim *claim, struct loop_piece piece)
{
	struct follow *follow = container_of(claim, struct follow, claim);

	if (can_read(follow))
		start_read(follow, piece);
	else
		loop_claim_give(claim, &piece);
	loop_task_queue(follow->loop, &follow->task);
}

/* Lending */

static void take_lent(struct follow *follow)
{
	while (follow->lent_count > 0 && follow->count < DEPTH &&
	       lent_at(follow, 0)->offset == follow->next) {
		struct slot *slot = slot_at(follow, follow->count++);

		slot->lent = *lent_at(follow, 0);
		slot->piece = (struct loop_piece){0};
		slot->data = slot->lent.data;
		slot->length = slot->lent.length;
		slot->is_reading = slot->drops = false;
		follow->next += slot->length;
		follow->lent_first = (follow->lent_first + 1) % LENT;
		follow->lent_count--;
	}
}

static bool is_of_use(struct follow *follow, uint64_t start, const struct path_lent *lent)
{
	const struct path_lent *last;

	if (follow->is_done || lent->length == 0 || follow->lent_count == LENT)
		return false;
	if (follow->lent_count == 0)
		return start <= follow->next && lent->offset >= follow->next &&
		       lent->offset - follow->next <= GAP_MAX;
	last = lent_at(follow, follow->lent_count - 1);
	return lent->offset == last->offset + last->length;
}

bool follow_lend(struct follow *follow, uint64_t start, const struct path_lent *lent)
{
	if (!is_of_use(follow, start, lent))
		return false;
	*lent_at(follow, follow->lent_count++) = *lent;
	loop_task_queue(follow->loop, &follow->task);
	return true;
}

/* Hashing */

static int64_t hash_batch(void *argument)
{
	struct follow *follow = argument;

	for (unsigned i = 0; i < follow->hashing; i++) {
		const struct slot *slot = slot_at(follow, i);

		hash_add(follow->hash, slot->data, slot->length);
		if (slot->drops)
			cache_drop(slot->fd, slot->offset, slot->filled);
	}
	return 0;
}

static void hash_on(struct follow *follow)
{
	unsigned ready = 0;

	if (follow->hashing > 0)
		return;
	while (ready < follow->count && ready < BATCH && !slot_at(follow, ready)->is_reading)
		ready++;
	follow->hashing = ready;
	if (ready > 0)
		loop_work(follow->loop, &follow->op, hash_batch, follow);
	else if (follow->is_last && follow->count == 0 && follow->next == follow->edge)
		finish(follow, hash_end(follow->hash, &follow->digest));
}

static void on_hashed(struct loop_op *op, int64_t result)
{
	struct follow *follow = container_of(op, struct follow, op);

	for (; follow->hashing > 0; follow->hashing--)
		empty_first(follow);
	if (follow->is_closed)
		end_close(follow);
	else
		loop_task_queue(follow->loop, &follow->task);
}

static void on_task(struct loop_task *task)
{
	struct follow *follow = container_of(task, struct follow, task);

	if (follow->is_done) {
		/* Whoever lent a block waits for it. */
		while (follow->hashing == 0 && follow->count > 0 && !slot_at(follow, 0)->is_reading)
			empty_first(follow);
		return;
	}
	take_lent(follow);
	read_on(follow);
	take_lent(follow);
	hash_on(follow);
}

/* The whole */

int follow_open(struct follow **out, struct loop *loop, struct path_file *file,
		const struct hash_algorithm *algorithm, uint64_t from,
		const struct follow_options *options)
{
	struct follow *follow = calloc(1, sizeof(*follow));
	int result = follow ? hash_open(&follow->hash, algorithm) : -ENOMEM;

	if (result < 0) {
		free(follow);
		return result;
	}
	follow->options = *options;
	follow->loop = loop;
	follow->file = path_file_share(file);
	follow->next = follow->edge = from;
	follow->task.run = on_task;
	follow->op.done = on_hashed;
	for (unsigned i = 0; i < DEPTH; i++) {
		follow->slots[i].owner = follow;
		follow->slots[i].op.done = on_read;
	}
	loop_claim_open(&follow->claim, loop);
	follow->claim.granted = on_granted;
	*out = follow;
	return 0;
}

void follow_advance(struct follow *follow, uint64_t edge, bool is_last)
{
	if (follow->is_last || (edge <= follow->edge && !is_last))
		return;
	follow->edge = edge;
	follow->is_last = is_last;
	loop_task_queue(follow->loop, &follow->task);
}

int follow_result(const struct follow *follow, struct digest *digest)
{
	if (!follow->is_done)
		return -EAGAIN;
	if (follow->failed == 0)
		*digest = follow->digest;
	return follow->failed;
}

void follow_close(struct follow *follow)
{
	if (!follow)
		return;
	follow->is_closed = follow->is_done = true;
	loop_task_cancel(follow->loop, &follow->task);
	loop_claim_close(&follow->claim);
	release_lent(follow);
	end_close(follow);
}
