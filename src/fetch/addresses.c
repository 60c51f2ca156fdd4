/* SPDX-License-Identifier: MIT */
/*
 * Invariant: from addresses_open until on_done the thread owns `found` and `code`, and they
 * outlive their close.
 */
#include "fetch/addresses.h"

#include "base/container.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct addresses {
	struct loop_op op;
	void (*wake)(void *owner);
	void *owner;
	char host[sizeof(((struct http_url *)0)->host)];
	char port[sizeof(((struct http_url *)0)->port)];
	int family;
	struct addrinfo *found;
	int code;  /* EAI_* */
	int error; /* -errno, of EAI_SYSTEM */
	bool is_busy, is_closed;
};

static void destroy(struct addresses *addresses)
{
	if (addresses->found)
		freeaddrinfo(addresses->found);
	free(addresses);
}

static void look_up(struct addresses *addresses, int flags)
{
	const struct addrinfo hints = {.ai_family = addresses->family,
				       .ai_socktype = SOCK_STREAM,
				       .ai_flags = AI_NUMERICSERV | flags};

	addresses->code = getaddrinfo(addresses->host, addresses->port, &hints, &addresses->found);
	addresses->error = addresses->code == EAI_SYSTEM ? -errno : 0;
}

static int64_t work(void *argument)
{
	look_up(argument, 0);
	return 0;
}

static void on_done(struct loop_op *op, int64_t result)
{
	struct addresses *addresses = container_of(op, struct addresses, op);

	if (result < 0) { /* no thread for it */
		addresses->code = EAI_SYSTEM;
		addresses->error = (int)result;
	}
	addresses->is_busy = false;
	if (addresses->is_closed)
		destroy(addresses);
	else
		addresses->wake(addresses->owner);
}

int addresses_open(struct addresses **out, struct loop *loop, const struct http_url *url,
		   int family, void (*wake)(void *owner), void *owner)
{
	struct addresses *addresses = calloc(1, sizeof(*addresses));

	if (!addresses)
		return -ENOMEM;
	addresses->wake = wake;
	addresses->owner = owner;
	addresses->family = family;
	addresses->op.done = on_done;
	memcpy(addresses->host, url->host, sizeof(addresses->host));
	memcpy(addresses->port, url->port, sizeof(addresses->port));
	/* A number needs no thread. */
	look_up(addresses, AI_NUMERICHOST);
	if (addresses->code == EAI_NONAME && !url->host_is_ipv6) {
		addresses->is_busy = true;
		loop_work_apart(loop, &addresses->op, work, addresses);
	}
	*out = addresses;
	return 0;
}

bool addresses_have_come(const struct addresses *addresses, int *code, int *error,
			 const struct addrinfo **found)
{
	if (addresses->is_busy)
		return false;
	*code = addresses->code;
	*error = addresses->error;
	*found = addresses->found;
	return true;
}

void addresses_close(struct addresses *addresses)
{
	if (!addresses)
		return;
	addresses->is_closed = true;
	if (!addresses->is_busy)
		destroy(addresses);
}
