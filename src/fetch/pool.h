/* SPDX-License-Identifier: MIT */
/*
 * Connections that are between two requests, for whoever on this loop has another for the same
 * place. While one is idle nobody watches it: whether the server has closed it is found out when it
 * is taken, or by the request, which is then sent again on a fresh one (RFC 9110 9.2.2).
 */
#ifndef SLUICE_FETCH_POOL_H
#define SLUICE_FETCH_POOL_H

#include "http/client.h"

struct pool;

/* NULL without memory. */
struct pool *pool_open(struct loop *loop);
void pool_close(struct pool *pool); /* with all that is in it; NULL is allowed */

/* The client is closed then. `key` is all that its next user has to agree with. */
void pool_give(struct pool *pool, const char *key, struct http_client *client, bool has_card);
/* Into a closed client, which calls ready. False: there is none. A pool may be NULL. */
bool pool_take(struct pool *pool, const char *key, struct http_client *client,
	       void (*ready)(struct http_client *client), bool *has_card);

#endif
