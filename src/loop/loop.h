/* SPDX-License-Identifier: MIT */
/*
 * The event loop: one thread, socket readiness, timers, and file I/O that never blocks the thread.
 *
 * Sockets are watched with edge-triggered epoll. File I/O goes through io_uring if the kernel
 * allows it, otherwise through a few threads; the choice is made once, by trying, and
 * SLUICE_LOOP=epoll forces the threads. Everything except loop_wake belongs to the thread that runs
 * the loop.
 *
 * Invariants: no callback runs inside the call that started the work, only inside loop_run; the
 * caller does not touch an operation or its buffer until its `done` has run, which happens exactly
 * once; nothing is cancelled.
 */
#ifndef SLUICE_LOOP_LOOP_H
#define SLUICE_LOOP_LOOP_H

#include "sluice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;

#define LOOP_THREADS       4  /* file operations in flight at most, without io_uring */
#define LOOP_THREADS_APART 64 /* of loop_work_apart, beside these */

enum loop_kind {
	LOOP_AUTO,  /* io_uring where it works (and SLUICE_LOOP is not "epoll"), else threads */
	LOOP_URING, /* io_uring or an error */
	LOOP_EPOLL, /* threads for file I/O */
};

int loop_open(struct loop **loop, enum loop_kind kind, struct sluice_error *error);
/*
 * Waits for the operations in flight and for those that their `done` starts, then frees everything.
 * No other callback runs. Work on separate threads that has not ended after a second is abandoned:
 * its thread goes on, its `done` never runs, and what it works on is not freed.
 */
void loop_close(struct loop *loop);
const char *loop_name(const struct loop *loop); /* "io_uring" or "epoll" */
/*
 * Readable when loop_run would find work, tasks and timers included: for a loop inside another
 * program's poll(2). Keeping that true costs something from the first call on, so call it only on
 * demand.
 */
int loop_fd(struct loop *loop);

/*
 * One turn: waits at most timeout_ms (-1: until something happens, 0: not at all), then runs what
 * is due. Returns 0 or -errno. A signal ends the wait early and is not an error. Spurious returns
 * are possible: callers re-check their condition.
 */
int loop_run(struct loop *loop, int timeout_ms);

/* Ends the wait of a loop_run in another thread, or the next one. Safe in a signal handler. */
void loop_wake(struct loop *loop);

uint64_t loop_now_ms(const struct loop *loop); /* CLOCK_MONOTONIC, as of this turn */
uint64_t loop_turn(const struct loop *loop);   /* counts from 1; a new one after each wait */

/*
 * Readiness of a descriptor, edge-triggered: `ready` runs when EPOLLIN, EPOLLOUT, EPOLLRDHUP, ...
 * is raised anew, so the owner repeats its operation until -EAGAIN before it waits. A watch may be
 * removed in any callback: it is not called again, and its memory may be freed at once.
 */
struct loop_watch {
	void (*ready)(struct loop_watch *watch, uint32_t events);
	int fd; /* filled by loop_watch_add */
};

int loop_watch_add(struct loop *loop, struct loop_watch *watch, int fd, uint32_t events);
void loop_watch_remove(struct loop *loop, struct loop_watch *watch);

/*
 * A call at the end of this turn, or of the next one when a task queues it. Queueing a queued task
 * again does nothing. A task that runs is not queued any more: it may queue or free itself.
 */
struct loop_task {
	void (*run)(struct loop_task *task);
	/* private */
	struct loop_task *next, *previous; /* NULL: not queued */
};

void loop_task_queue(struct loop *loop, struct loop_task *task);
/* In front of one that was queued in this turn. */
void loop_task_queue_before(struct loop *loop, struct loop_task *task, struct loop_task *next);
void loop_task_cancel(struct loop *loop, struct loop_task *task);

/* A call when loop_now_ms has reached due_ms; equal times in the order they were set. */
struct loop_timer {
	void (*fire)(struct loop_timer *timer);
	uint64_t due_ms;
	/* private */
	struct loop_timer *child, *next, *previous;
	uint64_t sequence;
	bool is_set;
};

/* Setting a timer that is set moves it. */
void loop_timer_set(struct loop *loop, struct loop_timer *timer, uint64_t after_ms);
void loop_timer_cancel(struct loop *loop, struct loop_timer *timer);

/*
 * File operations. `done` gets what the system call would have returned: a count or -errno. Reads
 * and writes may be short. `fd` must stay open until done. Operations in flight are unordered: a
 * sync covers the writes that were done before it started.
 */
