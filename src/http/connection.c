/* SPDX-License-Identifier: MIT */
/*
 * A connection as a state machine, driven by readiness, completions and one timer.
 *
 * Invariants: `drive` is the only place that moves bytes. A connection is freed only when no
 * operation of its own is under way; until then it is closed but remembered. Whatever ends an
 * exchange badly ends the connection, so that the client sees a short body and never a whole one.
 */
#include "base/meter.h"
#include "base/size.h"
#include "base/sys.h"
#include "http/access-log.h"
#include "http/url.h"
#include "http/worker.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	HEAD_MS = 30000,  /* for a whole header block */
	IDLE_MS = 60000,  /* between requests */
	SEND_MS = 60000,  /* without progress */
	LINGER_MS = 5000, /* for a client to read the last answer */
	LINGER_BYTES = 1 << 20,
	TURN_BYTES = 8 << 20, /* what one connection may send before the others have a turn */
	TURN_STEPS = 128,
};

enum state { READING, RESOLVING, SENDING, LINGERING };

struct connection {
	struct worker *worker;
	struct connection *newer, *older; /* in the worker's list */
	struct loop_watch watch;
	struct loop_timer timer;
	struct loop_task again;
	struct loop_op resolving;
	enum state state;
	int fd;
	bool is_closed, is_resolving, has_answered;
	bool may_have_input; /* the socket may hold bytes that were not read */
	uint64_t since_ms;   /* when the state began, or made progress last */
	uint64_t linger_left;
	int unsent;  /* when the timer looked last */
	char *input; /* HEAD_MAX bytes, while there is any */
	size_t input_length;
	size_t head_length; /* of the request being answered */
	struct http_request request;
	struct resolve *resolve;
	struct response response;
	struct buffer explain;
	struct timespec started;
	char peer[INET6_ADDRSTRLEN];
};

static void drive(struct connection *connection);

bool connection_is_idle(const struct connection *connection)
{
	return connection->state == READING && connection->input_length == 0 &&
	       connection->has_answered;
}

struct connection *connection_newer(const struct connection *connection)
{
	return connection->newer;
}

static void set_state(struct connection *connection, enum state state)
{
	connection->state = state;
	connection->since_ms = loop_now_ms(connection->worker->loop);
}

static void link_newest(struct connection *connection)
{
	struct worker *worker = connection->worker;

	connection->older = worker->newest;
	if (worker->newest)
		worker->newest->newer = connection;
	else
		worker->oldest = connection;
	worker->newest = connection;
	worker->connection_count++;
}

static void unlink_from_worker(struct connection *connection)
{
	struct worker *worker = connection->worker;

	if (connection->newer)
		connection->newer->older = connection->older;
	else
		worker->newest = connection->older;
	if (connection->older)
		connection->older->newer = connection->newer;
	else
		worker->oldest = connection->newer;
	worker->connection_count--;
}

static void free_connection(struct connection *connection)
{
	resolve_free(connection->resolve);
	buffer_free(&connection->explain);
	free(connection->input);
	free(connection);
}

static void close_connection(struct connection *connection)
{
	struct worker *worker = connection->worker;

	if (connection->is_closed)
		return;
	connection->is_closed = true;
	loop_watch_remove(worker->loop, &connection->watch);
	loop_timer_cancel(worker->loop, &connection->timer);
	loop_task_cancel(worker->loop, &connection->again);
	response_close(&connection->response);
	connection->response = (struct response){0};
	sys_close(connection->fd);
	unlink_from_worker(connection);
	if (worker->is_full)
		loop_task_queue(worker->loop, &worker->accept_again);
	if (!connection->is_resolving)
		free_connection(connection);
}

static void log_answer(struct connection *connection, const char *note)
{
	const struct access access = {
		.peer = connection->peer,
		.request = &connection->request,
		.response = &connection->response,
		.started = &connection->started,
		.note = note,
	};

	access_log(connection->worker->settings, &access, &connection->explain);
}

