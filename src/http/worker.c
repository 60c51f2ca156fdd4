/* SPDX-License-Identifier: MIT */
#include "http/worker.h"
#include "base/container.h"

#include "base/error.h"
#include "base/sys.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum {
	ACCEPTS_PER_TURN = 64,
	SWEEP_MS = 1000,
	ROOM = 8,        /* what a request needs at most, and a little */
	LATER_MS = 100,  /* after the system ran out of descriptors or memory */
	LOOK_MS = 1000,  /* between two looks at the served directory's name */
	STOP_MS = 30000, /* what is being sent at a stop may take this long */
};

/* See plan_congestion: a control that paces is taken off connections that stay on this machine. */
static void unpace(struct worker *worker, int fd)
{
	const struct plan_congestion_facts facts = {
		.is_local = host_socket_is_local(fd),
		.system = worker->settings->congestion,
	};

	for (const char *const *name = plan_congestion(&facts); *name; name++)
		if (host_socket_set_congestion(fd, *name) == 0)
			break;
}

/* The one that was opened first. One that turns out to have a request is left, and not idle. */
static bool close_an_idle_one(struct worker *worker)
{
	struct connection *connection = worker->oldest, *next;

	for (; connection; connection = next) {
		next = connection_newer(connection);
		if (connection_is_idle(connection) && connection_close_idle(connection))
			return true;
	}
	return false;
}

bool worker_make_room(struct worker *worker)
{
	unsigned made = worker->files.count;

	file_cache_clear(&worker->files);
	for (int i = 0; i < ROOM && close_an_idle_one(worker); i++)
		made++;
	return made > 0;
}

/* When there is no room and nobody is idle, new clients wait in the backlog until a connection
 * ends. */
static bool has_room(struct worker *worker)
{
	worker->is_full = worker->connection_count >= worker->settings->connections_max &&
			  !close_an_idle_one(worker);
	return !worker->is_full;
}

static bool lacks_descriptors(int result)
{
	return result == -EMFILE || result == -ENFILE;
}

static bool is_exhausted(int result)
{
	return lacks_descriptors(result) || result == -ENOBUFS || result == -ENOMEM;
}

/* Everything but "nobody waits" is worth another try: the edge that told of the client is gone. */
static void accept_some(struct worker *worker)
{
	struct sockaddr_storage peer;
	int fd = 0;

	for (int i = 0; i < ACCEPTS_PER_TURN && fd >= 0; i++) {
		if (worker->is_stopping || !has_room(worker))
			return;
		fd = sys_accept(worker->listening, &peer);
		if (lacks_descriptors(fd) && close_an_idle_one(worker))
			fd = sys_accept(worker->listening, &peer);
		if (fd < 0)
			break;
		if (worker->settings->may_be_paced)
			unpace(worker, fd);
		connection_open(worker, fd, &peer);
	}
	worker->is_full = is_exhausted(fd);
	if (worker->is_full)
		loop_timer_set(worker->loop, &worker->accept_later, LATER_MS);
	else if (fd != -EAGAIN)
		loop_task_queue(worker->loop, &worker->accept_again);
}

static void on_accept_later(struct loop_timer *timer)
{
	accept_some(container_of(timer, struct worker, accept_later));
}

static void on_listening(struct loop_watch *watch, uint32_t events)
{
	accept_some(container_of(watch, struct worker, watch));
}

static void on_accept_again(struct loop_task *task)
{
	accept_some(container_of(task, struct worker, accept_again));
}

static void on_sent(struct loop_task *task)
{
}

static void on_sweep(struct loop_timer *timer)
{
	struct worker *worker = container_of(timer, struct worker, sweep);

	file_cache_sweep(&worker->files, loop_now_ms(worker->loop));
	if (worker->files.count > 0)
		worker_expect_sweep(worker);
}

void worker_expect_sweep(struct worker *worker)
{
	if (!worker->sweep.is_set)
		loop_timer_set(worker->loop, &worker->sweep, SWEEP_MS);
}

static void note(const struct worker *worker, const char *what)
{
	struct buffer line = {0};

	buffer_printf(&line, "%s: %s", worker->settings->served.path, what);
	log_writer_add(worker->settings->log, LOG_NOTE, &line);
	buffer_free(&line);
}

