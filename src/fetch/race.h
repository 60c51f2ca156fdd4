/* SPDX-License-Identifier: MIT */
/*
 * The addresses of a host, raced (RFC 8305): IPv6 and IPv4 by turns, the next one as soon as one
 * has failed, or has not answered for 250 ms. The first connection that is made wins.
 */
#ifndef SLUICE_FETCH_RACE_H
#define SLUICE_FETCH_RACE_H

#include "loop/loop.h"

#include <netdb.h>

/*
 * Orders the addresses at order[0..count): they begin with what is first, which is the system's
 * choice (RFC 6724), and families take turns as long as there are two. Pure.
 */
void race_order(const struct addrinfo **order, size_t count);

struct race;

/*
 * addresses must stay until the race is closed. wake(owner) runs when race_step may find something
 * new. 0 or -ENOMEM.
 */
int race_open(struct race **race, struct loop *loop, const struct addrinfo *addresses,
	      void (*wake)(void *owner), void *owner);
/* A connected, non-blocking socket, which is the caller's; -EAGAIN; or why the last one failed. */
int race_step(struct race *race);
/* How many attempts were begun so far. */
unsigned race_attempts(const struct race *race);
void race_close(struct race *race); /* NULL is allowed */

#endif
