/* SPDX-License-Identifier: MIT */
/*
 * A connection as a state machine, driven by readiness, completions and one timer.
 *
 * Invariants: connection_drive is the only place that moves bytes. A closed connection is freed at
 * once; a lookup in progress for it finishes on its own. Any failure during an exchange closes the
 * connection, so the client sees a short body, never one that looks complete.
 */
#include "http/connection.h"
#include "base/container.h"

#include "base/error.h"
#include "base/size.h"
#include "base/sys.h"
#include "http/access-log.h"
#include "http/billing.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	LINGER_ALL_MS = 30000,
	LINGER_BYTES = 1 << 30,
	TURN_BYTES = 1 << 20, /* what one connection may send before the others have a turn */
	/* While there are small answers, too, these must not wait long behind large ones. */
	SMALL_BYTES = 64 << 10,
	BRISK_MS = 1000,         /* since the last small one */
	BRISK_BYTES = 256 << 10, /* then it is this, */
	BRISK_TURN = 1 << 20, /* and all large ones together send so much in one turn of the loop */
	TURN_STEPS = 128,
};

bool connection_is_idle(const struct connection *connection)
{
	return connection->state == READING && connection->input_length == 0 &&
	       connection->has_answered;
}

struct connection *connection_newer(const struct connection *connection)
{
	return connection->newer;
}

void connection_set_state(struct connection *connection, enum state state)
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
	lookup_leave(connection->lookup);
	buffer_free(&connection->explain);
	free(connection->billing);
	free(connection->input);
	free(connection);
}

static void close_connection(struct connection *connection)
{
	struct worker *worker = connection->worker;

	loop_watch_remove(worker->loop, &connection->watch);
	loop_timer_cancel(worker->loop, &connection->timer);
	loop_task_cancel(worker->loop, &connection->again);
	response_close(&connection->response);
	connection->response = (struct response){0};
	channel_close(&connection->channel);
	sys_close(connection->channel.in);
	unlink_from_worker(connection);
	if (worker->is_full)
		loop_task_queue(worker->loop, &worker->accept_again);
	free_connection(connection);
}

static struct access access_of(const struct connection *connection, const char *note)
{
	return (struct access){
		.peer = connection->peer,
		.request = &connection->request,
		.response = &connection->response,
		.started_ns = connection->started_ns,
		.user = connection->user,
		.note = note,
	};
}

/* Passed on at once: a large file has millions of them. */
static void hand_out_lines(struct connection *connection)
{
	const struct access access = access_of(connection, "");

	if (connection->explain.length > 0)
		access_explain(connection->worker->settings, &access, &connection->explain);
}

static void log_answer(struct connection *connection, const char *note)
{
	const struct access access = access_of(connection, note);

	hand_out_lines(connection);
	access_log(connection->worker->settings, &access);
}

/* An exchange has ended, successfully or not. */
static void settle_answer(struct connection *connection, const char *note)
{
	struct tally *tally = &connection->response.tally;

	range_send_close(&connection->response.range);
	if (connection->has_card)
		tally->device_moved_bytes += tally->bytes;
	billing_finish(connection);
	log_answer(connection, note);
	tally_merge(&connection->worker->tally, tally);
}

static int64_t read_input(struct connection *connection)
{
	int64_t count;

	if (!connection->input && !(connection->input = malloc(HTTP_HEAD_MAX)))
		return -ENOMEM;
	if (connection->input_length == HTTP_HEAD_MAX)
		return -ENOBUFS;
	count = channel_receive(&connection->channel, connection->input + connection->input_length,
				HTTP_HEAD_MAX - connection->input_length);
	/* Less than there was room for: the rest comes with a new edge. The end came with an old
	 * one. */
	connection->may_have_input = count == (int64_t)(HTTP_HEAD_MAX - connection->input_length) ||
				     (connection->has_hung_up && count > 0) ||
				     channel_has_pending(&connection->channel);
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

static void linger(struct connection *connection)
{
	/* A close with unread input resets the connection, which can destroy the answer on its way.
	 */
	channel_finish(&connection->channel);
	connection->linger_left = LINGER_BYTES;
	connection_set_state(connection, LINGERING);
	connection->linger_end_ms = connection->since_ms + LINGER_ALL_MS;
}

/* For the log, of an answer that was sent whole. */
static const char *final_note(const struct response *response)
{
	return response->status < 300 && response->range_count > 0 &&
			       response->cached->file->has_grown
		       ? "the file grew while it was sent"
		       : response->why;
}

static void finish_answer(struct connection *connection)
{
	bool keep_alive = connection->response.keep_alive;

	if (connection->response.body_bytes <= SMALL_BYTES)
		connection->worker->small_ms = loop_now_ms(connection->worker->loop);
	connection->is_corked = connection->response.has_successor;
	settle_answer(connection, final_note(&connection->response));
	if (connection->response.lacks_digest)
		digester_want(&connection->worker->digester, connection->response.cached->file);
	response_close(&connection->response);
	connection->response = (struct response){0};
	connection->input_length -= connection->head_length;
	if (connection->input_length > 0)
		memmove(connection->input, connection->input + connection->head_length,
			connection->input_length);
	connection->input_turn = 0;
	/* From now on it may be closed to make room for a client that waits. */
	if (keep_alive && connection->worker->is_full)
		loop_task_queue(connection->worker->loop, &connection->worker->accept_again);
	if (keep_alive && !connection->worker->is_stopping)
		connection_set_state(connection, READING);
	else
		linger(connection);
}

static const char *failure_text(int64_t result, char words[ERROR_WORDS])
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
		return error_words((int)-result, words);
	}
}

