/* SPDX-License-Identifier: MIT */
/*
 * Shared by the files of this room: the loop itself, and the contract of a file-I/O backend.
 *
 * Invariants: only the loop's thread touches these structs, except struct loop_pool, which has a
 * lock; an operation is in exactly one queue or in the kernel's hands from its start to its `done`.
 */
#ifndef SLUICE_LOOP_PRIVATE_H
#define SLUICE_LOOP_PRIVATE_H

#include "loop/loop.h"

#include <pthread.h>
#include <sys/epoll.h>

#define LOOP_BATCH 256 /* events taken by one epoll_wait */

/* Buffers are registered by the arena, one huge page: little use pins little memory. */
#define LOOP_ARENA_BUFFERS 2
#define LOOP_ARENA_SIZE    (LOOP_ARENA_BUFFERS * LOOP_BUFFER_SIZE)
#define LOOP_ARENAS        (LOOP_BUFFERS_MAX / LOOP_ARENA_BUFFERS)

enum loop_op_kind { OP_READ, OP_WRITE, OP_SYNC, OP_DATA_SYNC, OP_WORK, OP_WORK_APART };

/* First in, first out. */
struct loop_queue {
	struct loop_op *first, *last;
};

void loop_queue_push(struct loop_queue *queue, struct loop_op *op);
struct loop_op *loop_queue_pop(struct loop_queue *queue);
void loop_queue_move(struct loop_queue *to, struct loop_queue *from);

/*
 * A way to do file I/O. `start` takes an operation and may hold it back until `flush`, which runs
 * once before each wait and says how long that may be (-1: any time; 0: something is complete).
 * `reap` adds what is complete.
 * `pin` makes an arena known to the kernel, `unpin` undoes it. Only name and start are mandatory.
 */
struct loop_files {
	const char *name;
	enum loop_kind kind;
	int (*open)(struct loop *loop, struct sluice_error *error);
	void (*close)(struct loop *loop);
	void (*start)(struct loop *loop, struct loop_op *op);
	int (*flush)(struct loop *loop);
	void (*reap)(struct loop *loop, struct loop_queue *done);
	bool (*pin)(struct loop *loop, unsigned arena);
	void (*unpin)(struct loop *loop, unsigned arena);
};

extern const struct loop_files loop_files_uring, loop_files_threads;

/* Outlives its loop where a thread does not come back. */
struct loop_pool {
	pthread_mutex_t lock;
	pthread_cond_t work_came;
	struct loop *loop; /* NULL: it is gone */
	struct loop_queue waiting, finished;
	unsigned waiting_count, idle_count;
	unsigned users; /* the loop and the threads: the last one frees the pool */
	bool is_closing;
	/* Only the loop's thread: */
	pthread_t threads[LOOP_THREADS_APART];
	unsigned thread_count, thread_max;
	unsigned pending;
};

struct loop_buffers {
	char *base; /* one mapping; the system gives memory to it page by page */
	uint16_t used[LOOP_BUFFERS_MAX]; /* a bit for each least piece of a buffer */
	unsigned free;                   /* least pieces */
	unsigned users;                  /* claims that hold pieces or wait for one */
	unsigned lent;                   /* of those, how many lend */
	struct loop_claim waiting;       /* heads of rings: the longest waiting first */
	struct loop_claim spare,
		idle; /* lenders, with and without spare pieces; the longest idle first */
	struct loop_timer reclaim; /* when a lender will have been idle for long enough */
	uint32_t touched, recent,
		pinned; /* arenas: ever, since the last trim, known to the kernel */
	struct loop_timer trim;
};

struct loop {
	const struct loop_files *files;
	struct loop_uring *uring;
	int epoll_fd, wake_fd, timer_fd;
	bool is_running;
	bool is_polled; /* somebody asked for loop_fd */
	bool is_armed;  /* wake_fd was written for what is_polled promises */
	uint64_t now_ms, armed_ms, turn;
	unsigned pending;
	struct loop_task tasks, current; /* heads of rings */
	struct loop_timer *timers;
	uint64_t timer_sequence;
	struct loop_pool *pool, *apart;
	struct loop_buffers buffers;
	struct epoll_event batch[LOOP_BATCH];
	int batch_next, batch_count;
	unsigned watches;
	unsigned blind_turns; /* since descriptors were looked at last */
};

void loop_signal(struct loop *loop); /* loop_wake, counted: not for signal handlers */

void loop_timers_insert(struct loop *loop, struct loop_timer *timer, uint64_t due_ms);
void loop_timers_run(struct loop *loop);
uint64_t loop_timers_due(const struct loop *loop); /* UINT64_MAX: no timer is set */

struct loop_pool *loop_pool_open(struct loop *loop, unsigned thread_max); /* NULL: no memory */
void loop_pool_close(struct loop_pool *pool);                             /* NULL is allowed */
void loop_pool_start(struct loop_pool *pool, struct loop_op *op);
void loop_pool_reap(struct loop_pool *pool, struct loop_queue *done);

int loop_buffers_open(struct loop *loop);
void loop_buffers_close(struct loop *loop);
/* The arena that holds all of data and is known to the kernel, or -1. */
int loop_buffers_pinned(const struct loop *loop, const void *data, size_t length);

static inline char *loop_arena_data(const struct loop *loop, unsigned arena)
{
	return loop->buffers.base + arena * LOOP_ARENA_SIZE;
}

#endif
