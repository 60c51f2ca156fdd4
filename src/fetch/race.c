/* SPDX-License-Identifier: MIT */
/* Invariant: an attempt has a socket (fd >= 0) and a watch from its start until it failed or won.
 */
#include "fetch/race.h"

#include "base/container.h"
#include "base/sys.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

enum { NEXT_AFTER_MS = 250 }; /* RFC 8305 5: Connection Attempt Delay */

struct attempt {
	struct loop_watch watch;
	struct race *race;
	int fd;        /* -1: not under way */
	bool is_ready; /* something happened on the socket */
};

struct race {
	struct loop *loop;
	void (*wake)(void *owner);
	void *owner;
	struct loop_timer timer;
	bool is_next_due;
	int failure;
	size_t count, begun, under_way;
	const struct addrinfo **order;
	struct attempt attempts[];
};

/* The next one behind `at` whose family is, or is not, this one; count: there is none. */
static size_t find(const struct addrinfo **order, size_t at, size_t count, int family, bool is)
{
	while (at < count && (order[at]->ai_family == family) != is)
		at++;
	return at;
}

void race_order(const struct addrinfo **order, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		size_t next = find(order, i, count, order[i - 1]->ai_family, false);
		const struct addrinfo *address = next < count ? order[next] : NULL;

		if (!address)
			return;
		memmove(&order[i + 1], &order[i], (next - i) * sizeof(*order));
		order[i] = address;
	}
}

static void on_timer(struct loop_timer *timer)
{
	struct race *race = container_of(timer, struct race, timer);

	race->is_next_due = true;
	race->wake(race->owner);
}

static void on_ready(struct loop_watch *watch, uint32_t events)
{
	struct attempt *attempt = container_of(watch, struct attempt, watch);

	attempt->is_ready = true;
	attempt->race->wake(attempt->race->owner);
}

int race_open(struct race **out, struct loop *loop, const struct addrinfo *addresses,
	      void (*wake)(void *owner), void *owner)
{
	size_t count = 0;
	struct race *race;

	for (const struct addrinfo *at = addresses; at; at = at->ai_next)
		count++;
	race = calloc(1, sizeof(*race) + count * (sizeof(struct attempt) + sizeof(*race->order)));
	if (!race)
		return -ENOMEM;
	race->order = (const struct addrinfo **)&race->attempts[count];
	for (const struct addrinfo *at = addresses; at; at = at->ai_next)
		race->order[race->count++] = at;
	race_order(race->order, count);
	race->loop = loop;
	race->wake = wake;
	race->owner = owner;
	race->timer.fire = on_timer;
	race->is_next_due = true;
	race->failure = -EHOSTUNREACH;
	*out = race;
	return 0;
}

/* Gives the socket up; it is the caller's. */
static int leave(struct race *race, struct attempt *attempt)
{
	int fd = attempt->fd;

	loop_watch_remove(race->loop, &attempt->watch);
	attempt->fd = -1;
	race->under_way--;
	return fd;
}

/* 0 when it is connected, -EAGAIN, or why it failed. */
static int look(int fd)
{
	struct sockaddr_storage peer;
	socklen_t size = sizeof(int);
	int code = 0;

	if (sys_getpeername(fd, &peer) == 0)
		return 0;
	sys_getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &size);
	return code ? -code : -EAGAIN;
}

static int failed(struct race *race, int fd, int result)
{
	if (fd >= 0)
		sys_close(fd);
	race->failure = result;
	race->is_next_due = true;
	return -EAGAIN;
}

/* A socket that is connected already; or -EAGAIN. */
static int begin(struct race *race)
{
	struct attempt *attempt = &race->attempts[race->begun];
	const struct addrinfo *address = race->order[race->begun++];
	int fd = sys_socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK, 0), result;

	*attempt = (struct attempt){.watch.ready = on_ready, .race = race, .fd = -1};
	if (fd < 0)
		return failed(race, -1, fd);
	result = sys_connect(fd, address->ai_addr, address->ai_addrlen);
	if (result == 0 || result == -EINPROGRESS)
		result = look(fd);
	if (result == 0)
		return fd;
	if (result == -EAGAIN)
		result = loop_watch_add(race->loop, &attempt->watch, fd, EPOLLIN | EPOLLOUT);
	if (result < 0)
		return failed(race, fd, result);
	attempt->fd = fd;
	race->under_way++;
	race->is_next_due = false;
	if (race->begun < race->count)
		loop_timer_set(race->loop, &race->timer, NEXT_AFTER_MS);
	return -EAGAIN;
}

/* The winner among those that something happened to; or -EAGAIN. */
static int look_at_all(struct race *race)
{
	for (size_t i = 0; i < race->begun; i++) {
		struct attempt *attempt = &race->attempts[i];
		int result;

		if (attempt->fd < 0 || !attempt->is_ready)
			continue;
		attempt->is_ready = false;
		result = look(attempt->fd);
		if (result == 0)
			return leave(race, attempt);
		if (result != -EAGAIN)
			failed(race, leave(race, attempt), result);
	}
	return -EAGAIN;
}

int race_step(struct race *race)
{
	int fd = look_at_all(race);

	while (fd == -EAGAIN && race->is_next_due && race->begun < race->count)
		fd = begin(race);
	if (fd >= 0)
		sys_setsockopt_int(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	else if (race->under_way == 0 && race->begun == race->count)
		return race->failure;
	return fd;
}

unsigned race_attempts(const struct race *race)
{
	return (unsigned)race->begun;
}

void race_close(struct race *race)
{
	if (!race)
		return;
	loop_timer_cancel(race->loop, &race->timer);
	for (size_t i = 0; i < race->begun; i++)
		if (race->attempts[i].fd >= 0)
			sys_close(leave(race, &race->attempts[i]));
	free(race);
}
