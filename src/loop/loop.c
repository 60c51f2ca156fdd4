/* SPDX-License-Identifier: MIT */
/*
 * The loop: one epoll set for sockets, the ring or the threads, and wake-ups; and the order of a
 * turn.
 *
 * A turn hands file operations over, waits, and runs readiness, completions, timers and tasks, in
 * that order. Invariants: callbacks run only there; a removed watch is out of the batch that is
 * being dispatched; our own descriptors carry no pointer, because they only end the wait. wake_fd
 * and timer_fd are edge-triggered, so nobody has to read them.
 */
#include "base/clock.h"
#include "base/error.h"
#include "base/sys.h"
#include "loop/loop-private.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BLIND_TURNS 16
enum { APART_MS = 1000 }; /* for work apart that has not ended when the loop closes */

static const struct loop_files *const backends[] = {&loop_files_uring, &loop_files_threads};

void loop_queue_push(struct loop_queue *queue, struct loop_op *op)
{
	op->next = NULL;
	if (queue->first)
		queue->last->next = op;
	else
		queue->first = op;
	queue->last = op;
}

struct loop_op *loop_queue_pop(struct loop_queue *queue)
{
	struct loop_op *op = queue->first;

	if (op)
		queue->first = op->next;
	return op;
}

void loop_queue_move(struct loop_queue *to, struct loop_queue *from)
{
	if (!from->first)
		return;
	if (to->first)
		to->last->next = from->first;
	else
		to->first = from->first;
	to->last = from->last;
	from->first = NULL;
}

static bool is_wanted(const struct loop_files *files, enum loop_kind kind)
{
	const char *choice = getenv("SLUICE_LOOP");

	if (kind != LOOP_AUTO)
		return files->kind == kind;
	return files->kind == LOOP_EPOLL || !choice || strcmp(choice, "epoll") != 0;
}

static int open_files(struct loop *loop, enum loop_kind kind, struct sluice_error *error)
{
	int status = -EINVAL;

	for (size_t i = 0; i < sizeof(backends) / sizeof(*backends); i++) {
		if (!is_wanted(backends[i], kind))
			continue;
		status = backends[i]->open ? backends[i]->open(loop, error) : 0;
		if (status == 0) {
			loop->files = backends[i];
			break;
		}
	}
	return status;
}

static int watch_own(struct loop *loop, int fd)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLET};

	return sys_epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event);
}

static int open_descriptors(struct loop *loop)
{
	int status;

	loop->epoll_fd = sys_epoll_create();
	if (loop->epoll_fd < 0)
		return loop->epoll_fd;
	loop->wake_fd = sys_eventfd();
	if (loop->wake_fd < 0)
		return loop->wake_fd;
	loop->timer_fd = sys_timerfd();
	if (loop->timer_fd < 0)
		return loop->timer_fd;
	status = watch_own(loop, loop->wake_fd);
	return status < 0 ? status : watch_own(loop, loop->timer_fd);
}

static void close_descriptors(struct loop *loop)
{
	const int fds[] = {loop->timer_fd, loop->wake_fd, loop->epoll_fd};

	for (size_t i = 0; i < sizeof(fds) / sizeof(*fds); i++)
		if (fds[i] >= 0)
			sys_close(fds[i]);
}

static struct loop *create_loop(void)
{
	struct loop *loop = calloc(1, sizeof(*loop));

	if (!loop)
		return NULL;
	loop->epoll_fd = loop->wake_fd = loop->timer_fd = -1;
	loop->tasks.next = loop->tasks.previous = &loop->tasks;
	loop->current.next = loop->current.previous = &loop->current;
	loop->now_ms = clock_ms();
	loop->turn = 1;
	loop->armed_ms = UINT64_MAX;
	return loop;
}

static void free_loop(struct loop *loop)
{
	if (!loop)
		return;
	loop_pool_close(loop->pool);
	loop_pool_close(loop->apart);
	loop_buffers_close(loop);
	close_descriptors(loop);
	free(loop);
}

static int open_pools(struct loop *loop)
{
	loop->pool = loop_pool_open(loop, LOOP_THREADS);
	loop->apart = loop_pool_open(loop, LOOP_THREADS_APART);
	return loop->pool && loop->apart ? 0 : -ENOMEM;
}

int loop_open(struct loop **result, enum loop_kind kind, struct sluice_error *error)
{
	struct loop *loop = create_loop();
	int status = loop ? open_descriptors(loop) : -ENOMEM;

	if (status == 0)
		status = loop_buffers_open(loop);
	if (status == 0)
		status = open_pools(loop);
	if (status < 0) {
		error_set_errno(error, -status, "event loop");
		goto fail;
	}
	/* With LOOP_AUTO another backend steps in, and a refusal is no error. */
	status = open_files(loop, kind, kind == LOOP_AUTO ? NULL : error);
	if (status < 0)
		goto fail;
	*result = loop;
	return 0;
fail:
	free_loop(loop);
	return status;
}

const char *loop_name(const struct loop *loop)
{
	return loop->files->name;
}

