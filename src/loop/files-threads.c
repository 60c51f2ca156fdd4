/* SPDX-License-Identifier: MIT */
/*
 * File I/O by a few threads: for everything where io_uring is refused, and for loop_work always.
 *
 * Invariants: a thread starts when work came and none is idle, up to thread_max; `waiting` and
 * `finished` belong to the lock; the loop is woken when `finished` stops being empty; a thread does
 * not touch an operation after it put it there, nor the loop without the lock; no thread takes a
 * signal from the program.
 */
#include "base/sys.h"
#include "base/thread.h"
#include "loop/loop-private.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static int64_t read_at(const struct loop_op *op)
{
	int64_t count;

	do
		count = sys_pread(op->fd, op->data, op->length, op->offset);
	while (count == -EINTR);
	return count;
}

static int64_t write_at(const struct loop_op *op)
{
	int64_t count;

	do
		count = op->rw_flags ? sys_pwrite_flags(op->fd, op->data, op->length, op->offset,
							op->rw_flags)
				     : sys_pwrite(op->fd, op->data, op->length, op->offset);
	while (count == -EINTR);
	return count;
}

static int64_t perform(const struct loop_op *op)
{
	switch (op->kind) {
	case OP_READ:
		return read_at(op);
	case OP_WRITE:
		return write_at(op);
	case OP_SYNC:
		return sys_fsync(op->fd);
	case OP_DATA_SYNC:
		return sys_fdatasync(op->fd);
	case OP_WORK:
	case OP_WORK_APART:
		return op->work(op->argument);
	}
	return -EINVAL;
}

/* Waits for work; NULL when the pool closes. */
static struct loop_op *next_op(struct loop_pool *pool)
{
	struct loop_op *op;

	pthread_mutex_lock(&pool->lock);
	while (!pool->waiting.first && !pool->is_closing) {
		pool->idle_count++;
		pthread_cond_wait(&pool->work_came, &pool->lock);
		pool->idle_count--;
	}
	op = loop_queue_pop(&pool->waiting);
	if (op)
		pool->waiting_count--;
	pthread_mutex_unlock(&pool->lock);
	return op;
}

static void finish(struct loop_pool *pool, struct loop_op *op, int64_t result)
{
	bool was_empty;

	op->result = result;
	pthread_mutex_lock(&pool->lock);
	was_empty = !pool->finished.first;
	loop_queue_push(&pool->finished, op);
	if (was_empty && pool->loop)
		loop_signal(pool->loop);
	pthread_mutex_unlock(&pool->lock);
}

static void leave(struct loop_pool *pool)
{
	bool is_last;

	pthread_mutex_lock(&pool->lock);
	is_last = --pool->users == 0;
	pthread_mutex_unlock(&pool->lock);
	if (!is_last)
		return;
	pthread_cond_destroy(&pool->work_came);
	pthread_mutex_destroy(&pool->lock);
	free(pool);
}

static void *run_thread(void *argument)
{
	struct loop_pool *pool = argument;
	struct loop_op *op;

	while ((op = next_op(pool)))
		finish(pool, op, perform(op));
	leave(pool);
	return NULL;
}

static int start_thread(struct loop_pool *pool)
{
	int result;

	pthread_mutex_lock(&pool->lock);
	pool->users++;
	pthread_mutex_unlock(&pool->lock);
	result = thread_start(&pool->threads[pool->thread_count], run_thread, pool);
	if (result == 0) {
		pool->thread_count++;
		return 0;
	}
	pthread_mutex_lock(&pool->lock);
	pool->users--;
	pthread_mutex_unlock(&pool->lock);
	return result;
}

struct loop_pool *loop_pool_open(struct loop *loop, unsigned thread_max)
{
	struct loop_pool *pool = calloc(1, sizeof(*pool));

	if (!pool || pthread_mutex_init(&pool->lock, NULL)) {
		free(pool);
		return NULL;
	}
	if (pthread_cond_init(&pool->work_came, NULL)) {
		pthread_mutex_destroy(&pool->lock);
		free(pool);
		return NULL;
	}
	pool->loop = loop;
	pool->users = 1;
	pool->thread_max = thread_max;
	return pool;
}

void loop_pool_close(struct loop_pool *pool)
{
	if (!pool)
		return;
	pthread_mutex_lock(&pool->lock);
	pool->is_closing = true;
	pool->loop = NULL;
	pool->waiting = (struct loop_queue){0}; /* of what is left behind */
	pthread_cond_broadcast(&pool->work_came);
	pthread_mutex_unlock(&pool->lock);
	for (unsigned i = 0; i < pool->thread_count; i++) {
		if (pool->pending > 0)
			pthread_detach(pool->threads[i]);
		else
			pthread_join(pool->threads[i], NULL);
	}
	leave(pool);
}

void loop_pool_start(struct loop_pool *pool, struct loop_op *op)
{
	bool is_short;
	int status = 0;

	pool->pending++;
	pthread_mutex_lock(&pool->lock);
	is_short = pool->idle_count <= pool->waiting_count;
	pthread_mutex_unlock(&pool->lock);
	if (is_short && pool->thread_count < pool->thread_max)
		status = start_thread(pool);
	if (pool->thread_count == 0) {
		finish(pool, op, status);
		return;
	}
	pthread_mutex_lock(&pool->lock);
	loop_queue_push(&pool->waiting, op);
	pool->waiting_count++;
	pthread_cond_signal(&pool->work_came);
	pthread_mutex_unlock(&pool->lock);
}

void loop_pool_reap(struct loop_pool *pool, struct loop_queue *done)
{
	struct loop_queue finished = {0};

	if (pool->pending == 0)
		return;
	pthread_mutex_lock(&pool->lock);
	loop_queue_move(&finished, &pool->finished);
	pthread_mutex_unlock(&pool->lock);
	for (const struct loop_op *op = finished.first; op; op = op->next)
		pool->pending--;
	loop_queue_move(done, &finished);
}

static void start(struct loop *loop, struct loop_op *op)
{
	loop_pool_start(loop->pool, op);
}

const struct loop_files loop_files_threads = {
	.name = "epoll",
	.kind = LOOP_EPOLL,
	.start = start,
};
