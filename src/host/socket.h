/* SPDX-License-Identifier: MIT */
/* What kind of connection a socket is, and its congestion control. */
#ifndef SLUICE_HOST_SOCKET_H
#define SLUICE_HOST_SOCKET_H

#include <stdbool.h>
#include <stddef.h>

struct sockaddr_storage;

#define HOST_CONGESTION_SIZE 16 /* the kernel's TCP_CA_NAME_MAX */

/* Both ends are on this machine: a loopback address, or the peer has the same address as we. */
bool host_socket_is_local(int fd);
/* The same for a peer whose address is known, as accept(2) tells it. */
bool host_socket_is_local_peer(int fd, const struct sockaddr_storage *peer);

int host_socket_congestion(int fd, char name[HOST_CONGESTION_SIZE]);
int host_socket_set_congestion(int fd, const char *name); /* -ENOENT, -EPERM, ... */

/* Bytes that the peer has not acknowledged yet (SIOCOUTQ, tcp(7)); -errno. */
int host_socket_unsent(int fd);

#endif
