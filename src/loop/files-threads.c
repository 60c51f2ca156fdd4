/* SPDX-License-Identifier: MIT */
/*
 * File I/O by a few threads: for everything where io_uring is refused, and for loop_work always.
 *
 * Invariants: a thread starts when work came and none is idle, up to LOOP_THREADS; `waiting` and
 * `finished` belong to the lock; the loop is woken when `finished` stops being empty; a thread does
 * not touch an operation after it put it there; no thread takes a signal from the program.
 */
#include "base/sys.h"
#include "loop/loop-private.h"

#include <errno.h>
#include <signal.h>
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

static void finish(struct loop *loop, struct loop_op *op, int64_t result)
{
	struct loop_pool *pool = &loop->pool;
	bool was_empty;

	op->result = result;
	pthread_mutex_lock(&pool->lock);
	was_empty = !pool->finished.first;
	loop_queue_push(&pool->finished, op);
	pthread_mutex_unlock(&pool->lock);
	if (was_empty)
		loop_signal(loop);
}

static void *run_thread(void *argument)
{
	struct loop *loop = argument;
	struct loop_op *op;

	while ((op = next_op(&loop->pool)))
		finish(loop, op, perform(op));
	return NULL;
}

static int start_thread(struct loop *loop)
{
	struct loop_pool *pool = &loop->pool;
	sigset_t all, before;
	int code;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	code = pthread_create(&pool->threads[pool->thread_count], NULL, run_thread, loop);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (code == 0)
		pool->thread_count++;
	return -code;
}

int loop_pool_open(struct loop *loop)
{
	int code = pthread_mutex_init(&loop->pool.lock, NULL);

	if (code)
		return -code;
	code = pthread_cond_init(&loop->pool.work_came, NULL);
	if (code)
		pthread_mutex_destroy(&loop->pool.lock);
	return -code;
}

void loop_pool_close(struct loop *loop)
{
	struct loop_pool *pool = &loop->pool;

	pthread_mutex_lock(&pool->lock);
	pool->is_closing = true;
	pthread_cond_broadcast(&pool->work_came);
	pthread_mutex_unlock(&pool->lock);
	for (unsigned i = 0; i < pool->thread_count; i++)
		pthread_join(pool->threads[i], NULL);
	pthread_cond_destroy(&pool->work_came);
	pthread_mutex_destroy(&pool->lock);
}

void loop_pool_start(struct loop *loop, struct loop_op *op)
{
	struct loop_pool *pool = &loop->pool;
	bool is_short;
	int status = 0;

	pool->pending++;
	pthread_mutex_lock(&pool->lock);
	is_short = pool->idle_count <= pool->waiting_count;
	pthread_mutex_unlock(&pool->lock);
	if (is_short && pool->thread_count < LOOP_THREADS)
		status = start_thread(loop);
	if (pool->thread_count == 0) {
		finish(loop, op, status);
		return;
	}
	pthread_mutex_lock(&pool->lock);
	loop_queue_push(&pool->waiting, op);
	pool->waiting_count++;
	pthread_cond_signal(&pool->work_came);
	pthread_mutex_unlock(&pool->lock);
}

void loop_pool_reap(struct loop *loop, struct loop_queue *done)
{
	struct loop_pool *pool = &loop->pool;
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

const struct loop_files loop_files_threads = {
	.name = "epoll",
	.kind = LOOP_EPOLL,
	.start = loop_pool_start,
};
