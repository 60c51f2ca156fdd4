/* SPDX-License-Identifier: MIT */
#include "channel/channel.h"

#include "base/size.h"
#include "base/sys.h"
#include "base/tally.h"
#include "host/socket.h"

#include <errno.h>

enum { SCRAP = 16 << 10 };

struct channel channel_open(const struct channel_kind *kind, int in, int out)
{
	return (struct channel){
		.kind = kind,
		.in = in,
		.out = out,
		.takes_files = kind->takes_files,
		.takes_references = kind->takes_references,
		.gives_references = kind->gives_references,
		.can_drop = kind->can_drop,
		.ciphers = kind->ciphers,
	};
}

struct channel channel_find(int fd, bool *is_local)
{
	struct sockaddr_storage peer = {0};
	int result = sys_getpeername(fd, &peer);
	bool is_socket = result != -ENOTSOCK;
	bool is_inet = peer.ss_family == AF_INET || peer.ss_family == AF_INET6;
	struct channel channel = channel_open(is_socket ? &channel_plain : &channel_pipe, fd, fd);

	*is_local = !is_socket || (result == 0 && host_socket_is_local_peer(fd, &peer));
	/* Elsewhere the flag means something else; of a peer that is gone nothing is known. */
	channel.can_drop &= is_inet;
	return channel;
}

void channel_account(const struct channel *channel, struct tally *tally, uint64_t bytes)
{
	tally->cpu_copied_bytes += bytes * channel->cpu_passes;
	tally->cpu_ciphered_bytes += channel->ciphers ? bytes : 0;
}

static int64_t drop_to_scrap(struct channel *channel, size_t length)
{
	char scrap[SCRAP];

	return channel_receive(channel, scrap, size_min(length, sizeof(scrap)));
}

int64_t channel_drop(struct channel *channel, size_t length)
{
	int64_t count;

	if (!channel->can_drop)
		return drop_to_scrap(channel, length);
	do
		count = sys_recv(channel->in, NULL, length, MSG_TRUNC);
	while (count == -EINTR);
	return count;
}
