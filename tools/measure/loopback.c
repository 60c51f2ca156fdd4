/* SPDX-License-Identifier: MIT */
#include "measure/loopback.h"

#include "base/cleanup.h"
#include "base/sys.h"
#include "plan/plan.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>

#define WAIT_MS 5000 /* never an endless wait for the one connection that we made */

static int listen_on_loopback(struct sockaddr_storage *bound)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	_cleanup_fd_ int listener = sys_socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int result = listener;

	if (result >= 0)
		result = sys_bind(listener, (struct sockaddr *)&address, sizeof(address));
	if (result == 0)
		result = sys_listen(listener, 1);
	if (result == 0)
		result = sys_getsockname(listener, bound);
	return result < 0 ? result : take_fd(&listener);
}

static void choose_congestion(struct measure_loopback *loopback)
{
	const struct plan_congestion_facts facts = {.is_local = true,
						    .system = loopback->congestion};
	const int *ends = loopback->ends;

	if (host_socket_congestion(ends[0], loopback->congestion) < 0)
		return;
	for (const char *const *other = plan_congestion(&facts); *other; other++)
		if (host_socket_set_congestion(ends[0], *other) == 0 &&
		    host_socket_set_congestion(ends[1], *other) == 0)
			break;
	host_socket_congestion(ends[0], loopback->congestion);
}

/* Nobody else can be the peer: the address that was connected from is compared. */
static int accept_from(int listener, int connected)
{
	struct sockaddr_storage own = {0}, peer = {0};
	_cleanup_fd_ int fd = -1;
	int result = sys_getsockname(connected, &own);

	if (result == 0)
		result = sys_poll(listener, POLLIN, WAIT_MS);
	if (result < 0)
		return result;
	fd = sys_accept(listener, &peer);
	if (fd < 0)
		return fd == -EAGAIN ? -ETIMEDOUT : fd;
	if (memcmp(&own, &peer, sizeof(struct sockaddr_in)) != 0)
		return -EADDRINUSE;
	return fcntl(fd, F_SETFL, 0) < 0 ? -errno : take_fd(&fd);
}

int measure_loopback_open(struct measure_loopback *loopback)
{
	struct sockaddr_storage address = {0};
	_cleanup_fd_ int listener = listen_on_loopback(&address), own = -1;
	int result = listener;

	if (result >= 0)
		result = own = sys_socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (result >= 0)
		result = sys_connect(own, (struct sockaddr *)&address, sizeof(struct sockaddr_in));
	if (result == 0)
		result = accept_from(listener, own);
	if (result < 0)
		return result;
	*loopback = (struct measure_loopback){.ends = {result, take_fd(&own)}};
	choose_congestion(loopback);
	return 0;
}
