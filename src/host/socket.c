/* SPDX-License-Identifier: MIT */
#include "host/socket.h"

#include "base/sys.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

/* An IPv4 client of an IPv6 socket has an address like ::ffff:127.0.0.1: compare what it stands
 * for. */
static void unmap(struct sockaddr_storage *address)
{
	const struct sockaddr_in6 *v6 = (const void *)address;
	struct sockaddr_in v4 = {.sin_family = AF_INET};

	if (address->ss_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
		return;
	v4.sin_addr.s_addr = v6->sin6_addr.s6_addr32[3];
	memcpy(address, &v4, sizeof(v4));
}

static bool is_loopback(const struct sockaddr_storage *address)
{
	const struct sockaddr_in6 *v6 = (const void *)address;
	const struct sockaddr_in *v4 = (const void *)address;

	if (address->ss_family == AF_INET)
		return ntohl(v4->sin_addr.s_addr) >> 24 == 127;
	return address->ss_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
}

static bool is_same(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
	const struct sockaddr_in6 *a6 = (const void *)a, *b6 = (const void *)b;
	const struct sockaddr_in *a4 = (const void *)a, *b4 = (const void *)b;

	if (a->ss_family != b->ss_family)
		return false;
	if (a->ss_family == AF_INET)
		return a4->sin_addr.s_addr == b4->sin_addr.s_addr;
	return a->ss_family == AF_INET6 && IN6_ARE_ADDR_EQUAL(&a6->sin6_addr, &b6->sin6_addr);
}

bool host_socket_is_local_peer(int fd, const struct sockaddr_storage *accepted)
{
	struct sockaddr_storage own, peer = *accepted;

	unmap(&peer);
	if (peer.ss_family == AF_UNIX || is_loopback(&peer))
		return true;
	if (sys_getsockname(fd, &own) < 0)
		return false;
	unmap(&own);
	return is_same(&own, &peer);
}

bool host_socket_is_local(int fd)
{
	struct sockaddr_storage peer;

	return sys_getpeername(fd, &peer) == 0 && host_socket_is_local_peer(fd, &peer);
}

int host_socket_congestion(int fd, char name[HOST_CONGESTION_SIZE])
{
	socklen_t size = HOST_CONGESTION_SIZE - 1;

	memset(name, 0, HOST_CONGESTION_SIZE);
	return sys_getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, &size);
}

int host_socket_set_congestion(int fd, const char *name)
{
	return sys_setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, (socklen_t)strlen(name));
}

int host_socket_unsent(int fd)
{
	return sys_unsent(fd);
}