/* Requests */

static int64_t read_input(struct connection *connection)
{
	int64_t count;

	if (!connection->input && !(connection->input = malloc(HTTP_HEAD_MAX)))
		return -ENOMEM;
	if (connection->input_length == HTTP_HEAD_MAX)
		return -ENOBUFS;
	do
		count = sys_recv(connection->fd, connection->input + connection->input_length,
				 HTTP_HEAD_MAX - connection->input_length, 0);
	while (count == -EINTR);
	/* Less than there was room for: the rest comes with a new edge. */
	connection->may_have_input = count == (int64_t)(HTTP_HEAD_MAX - connection->input_length);
	if (count <= 0)
		return count;
	if (connection->input_length == 0)
		connection->since_ms = loop_now_ms(connection->worker->loop);
	connection->input_length += (size_t)count;
	return count;
}

/* An idle connection keeps no buffer: there may be ten thousand of them. */
static void release_input(struct connection *connection)
{
	if (connection->input_length > 0)
		return;
	free(connection->input);
	connection->input = NULL;
}

static void on_wake(struct stream_send *stream)
{
	struct response *response =
		(struct response *)((char *)stream - offsetof(struct response, stream));
	struct connection *connection =
		(struct connection *)((char *)response - offsetof(struct connection, response));

	loop_task_queue(connection->worker->loop, &connection->again);
}

static void prepare_response(struct connection *connection)
{
	const struct server_settings *settings = connection->worker->settings;
	struct response *response = &connection->response;

	clock_gettime(CLOCK_MONOTONIC, &connection->started);
	response->stream.wake = on_wake;
	response->stream.forced = settings->path;
	response->stream.bill = &response->bill;
	response->stream.explain = settings->explain ? &connection->explain : NULL;
}

static void answer_text(struct connection *connection, unsigned status, const char *why)
{
	prepare_response(connection);
	response_text(&connection->response, &connection->request, status, NULL, why);
	set_state(connection, SENDING);
}

/* Who wants a large file's beginning counts: a download in several ranges is one reader. */
static void admit(struct connection *connection, const struct cached_file *cached)
{
	const struct response *response = &connection->response;
	const struct worker *worker = connection->worker;
	const struct statx *status = &cached->file->status;

	if (response->range_count > 0 && response->ranges[0].offset == 0 &&
	    status->stx_size > PLAN_SMALL && !worker->settings->path)
		connection->response.stream.is_admitted = admission_ask(
			worker->settings->admission, status, loop_now_ms(worker->loop));
}

static void answer_file(struct connection *connection, struct cached_file *cached)
{
	response_file(&connection->response, &connection->request, cached);
	admit(connection, cached);
}

/* resolve owns nothing but its text when this returns. */
static void answer_found(struct connection *connection)
{
	struct resolve *resolve = connection->resolve;
	bool is_to_be_kept = !resolve_is_folder(resolve->path);
	struct cached_file *cached = NULL;
	int code = 0;

	if (resolve->fd >= 0)
		cached = file_cache_add(&connection->worker->files, resolve->path, resolve->fd,
					resolve->type, is_to_be_kept,
					loop_now_ms(connection->worker->loop), &code);
	resolve->fd = -1;
	if (cached && is_to_be_kept)
		worker_expect_sweep(connection->worker);
	if (cached)
		answer_file(connection, cached);
	else if (code < 0)
		response_text(&connection->response, &connection->request, 500, NULL,
			      strerror(-code));
	else
		response_found(&connection->response, &connection->request, resolve);
	resolve_free(resolve);
	connection->resolve = NULL;
	set_state(connection, SENDING);
}

static void on_resolved(struct loop_op *op, int64_t result)
{
	struct connection *connection =
		(struct connection *)((char *)op - offsetof(struct connection, resolving));

	connection->is_resolving = false;
	if (connection->is_closed) {
		free_connection(connection);
		return;
	}
	if (result < 0) {
		connection->resolve->status = 503;
		snprintf(connection->resolve->why, sizeof(connection->resolve->why),
			 "no helper thread");
	}
	answer_found(connection);
	drive(connection);
}