struct loop_op {
	void (*done)(struct loop_op *op, int64_t result);
	/* private */
	struct loop_op *next;
	int64_t (*work)(void *argument);
	void *argument;
	int64_t result;
	uint64_t offset;
	void *data;
	size_t length;
	int fd;
	int kind;
	int rw_flags; /* RWF_*, of reads and writes */
};

void loop_read(struct loop *loop, struct loop_op *op, int fd, void *data, size_t length,
	       uint64_t offset);
void loop_write(struct loop *loop, struct loop_op *op, int fd, const void *data, size_t length,
		uint64_t offset);
/* With RWF_* of pwritev2(2). */
void loop_write_flags(struct loop *loop, struct loop_op *op, int fd, const void *data,
		      size_t length, uint64_t offset, int flags);
void loop_sync(struct loop *loop, struct loop_op *op, int fd, bool data_only);
/* Runs work(argument) on a helper thread: for calls that may block (open, readdir, fallocate, ...).
 */
void loop_work(struct loop *loop, struct loop_op *op, int64_t (*work)(void *), void *argument);
/*
 * The same for calls that may never return because a network file system does not respond: on
 * separate threads, so that nothing else waits for them.
 */
void loop_work_apart(struct loop *loop, struct loop_op *op, int64_t (*work)(void *),
		     void *argument);
unsigned loop_pending(const struct loop *loop); /* operations under way */

/*
 * The buffer pool: LOOP_BUFFERS_MAX MiB of aligned memory, shared by the ranges of a loop. Memory
 * is taken from the system when first touched. Where io_uring accepts them buffers are registered,
 * and loop_read/loop_write on them are fixed-buffer operations without the caller doing anything.
 *
 * A range takes buffers through a claim. The pool chooses the size of the pieces: a fair share for
 * each range that holds or wants any, between LOOP_PIECE_MIN and LOOP_BUFFER_SIZE. Every claim is
 * entitled to a first piece: if none is free it waits in line, and `granted` hands one over. It
 * gets further ones while there are plenty. While a range cannot make progress it lends what it
 * holds. Spare pieces go at once to claims that have none or need more; the rest, which is being
 * sent, only if the peer has taken nothing for LOOP_IDLE_MS and another claim has none. So no range
 * holds for long what it cannot use, and every waiting claim gets a piece.
 */
#define LOOP_BUFFER_SIZE ((size_t)1 << 20)
#define LOOP_PIECE_MIN   ((size_t)64 << 10)
#define LOOP_BUFFERS_MAX 64
#define LOOP_IDLE_MS     500

struct loop_piece {
	char *data; /* NULL: none */
	size_t size;
};

struct loop_claim {
	/* A piece for a claim that had to wait: use it in this call, lend it, or give it back. */
	void (*granted)(struct loop_claim *claim, struct loop_piece piece);
	/*
	 * Give back a piece whose bytes can be had again: a spare one or, with all, any. False:
	 * there is none, or none yet. Runs while this claim lends: in calls on other claims, and in
	 * loop_claim_lend itself.
	 */
	bool (*reclaim)(struct loop_claim *claim, bool all);
	/* private */
	struct loop *loop;
	struct loop_claim *next, *previous;
	struct loop_task task;
	struct loop_piece piece; /* granted, and not handed over yet */
	size_t wanted, held;
	uint64_t idle_since_ms;
	int state;
	bool is_user;
};

void loop_claim_open(struct loop_claim *claim, struct loop *loop);
/* Ends a wait and a loan. What is held stays so until it is given back. */
void loop_claim_close(struct loop_claim *claim);
/*
 * A piece of about `wanted` bytes or less. Ends a loan. Where it returns false and the claim held
 * nothing, `granted` will run.
 */
bool loop_claim_take(struct loop_claim *claim, size_t wanted, struct loop_piece *piece);
/* As a further piece, even where it is the first: while there are plenty, and without waiting. */
bool loop_claim_take_more(struct loop_claim *claim, size_t wanted, struct loop_piece *piece);
void loop_claim_give(struct loop_claim *claim, struct loop_piece *piece); /* and clears it */
/*
 * Until take, loop_claim_use, or the last piece is gone. idle_since_ms: when the peer took bytes
 * last.
 */
void loop_claim_lend(struct loop_claim *claim, bool has_spare, uint64_t idle_since_ms);
void loop_claim_use(struct loop_claim *claim);

/* True if few ranges use the pool, so that a new one may begin with large reads. */
bool loop_buffers_are_plenty(const struct loop *loop);

/* A whole buffer, for users that have a loop to themselves; NULL if all are in use. */
void *loop_buffer_take(struct loop *loop);
void loop_buffer_give(struct loop *loop, void *data);

#endif
