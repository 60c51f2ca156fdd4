/* SPDX-License-Identifier: MIT */
/*
 * The buffer pool: one mapping of address space, in which memory appears when a piece is first
 * touched. Claims (loop.h has the protocol) take pieces of it: a power of two of bytes, aligned to
 * its size. The lowest free one is taken first, so that few buffers stay warm; the rest is given
 * back to the system after an idle spell.
 *
 * Invariants: while a claim waits, nothing is free; a waiting claim holds nothing; the longest
 * waiter is granted first; a granted piece is the claim's, and is handed over within a turn. A
 * claim is in at most one ring: waiting, spare or idle. Pieces are taken away only in `reclaim`,
 * from claims that lend, the longest idle first. An arena is pinned (registered with the backend)
 * at most once between two trims of it; arena 0 stays.
 */
#include "base/container.h"
#include "loop/loop-private.h"

#include "base/size.h"

#include <errno.h>
#include <sys/mman.h>

#define POOL_SIZE   (LOOP_BUFFERS_MAX * LOOP_BUFFER_SIZE)
#define TRIM_AFTER  10000 /* ms; an arena goes when it was idle for one to two of these */
#define FIRST_ARENA 1u

#define PIECES  (LOOP_BUFFER_SIZE / LOOP_PIECE_MIN) /* of a buffer, at most */
#define ALL     (LOOP_BUFFERS_MAX * PIECES)
#define RESERVE (POOL_SIZE / 8) /* for first pieces; further ones leave it alone */

/* Claims that want more take a lender's spare pieces only after it has been idle this long. */
#define SPARE_MS 100

_Static_assert(PIECES == 16, "the used pieces of a buffer are one 16-bit word");
_Static_assert(LOOP_ARENAS <= 32, "the sets of arenas are 32-bit words");

enum claim_state { CLAIM_IDLE, CLAIM_WAITING, CLAIM_GRANTED, CLAIM_LENT };

static bool is_arena_used(const struct loop_buffers *pool, unsigned arena)
{
	for (unsigned i = 0; i < LOOP_ARENA_BUFFERS; i++)
		if (pool->used[arena * LOOP_ARENA_BUFFERS + i])
			return true;
	return false;
}

static void trim_arena(struct loop *loop, unsigned arena)
{
	struct loop_buffers *pool = &loop->buffers;
	uint32_t bit = (uint32_t)1 << arena;

	if (pool->pinned & bit)
		loop->files->unpin(loop, arena);
	madvise(loop_arena_data(loop, arena), LOOP_ARENA_SIZE, MADV_DONTNEED);
	pool->pinned &= ~bit;
	pool->touched &= ~bit;
}

static void set_trim(struct loop *loop)
{
	struct loop_buffers *pool = &loop->buffers;

	if (!pool->trim.is_set && pool->touched & ~FIRST_ARENA)
		loop_timer_set(loop, &pool->trim, TRIM_AFTER);
}

static void trim(struct loop_timer *timer)
{
	struct loop *loop = container_of(timer, struct loop, buffers.trim);
	struct loop_buffers *pool = &loop->buffers;

	for (unsigned arena = 1; arena < LOOP_ARENAS; arena++) {
		uint32_t bit = (uint32_t)1 << arena;

		if (pool->touched & ~pool->recent & bit && !is_arena_used(pool, arena))
			trim_arena(loop, arena);
	}
	pool->recent = 0;
	set_trim(loop);
}

