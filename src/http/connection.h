/* SPDX-License-Identifier: MIT */
/*
 * A connection, shared by its two halves: connection.c moves bytes and watches the time, answer.c
 * turns a request into the answer to send.
 */
#ifndef SLUICE_HTTP_CONNECTION_H
#define SLUICE_HTTP_CONNECTION_H

#include "http/lookup.h"
#include "http/worker.h"

#include <netinet/in.h>
#include <time.h>

/* Between two looks at the time: no state is shorter. */
enum { CONNECTION_LOOK_MS = 5000 };

enum state { SHAKING_HANDS, READING, RESOLVING, SENDING, LINGERING };

struct connection {
	struct worker *worker;
	struct connection *newer, *older; /* in the worker's list */
	struct loop_watch watch;
	struct loop_timer timer;
	struct loop_task again;
	enum state state;
	struct channel channel;
	bool has_answered;
	bool may_have_input; /* the socket may hold bytes that were not read, or its end */
	bool has_hung_up;    /* the client sends no more */
	bool is_corked;      /* the last answer may wait in the socket for the next one */
	uint64_t input_turn; /* of the loop, whose wait told of input; 0: since then we answered */
	uint64_t since_ms;   /* when the state began, or made progress last */
	uint64_t linger_left, linger_end_ms;
	int unsent;  /* when the timer looked last */
	char *input; /* HEAD_MAX bytes, while there is any */
	size_t input_length;
	size_t head_length; /* of the request being answered */
	struct http_request request;
	struct lookup *lookup; /* while it is RESOLVING */
	struct response response;
	struct buffer explain;
	uint64_t started_ns;
	char peer[INET6_ADDRSTRLEN];
	const char *user; /* the name of the client's certificate or token; NULL: it showed none */
	bool has_card;    /* between the client and us */
	uint64_t turns;   /* how often it was its turn */
	struct billing *billing; /* NULL: nobody asked for a bill */
};

/* connection.c */
void connection_set_state(struct connection *connection, enum state state);
void connection_drive(struct connection *connection); /* does what can be done now; may free it */

/* connection-time.c: the timer's function */
void connection_check_time(struct loop_timer *timer);

/* answer.c */
/*
 * Takes the request at the start of the input, or refuses a bad one. Returns false where there is
 * no whole one; else the state is SENDING, or RESOLVING until a helper thread has found the file.
 */
bool connection_take_request(struct connection *connection);
/* The lookup has its answer. */
void connection_found(struct connection *connection);
/* It has taken too long. */
void connection_answer_late(struct connection *connection);
void connection_answer_text(struct connection *connection, unsigned status, const char *why);

#endif