static void fail_answer(struct connection *connection, int64_t result)
{
	char note[ERROR_WORDS + 64], words[ERROR_WORDS];
	const char *why = failure_text(result, words);

	snprintf(note, sizeof(note), "%s", why);
	if (connection->response.is_streaming)
		snprintf(note, sizeof(note), "%s, by %s at offset %llu", why,
			 range_send_path(&connection->response.range),
			 (unsigned long long)range_send_offset(&connection->response.range));
	settle_answer(connection, note);
	close_connection(connection);
}

/* One state's worth of work: > 0 go on, 0 the connection is gone, -EAGAIN wait. */

/* A client that took the port for one of http is told so, in its own tongue. */
static bool answer_plainly(struct connection *connection)
{
	int fd = connection->channel.in;

	if (!tls_is_plain_http(&connection->channel))
		return false;
	channel_close(&connection->channel);
	connection->channel = channel_open(&channel_plain, fd, fd);
	connection->request = (struct http_request){.minor = 1};
	connection_answer_text(connection, 400, "this port speaks TLS: use https://");
	return true;
}

static int64_t drive_handshake(struct connection *connection)
{
	int result = channel_handshake(&connection->channel);

	if (result == -EAGAIN)
		return result;
	if (result < 0 && answer_plainly(connection))
		return 1;
	if (result < 0) {
		close_connection(connection);
		return 0;
	}
	connection->user = tls_peer_name(&connection->channel);
	connection_set_state(connection, READING);
	/* What came behind the handshake may have been read with it. */
	connection->may_have_input = true;
	return 1;
}

