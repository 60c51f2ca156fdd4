/* SPDX-License-Identifier: MIT */
/*
 * pipe: two descriptors that take read(2) and write(2): pipes, terminals, and what else epoll can
 * watch. Its end is told by closing `out`, which is the owner's affair.
 */
#include "base/sys.h"
#include "channel/channel.h"

#include <errno.h>

static int64_t send_(struct channel *channel, const struct iovec *pieces, int count, bool has_more)
{
	int64_t sent;

	do
		sent = count == 1 ? sys_write(channel->out, pieces->iov_base, pieces->iov_len)
				  : sys_writev(channel->out, pieces, count);
	while (sent == -EINTR);
	return sent;
}

static int64_t receive(struct channel *channel, void *data, size_t length)
{
	int64_t count;

	do
		count = sys_read(channel->in, data, length);
	while (count == -EINTR);
	return count;
}

const struct channel_kind channel_pipe = {
	.name = "pipe",
	.takes_files = true,
	.gives_references = true,
	.send = send_,
	.receive = receive,
};
