/* SPDX-License-Identifier: MIT */
/*
 * One resolve in progress for a connection: immediate if the names are cached, otherwise on a
 * helper thread, or on a separate one if the path leads to another file system, which may not
 * respond. A connection that closes, or has waited long enough, leaves it to finish on its own.
 */
#ifndef SLUICE_HTTP_LOOKUP_H
#define SLUICE_HTTP_LOOKUP_H

#include "http/resolve.h"
#include "loop/loop.h"

struct connection;
struct worker;

struct lookup {
	struct resolve resolve;
	/* private */
	struct loop_op op;
	struct loop_timer again;
	struct worker *worker;
	struct connection *connection;  /* NULL: nobody waits for it */
	struct lookup *next, *previous; /* of those apart */
	uint64_t since_ms;
	uint64_t seen_progress;
	bool is_running, was_retried;
	bool is_waiting; /* until other large listings are made */
};

/* NULL: out of memory. With looks_anew it first checks whether the served directory was replaced.
 */
struct lookup *lookup_open(struct connection *connection, const char *path, bool wants_json,
			   bool looks_anew);
/*
 * True if the result is known now. Otherwise connection_found will be called, unless lookup_leave
 * comes first.
 */
bool lookup_start(struct lookup *lookup);
/* Whether it has made progress since the last call. */
bool lookup_has_progressed(struct lookup *lookup);
void lookup_leave(struct lookup *lookup); /* by the connection; NULL is allowed */

#endif