/* A browser's Accept names text/html; JSON is for who asks for it and for no HTML. */
static bool accepts_json(const struct http_request *request)
{
	const struct http_text *accept = &request->accept;

	return accept->data && memmem(accept->data, accept->length, "application/json", 16) &&
	       !memmem(accept->data, accept->length, "text/html", 9);
}

static void start_resolving(struct connection *connection, const char *path)
{
	struct resolve *resolve = calloc(1, sizeof(*resolve));

	if (!resolve) {
		answer_text(connection, 503, "out of memory");
		return;
	}
	resolve->fd = -1;
	resolve->folder = connection->worker->settings->folder;
	resolve->wants_json = accepts_json(&connection->request);
	memcpy(resolve->path, path, strlen(path) + 1);
	connection->resolve = resolve;
	if (resolve_cached(resolve)) {
		answer_found(connection);
		return;
	}
	set_state(connection, RESOLVING);
	connection->is_resolving = true;
	connection->resolving.done = on_resolved;
	loop_work(connection->worker->loop, &connection->resolving, resolve_blocking, resolve);
}

static void answer_target(struct connection *connection)
{
	struct worker *worker = connection->worker;
	struct cached_file *cached;
	char path[RESOLVE_PATH_MAX];
	unsigned status =
		(unsigned)http_target_path(connection->request.target, path, sizeof(path));

	if (status != 200) {
		answer_text(connection, status, "bad target");
		return;
	}
	prepare_response(connection);
	cached = file_cache_find(&worker->files, worker->settings->folder, path,
				 loop_now_ms(worker->loop));
	if (!cached) {
		start_resolving(connection, path);
		return;
	}
	answer_file(connection, cached);
	set_state(connection, SENDING);
}

static void answer_request(struct connection *connection)
{
	const struct http_request *request = &connection->request;

	if (request->method == HTTP_METHOD_UNKNOWN)
		answer_text(connection, 501, "unknown method");
	else if (request->has_body)
		answer_text(connection, 413, "request with a body");
	else if (request->method == HTTP_METHOD_KNOWN)
		answer_text(connection, 405, "");
	else if (request->method == HTTP_OPTIONS)
		answer_text(connection, 204, "");
	else
		answer_target(connection);
}

/* Whether there was a whole request, or a bad one, in the input: then the state has changed. */
static bool take_request(struct connection *connection)
{
	size_t used = 0;
	int status;

	if (connection->input_length == 0)
		return false;
	connection->request = (struct http_request){.minor = 1};
	status = http_request_parse(&connection->request, connection->input,
				    connection->input_length, &used);
	if (status == -EAGAIN)
		return false;
	connection->head_length = status == 0 ? used : connection->input_length;
	connection->has_answered = true;
	if (connection->worker->is_stopping)
		connection->request.keep_alive = false;
	if (status == 0)
		answer_request(connection);
	else
		answer_text(connection, (unsigned)status, http_reason((unsigned)status));
	return true;
}

static void linger(struct connection *connection)
{
	/* A close with unread input resets the connection, which can destroy the answer on its way.
	 */
	sys_shutdown(connection->fd, SHUT_WR);
	connection->linger_left = LINGER_BYTES;
	set_state(connection, LINGERING);
}

static void finish_answer(struct connection *connection)
{
	bool keep_alive = connection->response.keep_alive;

	stream_send_close(&connection->response.stream);
	log_answer(connection, connection->response.why);
	bill_merge(&connection->worker->bill, &connection->response.bill);
	response_close(&connection->response);
	connection->response = (struct response){0};
	connection->input_length -= connection->head_length;
	memmove(connection->input, connection->input + connection->head_length,
		connection->input_length);
	/* From now on it may be closed to make room for a client that waits. */
	if (keep_alive && connection->worker->is_full)
		loop_task_queue(connection->worker->loop, &connection->worker->accept_again);
	if (keep_alive && !connection->worker->is_stopping)
		set_state(connection, READING);
	else
		linger(connection);
}