/* A piece of address space that begins at a multiple of the arena's size, or NULL. */
static char *map_aligned(size_t size)
{
	char *all = mmap(NULL, size + LOOP_ARENA_SIZE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	size_t before;

	if (all == MAP_FAILED)
		return NULL;
	before = -(uintptr_t)all & (LOOP_ARENA_SIZE - 1);
	if (before)
		munmap(all, before);
	munmap(all + before + size, LOOP_ARENA_SIZE - before);
	return all + before;
}

static void clear_ring(struct loop_claim *head)
{
	head->next = head->previous = head;
}

static void reclaim_later(struct loop_timer *timer);

int loop_buffers_open(struct loop *loop)
{
	struct loop_buffers *pool = &loop->buffers;

	clear_ring(&pool->waiting);
	clear_ring(&pool->spare);
	clear_ring(&pool->idle);
	pool->free = ALL;
	pool->trim.fire = trim;
	pool->reclaim.fire = reclaim_later;
	pool->base = map_aligned(POOL_SIZE);
	if (!pool->base)
		return -ENOMEM;
	madvise(pool->base, POOL_SIZE, MADV_HUGEPAGE);
	return 0;
}

void loop_buffers_close(struct loop *loop)
{
	if (loop->buffers.base)
		munmap(loop->buffers.base, POOL_SIZE);
}

int loop_buffers_pinned(const struct loop *loop, const void *data, size_t length)
{
	uintptr_t start = (uintptr_t)data - (uintptr_t)loop->buffers.base;
	unsigned arena;

	if (start >= POOL_SIZE || length > LOOP_ARENA_SIZE - start % LOOP_ARENA_SIZE)
		return -1;
	arena = (unsigned)(start / LOOP_ARENA_SIZE);
	return loop->buffers.pinned >> arena & 1 ? (int)arena : -1;
}

/* Memory */

static void touch_arena(struct loop *loop, unsigned arena)
{
	struct loop_buffers *pool = &loop->buffers;
	uint32_t bit = (uint32_t)1 << arena;

	if (!(pool->touched & bit) && loop->files->pin && loop->files->pin(loop, arena))
		pool->pinned |= bit;
	pool->touched |= bit;
	pool->recent |= bit;
}

static uint32_t run_of(size_t size)
{
	return ((uint32_t)1 << size / LOOP_PIECE_MIN) - 1;
}

/* Where in a buffer there is room for so much; PIECES: nowhere. */
static unsigned find_room(uint16_t used, size_t size)
{
	unsigned at = 0;

	while (at < PIECES && used & run_of(size) << at)
		at += size / LOOP_PIECE_MIN;
	return at;
}

static char *allocate(struct loop *loop, size_t size)
{
	struct loop_buffers *pool = &loop->buffers;

	for (unsigned i = 0; i < LOOP_BUFFERS_MAX; i++) {
		unsigned at = find_room(pool->used[i], size);

		if (at == PIECES)
			continue;
		pool->used[i] |= (uint16_t)(run_of(size) << at);
		pool->free -= size / LOOP_PIECE_MIN;
		touch_arena(loop, i / LOOP_ARENA_BUFFERS);
		return pool->base + i * LOOP_BUFFER_SIZE + at * LOOP_PIECE_MIN;
	}
	return NULL;
}

static void free_memory(struct loop *loop, const char *data, size_t size)
{
	struct loop_buffers *pool = &loop->buffers;
	size_t start = (size_t)(data - pool->base);
	unsigned at = start % LOOP_BUFFER_SIZE / LOOP_PIECE_MIN;

	pool->used[start / LOOP_BUFFER_SIZE] &= (uint16_t) ~(run_of(size) << at);
	pool->free += size / LOOP_PIECE_MIN;
	set_trim(loop);
}

/* Rings */

/* In front of next: of a ring's head, at its end. */
static void push(struct loop_claim *next, struct loop_claim *claim, enum claim_state state)
{
	claim->state = state;
	claim->next = next;
	claim->previous = next->previous;
	next->previous->next = claim;
	next->previous = claim;
}

/* The longest idle first. */
static void push_lender(struct loop_claim *head, struct loop_claim *claim)
{
	struct loop_claim *before = head;

	while (before->previous != head && before->previous->idle_since_ms > claim->idle_since_ms)
		before = before->previous;
	push(before, claim, CLAIM_LENT);
}

static void unlink_claim(struct loop_claim *claim)
{
	claim->previous->next = claim->next;
	claim->next->previous = claim->previous;
	claim->next = claim->previous = NULL;
	claim->state = CLAIM_IDLE;
}

static bool has_waiters(const struct loop_buffers *pool)
{
	return pool->waiting.next != &pool->waiting;
}

static void end_loan(struct loop_claim *claim)
{
	if (claim->state != CLAIM_LENT)
		return;
	unlink_claim(claim);
	claim->loop->buffers.lent--;
}

static void count_user(struct loop_claim *claim)
{
	bool is_user = claim->held > 0 || claim->state == CLAIM_WAITING;

	claim->loop->buffers.users += (unsigned)is_user - (unsigned)claim->is_user;
	claim->is_user = is_user;
}

/* Pieces */

/* Two of these for each range are what there is. */
static size_t fair_size(const struct loop_buffers *pool, size_t wanted)
{
	size_t size = LOOP_BUFFER_SIZE;

	while (size > LOOP_PIECE_MIN && (size / 2 >= wanted || size * 2 * pool->users > POOL_SIZE))
		size /= 2;
	return size;
}

/* A piece of the fair size or, where that is in pieces, the largest there is. */
static bool take_piece(struct loop_claim *claim, size_t wanted, struct loop_piece *piece)
{
	size_t size = fair_size(&claim->loop->buffers, wanted);
	char *data = NULL;

	while (size >= LOOP_PIECE_MIN && !(data = allocate(claim->loop, size)))
		size /= 2;
	if (!data)
		return false;
	*piece = (struct loop_piece){data, size};
	claim->held += size;
	count_user(claim);
	return true;
}

/* Free pieces go to the waiting claims. */
static void grant(struct loop *loop)
{
	struct loop_buffers *pool = &loop->buffers;

	while (has_waiters(pool) && pool->free > 0) {
		struct loop_claim *claim = pool->waiting.next;

		take_piece(claim, claim->wanted, &claim->piece);
		unlink_claim(claim);
		claim->state = CLAIM_GRANTED;
		loop_task_queue(loop, &claim->task);
	}
}

static struct loop_piece take_granted(struct loop_claim *claim)
{
	struct loop_piece piece = claim->piece;

	loop_task_cancel(claim->loop, &claim->task);
	claim->piece.data = NULL;
	claim->state = CLAIM_IDLE;
	return piece;
}

static void on_granted(struct loop_task *task)
{
	struct loop_claim *claim = container_of(task, struct loop_claim, task);

	claim->granted(claim, take_granted(claim));
}

/* Reclaiming */

static uint64_t idle_ms(const struct loop_claim *claim)
{
	return loop_now_ms(claim->loop) - claim->idle_since_ms;
}

/* From the lender that has been idle longest. */
static void reclaim_spare(struct loop_buffers *pool)
{
	struct loop_claim *lender = pool->spare.next;

	if (lender->reclaim(lender, false))
		return;
	unlink_claim(lender);
	push_lender(&pool->idle, lender);
}

static void reclaim_any(struct loop_buffers *pool)
{
	struct loop_claim *lender = pool->idle.next;

	if (!lender->reclaim(lender, true))
		end_loan(lender);
}

static bool is_idle(const struct loop_claim *head, uint64_t for_ms)
{
	return head->next != head && idle_ms(head->next) >= for_ms;
}

/* For claims that have none. */
static void reclaim(struct loop *loop)
{
	struct loop_buffers *pool = &loop->buffers;

	while (has_waiters(pool) && is_idle(&pool->spare, 0))
		reclaim_spare(pool);
	while (has_waiters(pool) && is_idle(&pool->idle, LOOP_IDLE_MS))
		reclaim_any(pool);
	if (has_waiters(pool) && is_idle(&pool->idle, 0))
		loop_timer_set(loop, &pool->reclaim, LOOP_IDLE_MS - idle_ms(pool->idle.next));
}

static void reclaim_later(struct loop_timer *timer)
{
	reclaim(container_of(timer, struct loop, buffers.reclaim));
}

/* For claims that want more. */
static bool is_enough(const struct loop_buffers *pool, size_t size)
{
	return !has_waiters(pool) && pool->free * LOOP_PIECE_MIN >= size + RESERVE;
}

static void reclaim_for_more(struct loop_buffers *pool, size_t size)
{
	while (!has_waiters(pool) && !is_enough(pool, size) && is_idle(&pool->spare, SPARE_MS))
		reclaim_spare(pool);
}

/* Claims */

void loop_claim_open(struct loop_claim *claim, struct loop *loop)
{
	claim->loop = loop;
	claim->task = (struct loop_task){.run = on_granted};
	claim->held = 0;
	claim->state = CLAIM_IDLE;
	claim->is_user = false;
}

/* No range holds more than an equal share of what all users of the pool hold together. */
bool loop_claim_take_more(struct loop_claim *claim, size_t wanted, struct loop_piece *piece)
{
	struct loop_buffers *pool = &claim->loop->buffers;
	size_t size = fair_size(pool, wanted);

	end_loan(claim);
	if ((claim->held + size) * (pool->users - pool->lent) > POOL_SIZE)
		return false;
	reclaim_for_more(pool, size);
	return is_enough(pool, size) && take_piece(claim, wanted, piece);
}

bool loop_claim_take(struct loop_claim *claim, size_t wanted, struct loop_piece *piece)
{
	struct loop_buffers *pool = &claim->loop->buffers;

	end_loan(claim);
	if (claim->state == CLAIM_IDLE && claim->held > 0)
		return loop_claim_take_more(claim, wanted, piece);
	if (claim->state == CLAIM_IDLE) {
		claim->wanted = wanted;
		push(&pool->waiting, claim, CLAIM_WAITING);
		count_user(claim);
		grant(claim->loop);
		reclaim(claim->loop);
	}
	if (claim->state != CLAIM_GRANTED)
		return false;
	*piece = take_granted(claim);
	return true;
}

void loop_claim_give(struct loop_claim *claim, struct loop_piece *piece)
{
	free_memory(claim->loop, piece->data, piece->size);
	claim->held -= piece->size;
	piece->data = NULL;
	if (claim->held == 0)
		end_loan(claim);
	count_user(claim);
	grant(claim->loop);
}

void loop_claim_lend(struct loop_claim *claim, bool has_spare, uint64_t idle_since_ms)
{
	struct loop_buffers *pool = &claim->loop->buffers;

	end_loan(claim);
	if (claim->held == 0 || claim->state != CLAIM_IDLE)
		return;
	claim->idle_since_ms = idle_since_ms;
	push_lender(has_spare ? &pool->spare : &pool->idle, claim);
	pool->lent++;
	reclaim(claim->loop);
}

void loop_claim_use(struct loop_claim *claim)
{
	end_loan(claim);
}

void loop_claim_close(struct loop_claim *claim)
{
	struct loop_piece piece;

	end_loan(claim);
	if (claim->state == CLAIM_WAITING)
		unlink_claim(claim);
	count_user(claim);
	if (claim->state == CLAIM_GRANTED) {
		piece = take_granted(claim);
		loop_claim_give(claim, &piece);
	}
}

bool loop_buffers_are_plenty(const struct loop *loop)
{
	return loop->buffers.free >= ALL - ALL / 8;
}

void *loop_buffer_take(struct loop *loop)
{
	return has_waiters(&loop->buffers) ? NULL : allocate(loop, LOOP_BUFFER_SIZE);
}

void loop_buffer_give(struct loop *loop, void *data)
{
	free_memory(loop, data, LOOP_BUFFER_SIZE);
	grant(loop);
}
