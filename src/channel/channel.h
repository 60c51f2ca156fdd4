/* SPDX-License-Identifier: MIT */
/*
 * A connection as its bytes see it: what paths and their owners send through and receive from. Its
 * kind is a const table.
 *
 * The contract. All calls belong to the thread of the loop that watches the descriptors, which are
 * non-blocking and borrowed; no call blocks. -EAGAIN: wait until one of the descriptors comes up
 * anew, in whichever direction, because a kind may have to read before it can write. -EINTR never
 * comes out. Any other -errno: the connection is of no further use.
 *
 *   handshake    the owner, before all other calls and again until it returns 0
 *
 *   send         who has bytes: > 0, how many were taken. What was not taken was not looked at: the
 *                next offer may be other bytes, fewer of them, at another address. So memory whose
 *                bytes were not taken may be lent, and read anew; and a kind that transforms what
 *                it takes keeps the result itself until the descriptor has room, as taken.
 * has_more: more follows in this turn, so that a packet may wait for it
 *
 *   flush        who has nothing more to send for now, or is about to move bytes by `out` itself:
 *                0 when the kernel has all that was taken
 *
 *   receive      who wants bytes: > 0; 0: the peer will send no more, and said so in order
 *
 *   has_pending  after a receive that was not -EAGAIN: whether there are bytes that no edge will
 *                tell of
 *
 *   attend       who only sends, each turn: takes what the peer says between its bytes, and no
 *                bytes; 0 when there is no more of it
 *
 *   finish       after the last flush: tells the peer that no more comes; receiving goes on
 *
 *   close        the owner, last and at any time, and once: frees what the kind keeps. The
 *                descriptors stay open
 *
 *   words        behind a failure: what errno's words do not say; NULL: they say it all
 *
 * What may be done to the descriptors beside these calls the channel says itself: takes_files and
 * so on. These are members of the channel, not of its kind, because they can depend on the
 * descriptor.
 */
#ifndef SLUICE_CHANNEL_CHANNEL_H
#define SLUICE_CHANNEL_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct channel;
struct tally;

struct channel_kind {
	const char *name;
	bool takes_files, takes_references, gives_references, can_drop; /* at most */
	bool ciphers;
	int64_t (*send)(struct channel *channel, const struct iovec *pieces, int count,
			bool has_more);
	int64_t (*receive)(struct channel *channel, void *data, size_t length);
	/* NULL: there is nothing to do. */
	int (*handshake)(struct channel *channel);
	int (*flush)(struct channel *channel);
	bool (*has_pending)(const struct channel *channel);
	int (*attend)(struct channel *channel);
	int (*finish)(struct channel *channel);
	void (*close)(struct channel *channel);
	const char *(*words)(const struct channel *channel);
};

struct channel {
	const struct channel_kind *kind;
	int in, out;           /* received from, sent to: the same for a socket */
	bool takes_files;      /* sendfile(2) and splice(2) to out */
	bool takes_references; /* MSG_ZEROCOPY on out */
	bool gives_references; /* splice(2) from in */
	bool can_drop;         /* MSG_TRUNC on in */
	bool ciphers;          /* the CPU enciphers or deciphers each byte */
	unsigned cpu_passes;   /* copies of each byte, on this end, besides the path's */
	void *state;           /* the kind's own */
};

extern const struct channel_kind channel_plain; /* a TCP socket, as it is */
extern const struct channel_kind channel_pipe;  /* two descriptors, no socket calls */

struct channel channel_open(const struct channel_kind *kind, int in, int out);
/*
 * The channel for a descriptor of somebody else: plain for a socket, else pipe. is_local: there is
 * no network card between it and its peer.
 */
struct channel channel_find(int fd, bool *is_local);

/* What it costs, besides the path's, that so many bytes of a file went through it. */
void channel_account(const struct channel *channel, struct tally *tally, uint64_t bytes);

/* Receives and forgets. */
int64_t channel_drop(struct channel *channel, size_t length);

static inline int64_t channel_send_pieces(struct channel *channel, const struct iovec *pieces,
					  int count, bool has_more)
{
	return channel->kind->send(channel, pieces, count, has_more);
}

static inline int64_t channel_send(struct channel *channel, const void *data, size_t length,
				   bool has_more)
{
	const struct iovec piece = {(void *)data, length};

	return channel_send_pieces(channel, &piece, 1, has_more);
}

static inline int64_t channel_receive(struct channel *channel, void *data, size_t length)
{
	return channel->kind->receive(channel, data, length);
}

static inline int channel_handshake(struct channel *channel)
{
	return channel->kind->handshake ? channel->kind->handshake(channel) : 0;
}

static inline int channel_flush(struct channel *channel)
{
	return channel->kind->flush ? channel->kind->flush(channel) : 0;
}

static inline bool channel_has_pending(const struct channel *channel)
{
	return channel->kind->has_pending && channel->kind->has_pending(channel);
}

static inline int channel_attend(struct channel *channel)
{
	return channel->kind->attend ? channel->kind->attend(channel) : 0;
}

static inline int channel_finish(struct channel *channel)
{
	return channel->kind->finish ? channel->kind->finish(channel) : 0;
}

static inline const char *channel_words(const struct channel *channel)
{
	return channel->kind && channel->kind->words ? channel->kind->words(channel) : NULL;
}

static inline void channel_close(struct channel *channel)
{
	if (channel->kind && channel->kind->close)
		channel->kind->close(channel);
	channel->kind = NULL;
}

#endif
