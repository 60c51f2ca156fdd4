/* SPDX-License-Identifier: MIT */
/*
 * One request and the head of its answer, on a loop, without blocking: look up the name, race its
 * addresses, have a proxy make a tunnel where that is needed, send, read the head. It ends in a
 * verdict: use the answer, follow it elsewhere, try again later, never. The connection then is the
 * owner's, who reads the body from it and may send another request on it.
 *
 * A call that has to wait returns -EAGAIN; `wake` runs when it is worth another call. Each wait has
 * a time limit without any progress; whoever waits on the connection for more of the body waits
 * by exchange_wait, so that it holds there, too.
 */
#ifndef SLUICE_FETCH_EXCHANGE_H
#define SLUICE_FETCH_EXCHANGE_H

#include "fetch/addresses.h"
#include "fetch/policy.h"
#include "fetch/pool.h"
#include "fetch/proxy.h"
#include "fetch/race.h"
#include "fetch/secure.h"
#include "http/client.h"
#include "http/url.h"

enum exchange_phase {
	EXCHANGE_IDLE,
	EXCHANGE_LOOKING_UP,
	EXCHANGE_CONNECTING,
	EXCHANGE_TUNNELLING, /* through a proxy, to the server */
	EXCHANGE_SHAKING_HANDS,
	EXCHANGE_SENDING,
	EXCHANGE_ANSWERING,
};

struct exchange {
	/* The owner's, set before the first call */
	struct loop *loop;
	void (*wake)(struct exchange *exchange);
	struct sluice_error *error;
	struct pool *pool;      /* of connections that others have used; NULL: there is none */
	const char *congestion; /* NULL or "auto": the system's */
	struct secure *secure;  /* for https */
	const char *fields;     /* lines of each request to the origin of the first URL; or NULL */
	const struct proxies *proxies; /* NULL: none */
	int family;                    /* of addresses: AF_UNSPEC, AF_INET or AF_INET6 */
	bool tunnels;                  /* through proxies, whatever the URL's scheme is */

	/* For the owner to read */
	enum exchange_phase phase;
	struct http_url url;
	struct http_url via;       /* the proxy of the connection; its host is empty: none */
	struct http_url before;    /* what redirected to url; its host is empty where nothing did */
	struct http_client client; /* what came behind the head is in its input */
	struct http_response head; /* of the answer */
	struct policy verdict;     /* when exchange_step ended */
	bool is_connected;         /* this request has, or had, a connection */
	bool has_card;             /* between us and the server */

	/* Private */
	char first_origin[HTTP_URL_ORIGIN], first_host[sizeof(((struct http_url *)0)->host)];
	struct addresses *addresses;
	struct race *race;
	unsigned attempts, redirects;
	int lookup_code;                /* EAI_* */
	struct buffer request, connect; /* the latter to a proxy, for a tunnel */
	size_t sent, connect_sent;
	struct loop_timer timer;
	uint64_t active_ns; /* when there was progress last */
	unsigned limit_seconds;
	bool is_late;
	bool is_secured; /* TLS has begun */
	bool is_reused;  /* the connection is from the pool, and this its first request since */
};

/* Where requests go from now on. Closes the connection. 0, or -errno with error. */
int exchange_set_url(struct exchange *exchange, const char *url);
/* The same, to another place, to which the secrets of the first do not go. */
int exchange_go_to(struct exchange *exchange, const char *url);
/* To where the answer redirects. Closes the connection. */
int exchange_follow(struct exchange *exchange);
/*
 * Begins a request for `target` (NULL: the URL's) on the connection, or on one that has to be made
 * first; fields are lines behind our own. 0, or -errno with error.
 */
int exchange_begin(struct exchange *exchange, const char *method, const char *target,
		   const char *fields);
/* 0: the head is there, see verdict; -EAGAIN; or -errno with error. */
int exchange_step(struct exchange *exchange);

/* How long may pass without progress. It begins anew. */
void exchange_set_limit(struct exchange *exchange, unsigned seconds);
/* Nothing is waited for, until exchange_set_limit. */
void exchange_end_limit(struct exchange *exchange);
/* There was progress. */
void exchange_mark_active(struct exchange *exchange);
/* Nothing can be done without the connection: -EAGAIN; or -ETIMEDOUT with error, which says `what`
 * was waited for, in words. */
int exchange_wait(struct exchange *exchange, const char *what);

/* Whether another request can be sent on the connection, as far as is known. */
bool exchange_is_reusable(const struct exchange *exchange);
void exchange_disconnect(struct exchange *exchange);
/* The same; where the connection can have another request, others may have it. */
void exchange_give_back(struct exchange *exchange);
void exchange_close(struct exchange *exchange);

#endif
