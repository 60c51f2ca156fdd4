/* SPDX-License-Identifier: MIT */
/*
 * One resolve on its way for a connection: at once where the names are in memory, else on a helper
 * thread, and on one apart where it leads to another file system, which may not answer. A
 * connection that is gone, or has waited for long enough, leaves it to end by itself.
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

/* NULL: no memory. With looks_anew it finds out first whether the served directory is another. */
struct lookup *lookup_open(struct connection *connection, const char *path, bool wants_json,
			   bool looks_anew);
/*
 * Whether the answer is known now. Else connection_found will be called, unless lookup_leave comes
 * first.
 */
bool lookup_start(struct lookup *lookup);
/* Whether it got on since this was asked last. */
bool lookup_has_progressed(struct lookup *lookup);
void lookup_leave(struct lookup *lookup); /* by the connection; NULL is allowed */

#endif
