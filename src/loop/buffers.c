/* SPDX-License-Identifier: MIT */
/*
 * The buffer pool: one mapping of address space, in which memory appears when a buffer is first
 * touched. The lowest free buffer is taken first, so that few stay warm and the rest can be given
 * back to the system; what an idle spell left unused is.
 *
 * Invariants: while a task waits, every free buffer is granted to a task that is about to run; an
 * arena is pinned (registered with the backend) at most once between two trims of it; arena 0
 * stays.
 */
#include "loop/loop-private.h"

#include <errno.h>
#include <sys/mman.h>

#define POOL_SIZE   (LOOP_BUFFERS_MAX * LOOP_BUFFER_SIZE)
#define TRIM_AFTER  10000 /* ms; an arena goes when it was idle for one to two of these */
#define ARENA_MASK  (((uint64_t)1 << LOOP_ARENA_BUFFERS) - 1)
#define FIRST_ARENA 1u

_Static_assert(LOOP_BUFFERS_MAX == 64, "the set of used buffers is one 64-bit word");
_Static_assert(LOOP_ARENAS <= 32, "the sets of arenas are 32-bit words");

static bool is_arena_used(const struct loop_buffers *pool, unsigned arena)
{
	return pool->used >> arena * LOOP_ARENA_BUFFERS & ARENA_MASK;
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
	struct loop *loop = (void *)((char *)timer - offsetof(struct loop, buffers.trim));
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

int loop_buffers_open(struct loop *loop)
{
	struct loop_buffers *pool = &loop->buffers;

	pool->waiters.next = pool->waiters.previous = &pool->waiters;
	pool->lenders.next = pool->lenders.previous = &pool->lenders;
	pool->trim.fire = trim;
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

static bool has_free(const struct loop_buffers *pool)
{
	unsigned used = (unsigned)__builtin_popcountll(pool->used);

	return used + pool->granted < LOOP_BUFFERS_MAX;
}

static void touch_arena(struct loop *loop, unsigned arena)
{
	struct loop_buffers *pool = &loop->buffers;
	uint32_t bit = (uint32_t)1 << arena;

	if (!(pool->touched & bit) && loop->files->pin && loop->files->pin(loop, arena))
		pool->pinned |= bit;
	pool->touched |= bit;
	pool->recent |= bit;
}

void *loop_buffer_take(struct loop *loop)
{
	struct loop_buffers *pool = &loop->buffers;
	unsigned index;

	if (!has_free(pool))
		return NULL;
	index = (unsigned)__builtin_ctzll(~pool->used);
	pool->used |= (uint64_t)1 << index;
	touch_arena(loop, index / LOOP_ARENA_BUFFERS);
	return pool->base + index * LOOP_BUFFER_SIZE;
}

void loop_buffer_give(struct loop *loop, void *data)
{
	struct loop_buffers *pool = &loop->buffers;
	size_t index = (size_t)((char *)data - pool->base) / LOOP_BUFFER_SIZE;

	pool->used &= ~((uint64_t)1 << index);
	set_trim(loop);
	loop_buffers_offer(loop);
}

void loop_buffer_wait(struct loop *loop, struct loop_task *task)
{
	if (task->state != TASK_IDLE)
		return;
	loop_task_push(&loop->buffers.waiters, task, TASK_WAITING);
	loop_buffers_offer(loop);
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

void loop_buffers_offer(struct loop *loop)
{
	struct loop_buffers *pool = &loop->buffers;

	while (pool->waiters.next != &pool->waiters && has_free(pool)) {
		struct loop_task *task = pool->waiters.next;

		loop_task_cancel(loop, task);
		loop_task_queue(loop, task);
		task->state = TASK_GRANTED;
		pool->granted++;
	}
}

/* Takes back what is lent, until somebody could have a buffer. */
static void reclaim(struct loop *loop)
{
	struct loop_lender *end = &loop->buffers.lenders;
	struct loop_lender *lender = end->next, *next;

	for (; lender != end && !has_free(&loop->buffers); lender = next) {
		next = lender->next;
		lender->reclaim(lender);
	}
}

static void on_granted(struct loop_task *task)
{
	struct loop_claim *claim =
		(struct loop_claim *)((char *)task - offsetof(struct loop_claim, task));

	claim->reserved = loop_buffer_take(claim->loop);
	claim->granted(claim);
}

void loop_claim_open(struct loop_claim *claim, struct loop *loop)
{
	claim->loop = loop;
	claim->task = (struct loop_task){.run = on_granted};
	claim->reserved = NULL;
}

void *loop_claim_take(struct loop_claim *claim)
{
	void *data = claim->reserved;

	claim->reserved = NULL;
	if (!data)
		data = loop_buffer_take(claim->loop);
	if (!data) {
		loop_buffer_wait(claim->loop, &claim->task);
		reclaim(claim->loop);
	}
	return data;
}

void loop_claim_close(struct loop_claim *claim)
{
	loop_task_cancel(claim->loop, &claim->task);
	if (claim->reserved)
		loop_buffer_give(claim->loop, claim->reserved);
	claim->reserved = NULL;
}

void loop_lend(struct loop *loop, struct loop_lender *lender)
{
	struct loop_lender *end = &loop->buffers.lenders;

	if (!lender->next) {
		lender->next = end;
		lender->previous = end->previous;
		end->previous->next = lender;
		end->previous = lender;
	}
	if (loop->buffers.waiters.next != &loop->buffers.waiters)
		reclaim(loop);
}

void loop_lend_end(struct loop *loop, struct loop_lender *lender)
{
	if (!lender->next)
		return;
	lender->next->previous = lender->previous;
	lender->previous->next = lender->next;
	lender->next = lender->previous = NULL;
}
