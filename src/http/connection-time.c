/* SPDX-License-Identifier: MIT */
/* How long a connection may be in each of its states, and what becomes of it then. */
#include "http/connection.h"

#include "base/container.h"
#include "base/size.h"

enum {
	HANDSHAKE_MS = 30000,
	HEAD_MS = 30000, /* for a whole header block */
	IDLE_MS = 60000, /* between requests */
	FIND_MS = 10000, /* for the file system to find a file, or the next name of a directory */
	SEND_MS = 60000, /* without progress */
	/* for a client to read the last answer, or to send more that is dropped */
	LINGER_MS = CONNECTION_LOOK_MS,
};

static uint64_t limit_ms(const struct connection *connection)
{
	switch (connection->state) {
	case SHAKING_HANDS:
		return HANDSHAKE_MS;
	case READING:
		return connection_is_idle(connection) ? IDLE_MS : HEAD_MS;
	case SENDING:
		return SEND_MS;
	case LINGERING:
		return LINGER_MS;
	case RESOLVING:
		return FIND_MS;
	}
	return UINT64_MAX / 2;
}

/* A slow client makes progress long before its socket has room again. */
static bool has_acknowledged(struct connection *connection)
{
	int unsent = host_socket_unsent(connection->channel.in);
	bool is_less = unsent >= 0 && unsent != connection->unsent;

	connection->unsent = unsent;
	return is_less;
}

void connection_check_time(struct loop_timer *timer)
{
	struct connection *connection = container_of(timer, struct connection, timer);
	uint64_t now = loop_now_ms(connection->worker->loop);
	uint64_t due;

	if ((connection->state == SENDING && has_acknowledged(connection)) ||
	    (connection->state == RESOLVING && lookup_has_progressed(connection->lookup)))
		connection->since_ms = now;
	due = connection->since_ms + limit_ms(connection);
	if (now < due) {
		/* At most so much later, because a state with a shorter limit may come. */
		loop_timer_set(connection->worker->loop, timer,
			       size_min(due - now, CONNECTION_LOOK_MS));
	} else if (connection->state == SENDING) {
		connection_abort(connection, "no progress for 60 s");
	} else if (connection->state == RESOLVING) {
		connection_answer_late(connection);
		loop_timer_set(connection->worker->loop, timer, CONNECTION_LOOK_MS);
		connection_drive(connection);
	} else if (connection->state == READING && connection->input_length > 0) {
		connection->head_length = connection->input_length;
		connection->request = (struct http_request){.minor = 1};
		connection_answer_text(connection, 408, "header block took over 30 s");
		loop_timer_set(connection->worker->loop, timer, CONNECTION_LOOK_MS);
		connection_drive(connection);
	} else {
		connection_abort(connection, "");
	}
}
