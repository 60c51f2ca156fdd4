/* SPDX-License-Identifier: MIT */
/*
 * Invariants: the worker's list holds all lookups that run on separate threads, abandoned ones
 * included. At most HUNG_MAX of them may hang below one top-level directory, so that a mount that
 * does not respond leaves threads for the others.
 */
#include "http/lookup.h"
#include "base/container.h"

#include "http/connection.h"

#include <stdlib.h>
#include <string.h>

enum { HUNG_MAX = 8, HUNG_MS = 1000, BUSY_MS = 100 };

static void run(struct lookup *lookup);
static void on_again(struct loop_timer *timer);

struct lookup *lookup_open(struct connection *connection, const char *path, bool wants_json,
			   bool looks_anew)
{
	struct worker *worker = connection->worker;
	struct lookup *lookup = calloc(1, sizeof(*lookup));

	if (!lookup)
		return NULL;
	lookup->worker = worker;
	lookup->connection = connection;
	lookup->resolve.root = served_root_take(worker->root);
	lookup->resolve.anew = looks_anew ? &worker->settings->served : NULL;
	lookup->resolve.links = worker->settings->links;
	lookup->resolve.types = &worker->settings->types;
	lookup->resolve.may_cross = worker->root->may_hang || looks_anew;
	lookup->resolve.wants_json = wants_json;
	lookup->resolve.listings = listings_use(worker->settings->listings);
	lookup->resolve.asked = listings_now(lookup->resolve.listings);
	lookup->again.fire = on_again;
	memcpy(lookup->resolve.path, path, strlen(path) + 1);
	return lookup;
}

static void free_lookup(struct lookup *lookup)
{
	if (lookup->resolve.file)
		lookup->resolve.file->loop = lookup->worker->loop;
	loop_timer_cancel(lookup->worker->loop, &lookup->again);
	resolve_close(&lookup->resolve);
	served_root_release(lookup->resolve.root);
	listings_release(lookup->resolve.listings);
	free(lookup);
}

static void link_apart(struct lookup *lookup)
{
	struct worker *worker = lookup->worker;

	lookup->since_ms = loop_now_ms(worker->loop);
	lookup->previous = NULL;
	lookup->next = worker->apart;
	if (worker->apart)
		worker->apart->previous = lookup;
	worker->apart = lookup;
}

static void unlink_apart(struct lookup *lookup)
{
	*(lookup->previous ? &lookup->previous->next : &lookup->worker->apart) = lookup->next;
	if (lookup->next)
		lookup->next->previous = lookup->previous;
}

static bool is_below_same(const char *a, const char *b)
{
	size_t length = strcspn(a, "/");

	return strncmp(a, b, length + (a[length] == '/')) == 0 &&
	       (a[length] == '/' || strcspn(b, "/") == length);
}

/* Whether enough have waited there in vain. */
static bool is_hopeless(const struct lookup *lookup)
{
	uint64_t now = loop_now_ms(lookup->worker->loop);
	unsigned hung = 0;

	for (const struct lookup *other = lookup->worker->apart; other; other = other->next)
		hung += now - other->since_ms >= HUNG_MS &&
			is_below_same(lookup->resolve.path, other->resolve.path);
	return hung >= HUNG_MAX;
}

/* Once: what was made room for may be somebody else's by then. */
static bool should_retry(struct lookup *lookup)
{
	if (!lookup->resolve.lacks_descriptors || lookup->was_retried)
		return false;
	lookup->was_retried = true;
	return worker_make_room(lookup->worker);
}

static void wait_again(struct lookup *lookup)
{
	lookup->is_waiting = true;
	loop_timer_set(lookup->worker->loop, &lookup->again, BUSY_MS);
}

/* What others got that asked later than this one is its answer, too. */
static void on_again(struct loop_timer *timer)
{
	struct lookup *lookup = container_of(timer, struct lookup, again);
	struct resolve *resolve = &lookup->resolve;

	if (resolve_shared(resolve)) {
		connection_found(lookup->connection);
	} else if (listings_are_busy(resolve->listings, resolve->may_cross)) {
		wait_again(lookup);
	} else {
		lookup->is_waiting = false;
		run(lookup);
	}
}

/* Whether the answer is known, after one attempt on a helper thread. */
static bool has_ended(struct lookup *lookup)
{
	struct resolve *resolve = &lookup->resolve;

	if (resolve->crosses && !resolve->may_cross) {
		resolve->may_cross = true;
		return lookup_start(lookup);
	}
	if (resolve->must_wait)
		wait_again(lookup);
	else if (should_retry(lookup))
		run(lookup);
	else
		return true;
	return false;
}

/* What was found in another directory than the worker's is the first of that one. */
static void adopt_root(struct lookup *lookup)
{
	struct resolve *resolve = &lookup->resolve;
	struct served_root *moved = resolve->moved;

	resolve->anew = NULL;
	resolve->moved = NULL;
	if (moved) {
		served_root_release(resolve->root);
		resolve->root = served_root_take(moved);
	}
	worker_looked_anew(lookup->worker, moved, resolve->anew_result);
}

static void on_resolved(struct loop_op *op, int64_t result)
{
	struct lookup *lookup = container_of(op, struct lookup, op);

	lookup->is_running = false;
	if (lookup->resolve.may_cross)
		unlink_apart(lookup);
	if (lookup->resolve.anew)
		adopt_root(lookup);
	if (!lookup->connection) {
		free_lookup(lookup);
		return;
	}
	if (result < 0)
		resolve_refuse(&lookup->resolve, "no helper thread");
	if (result < 0 || has_ended(lookup))
		connection_found(lookup->connection);
}

static void run(struct lookup *lookup)
{
	lookup->op.done = on_resolved;
	lookup->is_running = true;
	lookup->worker->is_looking |= lookup->resolve.anew != NULL;
	if (lookup->resolve.may_cross) {
		link_apart(lookup);
		loop_work_apart(lookup->worker->loop, &lookup->op, resolve_blocking,
				&lookup->resolve);
	} else {
		loop_work(lookup->worker->loop, &lookup->op, resolve_blocking, &lookup->resolve);
	}
}

bool lookup_start(struct lookup *lookup)
{
	struct resolve *resolve = &lookup->resolve;

	if (!resolve->may_cross && resolve_cached(resolve))
		return true;
	resolve->may_cross |= resolve->crosses;
	if (resolve->may_cross && is_hopeless(lookup)) {
		resolve_refuse(resolve, RESOLVE_NO_ANSWER);
		return true;
	}
	run(lookup);
	return false;
}

bool lookup_has_progressed(struct lookup *lookup)
{
	uint64_t progress = __atomic_load_n(&lookup->resolve.progress, __ATOMIC_RELAXED);
	bool is_more = progress != lookup->seen_progress;

	lookup->seen_progress = progress;
	return is_more;
}

void lookup_leave(struct lookup *lookup)
{
	if (!lookup)
		return;
	lookup->connection = NULL;
	if (!lookup->is_running)
		free_lookup(lookup);
}