uint64_t loop_now_ms(const struct loop *loop)
{
	return loop->now_ms;
}

uint64_t loop_turn(const struct loop *loop)
{
	return loop->turn;
}

unsigned loop_pending(const struct loop *loop)
{
	return loop->pending;
}

void loop_wake(struct loop *loop)
{
	const uint64_t one = 1;
	int saved = errno;

	/* Not counted: the counters are not safe in a signal handler. It can fail only where the
	 * descriptor is readable anyway. */
	if (write(loop->wake_fd, &one, sizeof(one)) < 0)
		errno = saved;
}

void loop_signal(struct loop *loop)
{
	sys_count(CALL_write);
	loop_wake(loop);
}

static bool has_tasks(const struct loop *loop)
{
	return loop->tasks.next != &loop->tasks;
}

/* Makes loop_fd readable for work that only this process knows of. Not needed inside a turn. */
static void arm(struct loop *loop)
{
	if (!loop->is_polled || loop->is_running || loop->is_armed)
		return;
	loop->is_armed = true;
	loop_signal(loop);
}

static void arm_timer(struct loop *loop)
{
	uint64_t due = loop_timers_due(loop);
	struct itimerspec when = {0};

	if (!loop->is_polled || loop->is_running)
		return;
	if (due <= loop->now_ms)
		arm(loop);
	if (due == loop->armed_ms)
		return;
	loop->armed_ms = due;
	if (due != UINT64_MAX) {
		when.it_value.tv_sec = (time_t)(due / 1000);
		when.it_value.tv_nsec = (long)(due % 1000 * 1000000);
	}
	sys_timerfd_set(loop->timer_fd, &when);
}

/* Between two turns: queued work waits for loop_run, and a poller has to know. */
static void settle(struct loop *loop)
{
	if (!loop->is_polled)
		return;
	if (loop->files->flush && loop->files->flush(loop) >= 0)
		arm(loop);
	if (has_tasks(loop))
		arm(loop);
	arm_timer(loop);
}

int loop_fd(struct loop *loop)
{
	loop->is_polled = true;
	if (!loop->is_running)
		settle(loop);
	return loop->epoll_fd;
}

int loop_watch_add(struct loop *loop, struct loop_watch *watch, int fd, uint32_t events)
{
	struct epoll_event event = {.events = events | EPOLLET, .data.ptr = watch};

	int status = sys_epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event);

	watch->fd = fd;
	loop->watches += status == 0;
	return status;
}

void loop_watch_remove(struct loop *loop, struct loop_watch *watch)
{
	struct epoll_event unused = {0};

	sys_epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, watch->fd, &unused);
	loop->watches--;
	for (int i = loop->batch_next; i < loop->batch_count; i++)
		if (loop->batch[i].data.ptr == watch)
			loop->batch[i].data.ptr = NULL;
}

static void unlink_task(struct loop_task *task)
{
	task->previous->next = task->next;
	task->next->previous = task->previous;
	task->next = task->previous = NULL;
}

void loop_task_queue_before(struct loop *loop, struct loop_task *task, struct loop_task *next)
{
	if (task->next)
		return;
	task->next = next;
	task->previous = next->previous;
	next->previous->next = task;
	next->previous = task;
	arm(loop);
}

void loop_task_queue(struct loop *loop, struct loop_task *task)
{
	loop_task_queue_before(loop, task, &loop->tasks);
}

void loop_task_cancel(struct loop *loop, struct loop_task *task)
{
	if (task->next)
		unlink_task(task);
}

static void run_task(struct loop_task *task)
{
	unlink_task(task);
	task->run(task);
}

static void run_tasks(struct loop *loop)
{
	struct loop_task *head = &loop->current;

	if (!has_tasks(loop))
		return;
	/* Take the whole ring over: what is queued from here on goes to the next turn. */
	*head = loop->tasks;
	head->next->previous = head->previous->next = head;
	loop->tasks.next = loop->tasks.previous = &loop->tasks;
	while (head->next != head)
		run_task(head->next);
}

void loop_timer_set(struct loop *loop, struct loop_timer *timer, uint64_t after_ms)
{
	uint64_t due;

	if (!loop->is_running)
		loop->now_ms = clock_ms();
	if (__builtin_add_overflow(loop->now_ms, after_ms, &due))
		due = UINT64_MAX;
	loop_timer_cancel(loop, timer);
	loop_timers_insert(loop, timer, due);
	arm_timer(loop);
}

static void start_op(struct loop *loop, struct loop_op *op, enum loop_op_kind kind)
{
	op->kind = kind;
	loop->pending++;
	if (kind == OP_WORK_APART)
		loop_pool_start(loop->apart, op);
	else if (kind == OP_WORK)
		loop_pool_start(loop->pool, op);
	else
		loop->files->start(loop, op);
	arm(loop);
}

