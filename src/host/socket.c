/* SPDX-License-Identifier: MIT */
#include "host/socket.h"

#include "base/sys.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/ioctl.h>

/* An IPv4 client of an IPv6 socket has an address like ::ffff:127.0.0.1: compare what it stands
 * for. */
static bool is_same_or_loopback4(uint32_t ours, uint32_t theirs)
{
	return ours == theirs || ntohl(theirs) >> 24 == 127;
}

bool host_socket_is_local(int fd)
{
	struct sockaddr_storage own, peer;
	const struct sockaddr_in6 *own6 = (const void *)&own, *peer6 = (const void *)&peer;
	const struct sockaddr_in *own4 = (const void *)&own, *peer4 = (const void *)&peer;

	if (sys_getsockname(fd, &own) < 0 || sys_getpeername(fd, &peer) < 0 ||
	    own.ss_family != peer.ss_family)
		return false;
	if (own.ss_family == AF_UNIX)
		return true;
	if (own.ss_family == AF_INET)
		return is_same_or_loopback4(own4->sin_addr.s_addr, peer4->sin_addr.s_addr);
	if (own.ss_family != AF_INET6)
		return false;
	if (IN6_IS_ADDR_V4MAPPED(&peer6->sin6_addr) && IN6_IS_ADDR_V4MAPPED(&own6->sin6_addr))
		return is_same_or_loopback4(own6->sin6_addr.s6_addr32[3],
					    peer6->sin6_addr.s6_addr32[3]);
	return IN6_IS_ADDR_LOOPBACK(&peer6->sin6_addr) ||
	       IN6_ARE_ADDR_EQUAL(&own6->sin6_addr, &peer6->sin6_addr);
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
	int bytes = 0;

	return ioctl(fd, SIOCOUTQ, &bytes) < 0 ? -errno : bytes;
}