static void set_code(struct worker *worker, int code)
{
	char what[128], words[ERROR_WORDS];

	if (__atomic_exchange_n(&worker->settings->news->code, code, __ATOMIC_RELAXED) == code ||
	    code == 0)
		return;
	snprintf(what, sizeof(what), "%s: still serving the old directory",
		 error_words(code, words));
	note(worker, what);
}

bool worker_must_look_anew(struct worker *worker)
{
	uint64_t now = loop_now_ms(worker->loop);

	if (worker->is_looking || now - worker->looked_ms < LOOK_MS)
		return false;
	worker->looked_ms = now;
	if (!served_is_current(&worker->settings->served, worker->root))
		return true;
	set_code(worker, 0);
	return false;
}

void worker_looked_anew(struct worker *worker, struct served_root *moved, int result)
{
	worker->is_looking = false;
	set_code(worker, -result);
	if (!moved)
		return;
	if (__atomic_exchange_n(&worker->settings->news->inode, moved->inode, __ATOMIC_RELAXED) !=
	    moved->inode)
		note(worker, "now a different directory: serving that one");
	served_root_release(worker->root);
	worker->root = moved;
	file_cache_clear(&worker->files);
}

int worker_open(struct worker *worker, const struct server_settings *settings,
		struct served_root *root, int listening, struct sluice_error *error)
{
	int result;

	*worker = (struct worker){
		.settings = settings,
		.files.max = settings->files_max,
		.root = served_root_take(root),
		.listening = listening,
		.watch.ready = on_listening,
		.accept_again.run = on_accept_again,
		.sent.run = on_sent,
		.sweep.fire = on_sweep,
		.accept_later.fire = on_accept_later,
	};
	result = loop_open(&worker->loop, LOOP_AUTO, error);
	if (result < 0) {
		served_root_release(root);
		sys_close(listening);
		return result;
	}
	digester_open(&worker->digester, settings->digests, worker->loop);
	result = loop_watch_add(worker->loop, &worker->watch, listening, EPOLLIN);
	if (result < 0) {
		worker_close(worker);
		return error_set_errno(error, -result, "epoll_ctl");
	}
	return 0;
}

static void for_all(struct worker *worker, void (*call)(struct connection *))
{
	struct connection *connection = worker->oldest, *next;

	for (; connection; connection = next) {
		next = connection_newer(connection);
		call(connection);
	}
}

static void abort_late(struct connection *connection)
{
	connection_abort(connection, "not finished 30 s after the stop");
}

static void begin_stop(struct worker *worker)
{
	accept_some(worker); /* who is connected already is served */
	worker->is_stopping = true;
	worker->stop_deadline_ms = loop_now_ms(worker->loop) + STOP_MS;
	loop_watch_remove(worker->loop, &worker->watch);
	sys_close(worker->listening);
	worker->listening = -1;
	for_all(worker, connection_stop);
}

static bool is_done(struct worker *worker)
{
	if (!worker->is_stopping && __atomic_load_n(&worker->must_stop, __ATOMIC_ACQUIRE))
		begin_stop(worker);
	if (!worker->is_stopping)
		return false;
	if (loop_now_ms(worker->loop) >= worker->stop_deadline_ms)
		for_all(worker, abort_late);
	return worker->connection_count == 0;
}

void *worker_run(void *argument)
{
	struct worker *worker = argument;

	while (worker->result == 0 && !is_done(worker))
		worker->result = loop_run(worker->loop, worker->is_stopping ? 100 : -1);
	return NULL;
}

void worker_stop(struct worker *worker)
{
	__atomic_store_n(&worker->must_stop, true, __ATOMIC_RELEASE);
	loop_wake(worker->loop);
}

static void abort_left(struct connection *connection)
{
	connection_abort(connection, "the worker ended");
}

void worker_close(struct worker *worker)
{
	for_all(worker, abort_left);
	if (worker->listening >= 0) {
		loop_watch_remove(worker->loop, &worker->watch);
		sys_close(worker->listening);
	}
	loop_task_cancel(worker->loop, &worker->accept_again);
	loop_task_cancel(worker->loop, &worker->sent);
	loop_timer_cancel(worker->loop, &worker->sweep);
	loop_timer_cancel(worker->loop, &worker->accept_later);
	digester_close(&worker->digester);
	file_cache_clear(&worker->files);
	loop_close(worker->loop);
	served_root_release(worker->root);
}
