/* SPDX-License-Identifier: MIT */
/* plain: a socket, whose bytes are those of the connection. */
#include "base/sys.h"
#include "channel/channel.h"

#include <errno.h>

static int64_t send_(struct channel *channel, const struct iovec *pieces, int count, bool has_more)
{
	const struct msghdr message = {.msg_iov = (struct iovec *)pieces,
				       .msg_iovlen = (size_t)count};
	int flags = has_more ? MSG_MORE : 0;
	int64_t sent;

	do
		sent = count == 1 ? sys_send(channel->out, pieces->iov_base, pieces->iov_len, flags)
				  : sys_sendmsg(channel->out, &message, flags);
	while (sent == -EINTR);
	return sent;
}

static int64_t receive(struct channel *channel, void *data, size_t length)
{
	int64_t count;

	do
		count = sys_recv(channel->in, data, length, 0);
	while (count == -EINTR);
	return count;
}

static int finish(struct channel *channel)
{
	return sys_shutdown(channel->out, SHUT_WR);
}

const struct channel_kind channel_plain = {
	.name = "plain",
	.takes_files = true,
	.takes_references = true,
	.gives_references = true,
	.can_drop = true,
	.send = send_,
	.receive = receive,
	.finish = finish,
};