static const char *failure_text(int64_t result)
{
	switch (-result) {
	case ENODATA:
		return "file became shorter while it was sent";
	case ESTALE:
		return "file changed while it was sent";
	case EOPNOTSUPP:
		return "this path cannot work on this file";
	case EIO:
		return "the disk could not read the file";
	default:
		return strerror((int)-result);
	}
}

static void fail_answer(struct connection *connection, int64_t result)
{
	char note[128];

	snprintf(note, sizeof(note), "%s", failure_text(result));
	if (connection->response.is_streaming)
		snprintf(note, sizeof(note), "%s, by %s at offset %llu", failure_text(result),
			 stream_send_path(&connection->response.stream),
			 (unsigned long long)stream_send_offset(&connection->response.stream));
	stream_send_close(&connection->response.stream);
	log_answer(connection, note);
	bill_merge(&connection->worker->bill, &connection->response.bill);
	close_connection(connection);
}

/* One state's worth of work: > 0 go on, 0 the connection is gone, -EAGAIN wait. */

static int64_t drive_reading(struct connection *connection)
{
	int64_t count;

	if (take_request(connection))
		return 1;
	count = connection->may_have_input ? read_input(connection) : -EAGAIN;
	if (count > 0)
		return count;
	release_input(connection);
	if (count == -EAGAIN)
		return count;
	close_connection(connection);
	return 0;
}

static int64_t drive_sending(struct connection *connection)
{
	struct worker *worker = connection->worker;
	int64_t count = response_step(&connection->response, worker->loop, connection->fd);

	if (count > 0)
		connection->since_ms = loop_now_ms(worker->loop);
	if (count == 0) {
		finish_answer(connection);
		return 1;
	}
	if (count > 0 || count == -EAGAIN)
		return count;
	fail_answer(connection, count);
	return 0;
}

static int64_t drive_lingering(struct connection *connection)
{
	char scrap[4096];
	int64_t count = sys_recv(connection->fd, scrap, sizeof(scrap), 0);

	if (count == -EAGAIN || count == -EINTR)
		return -EAGAIN;
	if (count <= 0 || connection->linger_left < (uint64_t)count) {
		close_connection(connection);
		return 0;
	}
	connection->linger_left -= (uint64_t)count;
	return count;
}

static int64_t drive_state(struct connection *connection)
{
	switch (connection->state) {
	case READING:
		return drive_reading(connection);
	case SENDING:
		return drive_sending(connection);
	case LINGERING:
		return drive_lingering(connection);
	case RESOLVING:
		break;
	}
	return -EAGAIN;
}

static void drive(struct connection *connection)
{
	int64_t left = TURN_BYTES, count = 1;

	for (int turns = 0; count > 0 && left > 0 && turns < TURN_STEPS; turns++) {
		count = drive_state(connection);
		left -= count;
	}
	if (count > 0)
		loop_task_queue(connection->worker->loop, &connection->again);
}

static void on_again(struct loop_task *task)
{
	drive((struct connection *)((char *)task - offsetof(struct connection, again)));
}

/* EPOLLERR is also how a socket says that zero-copy sends are complete. */
static bool is_dead(const struct connection *connection, uint32_t events)
{
	int code = 0;
	socklen_t size = sizeof(code);

	if (!(events & (EPOLLERR | EPOLLHUP)))
		return false;
	if (events & EPOLLHUP)
		return true;
	return sys_getsockopt(connection->fd, SOL_SOCKET, SO_ERROR, &code, &size) < 0 || code != 0;
}

