/* SPDX-License-Identifier: MIT */
/*
 * One range of a file on its way to a socket: asks the plan window by window, drives the path it
 * names, and watches that the file stays what it was.
 */
#ifndef SLUICE_STREAM_SEND_H
#define SLUICE_STREAM_SEND_H

#include "base/buffer.h"
#include "plan/plan.h"

struct stream_send {
	/* Set by the owner before stream_send_open. */
	void (*wake)(struct stream_send *stream); /* a completion came: step again */
	const struct path_send *forced;           /* NULL: the plan chooses */
	struct sluice_bill *bill;                 /* bytes are added to it */
	struct buffer *explain;                   /* NULL, or lines are appended */

	/* private */
	struct path_send_job job;
	const struct path_send *path;
	struct plan_send choice, next;
	uint64_t end, segment_start;
	bool is_open, has_next, is_verified, can_sendfile;
};

/* offset + length lies within the file; length may be 0. Keeps a reference to file. */
void stream_send_open(struct stream_send *stream, struct loop *loop, struct path_file *file,
		      int socket, uint64_t offset, uint64_t length);

/*
 * Moves bytes: > 0, how many; 0: all are sent; -EAGAIN: see stream_send_waits_for_socket;
 * -ENODATA: the file ended early; -ESTALE: it changed; other -errno. After an error the peer has
 * fewer bytes than promised, so that closing the connection shows it.
 */
int64_t stream_send_step(struct stream_send *stream);
bool stream_send_waits_for_socket(const struct stream_send *stream);
const char *stream_send_path(const struct stream_send *stream); /* the name of the last one */
uint64_t stream_send_offset(const struct stream_send *stream);  /* of the next byte to send */
void stream_send_close(struct stream_send *stream);             /* any number of times */

#endif
