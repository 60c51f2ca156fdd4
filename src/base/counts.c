/* SPDX-License-Identifier: MIT */
/*
 * The counters of system calls. Each thread owns a block of them that it alone writes; all blocks
 * are on a list, so that a reader can sum them. When a thread ends, its block is added to `gone`
 * and freed, in one step for readers, so memory is proportional to the live threads and no call is
 * lost or counted twice.
 *
 * A thread without a block, because memory ran out or because it still makes calls in destructors
 * after ours, counts in `gone`, with locked additions.
 */
#include "base/sys.h"

#include <pthread.h>
#include <stdlib.h>

struct block {
	struct block *next, *previous;
	struct sys_counts counts;
};

static struct block gone = {.next = &gone, .previous = &gone}; /* the list's head, too */
static _Thread_local struct block *mine;

static pthread_mutex_t blocks_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static bool has_key;

static void add(struct sys_counts *sum, const struct sys_counts *counts)
{
	for (int i = 0; i < CALL_COUNT; i++)
		__atomic_fetch_add(&sum->calls[i],
				   __atomic_load_n(&counts->calls[i], __ATOMIC_RELAXED),
				   __ATOMIC_RELAXED);
}

static void thread_ends(void *argument)
{
	struct block *block = argument;

	mine = &gone;
	pthread_mutex_lock(&blocks_lock);
	add(&gone.counts, &block->counts);
	block->previous->next = block->next;
	block->next->previous = block->previous;
	pthread_mutex_unlock(&blocks_lock);
	free(block);
}

static void lock(void)
{
	pthread_mutex_lock(&blocks_lock);
}

static void unlock(void)
{
	pthread_mutex_unlock(&blocks_lock);
}

static void prepare(void)
{
	has_key = pthread_key_create(&key, thread_ends) == 0;
	/* A child finds the list whole and its lock free. It keeps what the parent's other threads
	 * counted until then. */
	pthread_atfork(lock, unlock, unlock);
}

/* Where this code is unloaded before the threads that used it end: there is no thread_ends then. */
__attribute__((destructor)) static void unload(void)
{
	if (has_key)
		pthread_key_delete(key);
}

static struct block *block_create(void)
{
	struct block *block = calloc(1, sizeof(*block));

	pthread_once(&once, prepare);
	if (!block || !has_key || pthread_setspecific(key, block) != 0) {
		free(block);
		return &gone;
	}
	lock();
	block->next = gone.next;
	block->previous = &gone;
	gone.next->previous = block;
	gone.next = block;
	unlock();
	return block;
}

void sys_count(enum sys_call call)
{
	uint64_t *count;

	if (!mine)
		mine = block_create();
	count = &mine->counts.calls[call];
	if (mine == &gone)
		__atomic_fetch_add(count, 1, __ATOMIC_RELAXED);
	else /* only this thread writes it: a store that does not tear is enough */
		__atomic_store_n(count, *count + 1, __ATOMIC_RELAXED);
}

void sys_counts_read(struct sys_counts *counts)
{
	const struct block *block = &gone;

	*counts = (struct sys_counts){0};
	lock();
	do {
		add(counts, &block->counts);
		block = block->next;
	} while (block != &gone);
	unlock();
}

void sys_counts_read_own(struct sys_counts *counts)
{
	*counts = mine && mine != &gone ? mine->counts : (struct sys_counts){0};
}