static int64_t drive_reading(struct connection *connection)
{
	int64_t count;

	if (connection_take_request(connection))
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

static bool is_brisk(const struct worker *worker)
{
	return worker->small_ms && loop_now_ms(worker->loop) - worker->small_ms < BRISK_MS;
}

/* What the client says between its requests; these wait. */
static int attend(struct connection *connection)
{
	int result;

	if (!connection->may_have_input || !connection->channel.kind->attend)
		return 0;
	result = channel_attend(&connection->channel);
	/* Its end is read where requests are. */
	connection->may_have_input =
		connection->has_hung_up || channel_has_pending(&connection->channel);
	return result;
}

static int64_t drive_sending(struct connection *connection)
{
	struct worker *worker = connection->worker;
	int64_t count;

	connection->response.range.step_bytes = is_brisk(worker) ? BRISK_BYTES : 0;
	count = attend(connection);
	if (count == 0)
		count = response_step(&connection->response, worker->loop, &connection->channel);
	hand_out_lines(connection);
	if (count > 0) {
		connection->since_ms = loop_now_ms(worker->loop);
		worker->sent_bytes += connection->response.is_streaming ? (uint64_t)count : 0;
	}
	if (count == 0) {
		finish_answer(connection);
		return 1;
	}
	if (count > 0 || count == -EAGAIN)
		return count;
	fail_answer(connection, count);
	return 0;
}

/* Drops the input: many clients read the answer only after sending their whole body. */
static int64_t drive_lingering(struct connection *connection)
{
	struct worker *worker = connection->worker;
	uint64_t now = loop_now_ms(worker->loop);
	int64_t count;

	count = channel_drop(&connection->channel, TURN_BYTES);
	if (count == -EAGAIN)
		return count;
	if (count <= 0 || connection->linger_left < (uint64_t)count) {
		close_connection(connection);
		return 0;
	}
	connection->linger_left -= (uint64_t)count;
	if (now < connection->linger_end_ms && !worker->is_stopping)
		connection->since_ms = now;
	return count;
}

static int64_t drive_state(struct connection *connection)
{
	switch (connection->state) {
	case SHAKING_HANDS:
		return drive_handshake(connection);
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

/* Setting the option sends what waits (tcp(7)). */
static void uncork(struct connection *connection)
{
	sys_setsockopt_int(connection->channel.in, IPPROTO_TCP, TCP_NODELAY, 1);
	connection->is_corked = false;
}

static void count_turn(struct worker *worker)
{
	/* Only this thread writes it. */
	__atomic_store_n(&worker->turns, worker->turns + 1, __ATOMIC_RELAXED);
}

void connection_drive(struct connection *connection)
{
	int64_t left = is_brisk(connection->worker) ? BRISK_BYTES : TURN_BYTES, count = 1;

	count_turn(connection->worker);
	connection->turns++;
	for (int turns = 0; count > 0 && left > 0 && turns < TURN_STEPS; turns++) {
		count = drive_state(connection);
		left -= count;
	}
	if (count > 0)
		loop_task_queue(connection->worker->loop, &connection->again);
	else if (count == -EAGAIN && connection->is_corked)
		uncork(connection);
}

/* True if large answers have used up their share of this turn while small ones are waiting. */
static bool has_sent_enough(struct worker *worker)
{
	uint64_t turn = loop_turn(worker->loop);

	if (!is_brisk(worker))
		return false;
	if (worker->sent_turn != turn) {
		worker->sent_bytes = 0;
		loop_task_cancel(worker->loop, &worker->sent);
		loop_task_queue(worker->loop, &worker->sent);
	}
	worker->sent_turn = turn;
	return worker->sent_bytes >= BRISK_TURN;
}

static void on_again(struct loop_task *task)
{
	struct connection *connection = container_of(task, struct connection, again);
	struct worker *worker = connection->worker;

	/* A connection that had to wait goes first in the next turn. */
	if (connection->response.is_streaming && has_sent_enough(worker))
		loop_task_queue_before(worker->loop, task, &worker->sent);
	else
		connection_drive(connection);
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
	return sys_getsockopt(connection->channel.in, SOL_SOCKET, SO_ERROR, &code, &size) < 0 ||
	       code != 0;
}

static void on_ready(struct loop_watch *watch, uint32_t events)
{
	struct connection *connection = container_of(watch, struct connection, watch);
	bool dead;

	if (events & ~(uint32_t)EPOLLOUT)
		connection->may_have_input = true;
	if (events & EPOLLIN)
		connection->input_turn = loop_turn(connection->worker->loop);
	if (events & EPOLLRDHUP)
		connection->has_hung_up = true;
	dead = is_dead(connection, events);
	if (dead && connection->state == SENDING)
		fail_answer(connection, -ECONNRESET);
	else if (dead)
		close_connection(connection);
	else if (connection->response.is_streaming)
		loop_task_queue(connection->worker->loop, &connection->again);
	else
		connection_drive(connection);
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

static int open_channel(struct channel *channel, int fd, const struct server_settings *settings)
{
	if (settings->tls)
		return tls_accept(channel, fd, settings->tls);
	*channel = channel_open(settings->channel_kind, fd, fd);
	return 0;
}

int connection_open(struct worker *worker, int fd, const struct sockaddr_storage *peer)
{
	struct connection *connection = calloc(1, sizeof(*connection));
	int result = -ENOMEM;

	if (!connection)
		goto fail;
	connection->worker = worker;
	result = open_channel(&connection->channel, fd, worker->settings);
	if (result < 0)
		goto fail;
	connection->watch.ready = on_ready;
	connection->timer.fire = connection_check_time;
	connection->again.run = on_again;
	result = loop_watch_add(worker->loop, &connection->watch, fd,
				EPOLLIN | EPOLLOUT | EPOLLRDHUP);
	if (result < 0)
		goto fail;
	name_peer(connection, peer);
	connection->has_card = !host_socket_is_local_peer(fd, peer);
	sys_setsockopt_int(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	connection_set_state(connection,
			     connection->channel.kind->handshake ? SHAKING_HANDS : READING);
	loop_timer_set(worker->loop, &connection->timer, CONNECTION_LOOK_MS);
	link_newest(connection);
	count_turn(worker);
	return 0;
fail:
	if (connection)
		channel_close(&connection->channel);
	free(connection);
	sys_close(fd);
	return result;
}

void connection_stop(struct connection *connection)
{
	if (connection->state == SHAKING_HANDS) {
		close_connection(connection);
		return;
	}
	if (connection->state != READING)
		return;
	/* A whole request may have arrived that was not taken yet. */
	if (connection_take_request(connection) ||
	    (read_input(connection) > 0 && connection_take_request(connection)))
		connection_drive(connection);
	else
		close_connection(connection);
}

bool connection_close_idle(struct connection *connection)
{
	if (read_input(connection) > 0) {
		loop_task_queue(connection->worker->loop, &connection->again);
		return false;
	}
	close_connection(connection);
	return true;
}

void connection_abort(struct connection *connection, const char *why)
{
	if (connection->state == SENDING)
		settle_answer(connection, why);
	close_connection(connection);
}
