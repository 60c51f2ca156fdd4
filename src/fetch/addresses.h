/* SPDX-License-Identifier: MIT */
/*
 * The addresses of a host. getaddrinfo(3) may take as long as it likes, so a name goes to a thread
 * apart; whoever does not want the answer any more leaves, and the thread is waited for by nobody.
 */
#ifndef SLUICE_FETCH_ADDRESSES_H
#define SLUICE_FETCH_ADDRESSES_H

#include "http/url.h"
#include "loop/loop.h"

#include <netdb.h>

struct addresses;

/* family: AF_UNSPEC, AF_INET or AF_INET6. wake(owner) runs when the answer is there. 0 or -ENOMEM.
 */
int addresses_open(struct addresses **addresses, struct loop *loop, const struct http_url *url,
		   int family, void (*wake)(void *owner), void *owner);
/*
 * Whether the answer is there: *code is 0 and *found not empty, or *code is EAI_*, and with
 * EAI_SYSTEM *error is -errno. *found is the addresses' own.
 */
bool addresses_have_come(const struct addresses *addresses, int *code, int *error,
			 const struct addrinfo **found);
void addresses_close(struct addresses *addresses); /* NULL is allowed */

#endif
