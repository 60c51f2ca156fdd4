/* SPDX-License-Identifier: MIT */
/* A range on its way from a channel into a file: asks the plan for a path, and drives it. */
#ifndef SLUICE_RANGE_RECV_H
#define SLUICE_RANGE_RECV_H

#include "base/buffer.h"
#include "plan/plan.h"

struct range_recv;

struct range_recv_options {
	void (*wake)(void *owner); /* a completion came: step, push or flush again */
	void *owner;
	/* NULL, or as in path.h, of a range that began at start. */
	bool (*lend)(void *owner, uint64_t start, const struct path_lent *lent);
	const struct path_recv *forced; /* NULL: the plan chooses */
	struct tally *tally;            /* bytes are added to it */
	bool keep_cached, no_sync;
	bool had_pages; /* of somebody else, in the page cache, before us */
	bool sparse;    /* zeros become holes */
};

/*
 * Receives length bytes (UINT64_MAX: not known) into file at offset. file may be NULL for a path
 * that needs none, channel where bytes are only pushed. Keeps a reference to file. Errors name what
 * was missing.
 */
int range_recv_open(struct range_recv **range, struct loop *loop, struct path_file *file,
		    struct channel *channel, uint64_t offset, uint64_t length,
		    const struct range_recv_options *options, struct sluice_error *error);

/*
 * From the socket, `most` bytes at once (0: any number): > 0 bytes; 0: all that was expected, or
 * with an unknown length the peer closed; -EAGAIN: see range_recv_waits_for_socket; -ENODATA: the
 * peer closed early; other -errno.
 */
int64_t range_recv_step(struct range_recv *range, uint64_t most);
/* From memory: > 0 bytes taken, -EAGAIN (wait for wake), -EMSGSIZE: more than was expected;
 * -errno. */
int64_t range_recv_push(struct range_recv *range, const void *data, size_t length);
/* Writes what is held: 0 when it is written, -EAGAIN, -errno. No more can be received afterwards.
 */
int range_recv_flush(struct range_recv *range);

bool range_recv_waits_for_socket(const struct range_recv *range);
uint64_t range_recv_offset(const struct range_recv *range);  /* of the next byte to receive */
uint64_t range_recv_settled(const struct range_recv *range); /* every byte below is written */
/* "bytes A-B by PATH: why" */
void range_recv_explain(const struct range_recv *range, struct buffer *out);
void range_recv_close(struct range_recv *range); /* NULL is allowed */

#endif
