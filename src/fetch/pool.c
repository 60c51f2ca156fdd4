/* SPDX-License-Identifier: MIT */
#include "fetch/pool.h"

#include "base/clock.h"
#include "base/sys.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	IDLE_MAX = 64,
	IDLE_SECONDS = 15, /* after which a server, or something in between, may have forgotten */
};

struct idle {
	char *key;
	struct http_client client;
	bool has_card;
	uint64_t since_ns;
};

struct pool {
	struct loop *loop;
	unsigned count;
	struct idle idle[IDLE_MAX]; /* the oldest first */
};

struct pool *pool_open(struct loop *loop)
{
	struct pool *pool = calloc(1, sizeof(*pool));

	if (pool)
		pool->loop = loop;
	return pool;
}

static struct idle take_out(struct pool *pool, unsigned index)
{
	struct idle idle = pool->idle[index];

	pool->count--;
	memmove(&pool->idle[index], &pool->idle[index + 1],
		(pool->count - index) * sizeof(*pool->idle));
	return idle;
}

static void drop(struct idle idle)
{
	http_client_close(&idle.client);
	free(idle.key);
}

void pool_close(struct pool *pool)
{
	while (pool && pool->count > 0)
		drop(take_out(pool, pool->count - 1));
	free(pool);
}

void pool_give(struct pool *pool, const char *key, struct http_client *client, bool has_card)
{
	struct idle idle = {strdup(key), *client, has_card, clock_ns()};

	if (!idle.key) {
		http_client_close(client);
		return;
	}
	http_client_pause(&idle.client);
	*client = (struct http_client){.channel.in = -1};
	if (pool->count == IDLE_MAX)
		drop(take_out(pool, 0));
	pool->idle[pool->count++] = idle;
}

/* What the server has sent, or that it has closed, is no answer to what is asked next. */
static bool is_good(struct idle *idle)
{
	return clock_ns() - idle->since_ns < (uint64_t)IDLE_SECONDS * 1000000000 &&
	       http_client_is_silent(&idle->client);
}

bool pool_take(struct pool *pool, const char *key, struct http_client *client,
	       void (*ready)(struct http_client *client), bool *has_card)
{
	for (unsigned i = pool ? pool->count : 0; i-- > 0;) {
		struct idle idle;

		if (strcmp(pool->idle[i].key, key) != 0)
			continue;
		idle = take_out(pool, i);
		if (is_good(&idle) && http_client_resume(client, &idle.client, ready) == 0) {
			*has_card = idle.has_card;
			free(idle.key);
			return true;
		}
		drop(idle);
	}
	return false;
}