void loop_read(struct loop *loop, struct loop_op *op, int fd, void *data, size_t length,
	       uint64_t offset)
{
	op->fd = fd;
	op->data = data;
	op->length = length;
	op->offset = offset;
	op->rw_flags = 0;
	start_op(loop, op, OP_READ);
}

void loop_write(struct loop *loop, struct loop_op *op, int fd, const void *data, size_t length,
		uint64_t offset)
{
	loop_write_flags(loop, op, fd, data, length, offset, 0);
}

void loop_write_flags(struct loop *loop, struct loop_op *op, int fd, const void *data,
		      size_t length, uint64_t offset, int flags)
{
	op->fd = fd;
	op->data = (void *)data;
	op->length = length;
	op->offset = offset;
	op->rw_flags = flags;
	start_op(loop, op, OP_WRITE);
}

void loop_sync(struct loop *loop, struct loop_op *op, int fd, bool data_only)
{
	op->fd = fd;
	start_op(loop, op, data_only ? OP_DATA_SYNC : OP_SYNC);
}

void loop_work(struct loop *loop, struct loop_op *op, int64_t (*work)(void *), void *argument)
{
	op->work = work;
	op->argument = argument;
	start_op(loop, op, OP_WORK);
}

void loop_work_apart(struct loop *loop, struct loop_op *op, int64_t (*work)(void *), void *argument)
{
	op->work = work;
	op->argument = argument;
	start_op(loop, op, OP_WORK_APART);
}

/* The shorter of two waits, where -1 stands for ever. */
static int shorter(int a, int b)
{
	if (a < 0 || b < 0)
		return a < 0 ? b : a;
	return a < b ? a : b;
}

static int until_timer(const struct loop *loop)
{
	uint64_t due = loop_timers_due(loop), now;

	if (due == UINT64_MAX)
		return -1;
	now = clock_ms();
	if (due <= now)
		return 0;
	return due - now < INT_MAX ? (int)(due - now) : INT_MAX;
}

/* A loop that only does file I/O need not look at descriptors, but for loop_wake, each turn. */
static bool can_stay_blind(struct loop *loop, bool has_done)
{
	loop->blind_turns = has_done && loop->watches == 0 ? loop->blind_turns + 1 : 0;
	return loop->blind_turns % BLIND_TURNS != 0;
}

static int poll_descriptors(struct loop *loop, int timeout_ms)
{
	int count = sys_epoll_wait(loop->epoll_fd, loop->batch, LOOP_BATCH, timeout_ms);

	/* The wait is over, but readiness must be collected first: a timer may depend on it. */
	if (count == -EINTR)
		count = sys_epoll_wait(loop->epoll_fd, loop->batch, LOOP_BATCH, 0);
	return count;
}

static int wait_for_events(struct loop *loop, int timeout_ms)
{
	int limit_ms = loop->files->flush ? loop->files->flush(loop) : -1, count = 0;

	if (!can_stay_blind(loop, limit_ms == 0))
		count = poll_descriptors(loop, shorter(timeout_ms, limit_ms));
	loop->batch_next = 0;
	loop->batch_count = count > 0 ? count : 0;
	loop->is_armed = false;
	loop->now_ms = clock_ms();
	loop->turn++;
	return count < 0 && count != -EINTR ? count : 0;
}

static void run_watches(struct loop *loop)
{
	while (loop->batch_next < loop->batch_count) {
		const struct epoll_event *event = &loop->batch[loop->batch_next++];
		struct loop_watch *watch = event->data.ptr;

		if (watch)
			watch->ready(watch, event->events);
	}
}

static void run_done(struct loop *loop)
{
	struct loop_queue done = {0};
	struct loop_op *op;

	if (loop->files->reap)
		loop->files->reap(loop, &done);
	loop_pool_reap(loop->pool, &done);
	loop_pool_reap(loop->apart, &done);
	while ((op = loop_queue_pop(&done))) {
		loop->pending--;
		op->done(op, op->result);
	}
}

int loop_run(struct loop *loop, int timeout_ms)
{
	int status;

	timeout_ms = has_tasks(loop) ? 0 : shorter(timeout_ms, until_timer(loop));
	loop->is_running = true;
	status = wait_for_events(loop, timeout_ms);
	if (status == 0) {
		run_watches(loop);
		run_done(loop);
		loop_timers_run(loop);
		run_tasks(loop);
	}
	loop->is_running = false;
	settle(loop);
	return status;
}

static void finish_some(struct loop *loop, int timeout_ms)
{
	wait_for_events(loop, timeout_ms);
	/* The watches may be gone by now. */
	loop->batch_count = 0;
	run_done(loop);
}

void loop_close(struct loop *loop)
{
	uint64_t deadline;

	if (!loop)
		return;
	loop->is_running = true;
	while (loop->pending > loop->apart->pending)
		finish_some(loop, -1);
	deadline = clock_ms() + APART_MS;
	while (loop->pending > 0 && (loop->pending > loop->apart->pending || clock_ms() < deadline))
		finish_some(loop, APART_MS / 10);
	if (loop->files->close)
		loop->files->close(loop);
	free_loop(loop);
}