static void on_ready(struct loop_watch *watch, uint32_t events)
{
	struct connection *connection =
		(struct connection *)((char *)watch - offsetof(struct connection, watch));

	if (events & ~(uint32_t)EPOLLOUT)
		connection->may_have_input = true;
	if (!is_dead(connection, events))
		drive(connection);
	else if (connection->state == SENDING)
		fail_answer(connection, -ECONNRESET);
	else
		close_connection(connection);
}

/* Time limits */

static uint64_t limit_ms(const struct connection *connection)
{
	switch (connection->state) {
	case READING:
		return connection_is_idle(connection) ? IDLE_MS : HEAD_MS;
	case SENDING:
		return SEND_MS;
	case LINGERING:
		return LINGER_MS;
	case RESOLVING:
		break;
	}
	return UINT64_MAX / 2;
}

/* A slow client makes progress long before its socket has room again. */
static bool has_acknowledged(struct connection *connection)
{
	int unsent = host_socket_unsent(connection->fd);
	bool is_less = unsent >= 0 && unsent != connection->unsent;

	connection->unsent = unsent;
	return is_less;
}

static void on_timer(struct loop_timer *timer)
{
	struct connection *connection =
		(struct connection *)((char *)timer - offsetof(struct connection, timer));
	uint64_t now = loop_now_ms(connection->worker->loop);
	uint64_t due;

	if (connection->state == SENDING && has_acknowledged(connection))
		connection->since_ms = now;
	due = connection->since_ms + limit_ms(connection);
	if (now < due) {
		/* At most LINGER_MS later, because a state with a shorter limit may come. */
		loop_timer_set(connection->worker->loop, timer, size_min(due - now, LINGER_MS));
	} else if (connection->state == SENDING) {
		connection_abort(connection, "no progress for 60 s");
	} else if (connection->state == READING && connection->input_length > 0) {
		connection->head_length = connection->input_length;
		connection->request = (struct http_request){.minor = 1};
		answer_text(connection, 408, "header block took over 30 s");
		loop_timer_set(connection->worker->loop, timer, LINGER_MS);
		drive(connection);
	} else {
		close_connection(connection);
	}
}

/* For the worker */

static void name_peer(struct connection *connection, const struct sockaddr_storage *peer)
{
	const void *address =
		peer->ss_family == AF_INET6
			? (const void *)&((const struct sockaddr_in6 *)peer)->sin6_addr
			: (const void *)&((const struct sockaddr_in *)peer)->sin_addr;

	if (!inet_ntop(peer->ss_family, address, connection->peer, sizeof(connection->peer)))
		snprintf(connection->peer, sizeof(connection->peer), "-");
}

int connection_open(struct worker *worker, int fd, const struct sockaddr_storage *peer)
{
	struct connection *connection = calloc(1, sizeof(*connection));
	int result = -ENOMEM;

	if (!connection)
		goto fail;
	connection->worker = worker;
	connection->fd = fd;
	connection->watch.ready = on_ready;
	connection->timer.fire = on_timer;
	connection->again.run = on_again;
	result = loop_watch_add(worker->loop, &connection->watch, fd,
				EPOLLIN | EPOLLOUT | EPOLLRDHUP);
	if (result < 0)
		goto fail;
	name_peer(connection, peer);
	sys_setsockopt_int(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	set_state(connection, READING);
	loop_timer_set(worker->loop, &connection->timer, LINGER_MS);
	link_newest(connection);
	return 0;
fail:
	free(connection);
	sys_close(fd);
	return result;
}

void connection_stop(struct connection *connection)
{
	if (connection->state != READING)
		return;
	/* A whole request may have arrived that was not taken yet. */
	if (take_request(connection) || (read_input(connection) > 0 && take_request(connection)))
		drive(connection);
	else
		close_connection(connection);
}

void connection_abort(struct connection *connection, const char *why)
{
	if (connection->state == SENDING) {
		stream_send_close(&connection->response.stream);
		log_answer(connection, why);
		bill_merge(&connection->worker->bill, &connection->response.bill);
	}
	close_connection(connection);
}
