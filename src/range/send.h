/* SPDX-License-Identifier: MIT */
/*
 * One range of a file being sent: asks the plan piece by piece, drives the paths it names, and
 * checks that the file does not change.
 */
#ifndef SLUICE_RANGE_SEND_H
#define SLUICE_RANGE_SEND_H

#include "base/buffer.h"
#include "plan/plan.h"
#include "range/look.h"

struct range_send;

/* Neighbouring pieces that go by the same path. */
struct range_segment {
	struct path_send_job job;
	const struct path_send *path;
	const char *reason;
	struct range_send *range;
	uint64_t start;
	int64_t cold_bytes;  /* not in the page cache when it was planned; -1: not known */
	uint64_t planned_ms; /* when the last of its pieces was looked at */
};

#define RANGE_SEGMENTS 8

struct range_send {
	/* Set by the owner before range_send_open. */
	void (*wake)(struct range_send *range); /* a completion came: step again */
	const struct path_send *forced;         /* NULL: the plan chooses */
	bool is_admitted;                       /* worth memory: goes through the page cache */
	uint64_t step_bytes;    /* moved in one step at most; 0: as much as the path likes */
	uint64_t checked_turn;  /* of the loop: the owner looked at the file for this; 0: did not */
	struct tally *tally;    /* bytes are added to it */
	struct buffer *explain; /* NULL, or lines are appended */

	/* private */
	struct loop *loop;
	struct path_file *file;
	struct range_look look;
	struct channel *channel;
	uint64_t offset, planned, end;
	struct appetite appetite;
	uint64_t mixed_until; /* what is to be planned below it is looked at in pieces */
	struct range_segment segments[RANGE_SEGMENTS];
	unsigned first, count;
	const char *last_path; /* static */
	bool can_sendfile, can_splice, lacks_descriptor;
};

/* offset + length lies within the file; length may be 0. Keeps a reference to file. */
void range_send_open(struct range_send *range, struct loop *loop, struct path_file *file,
		     struct channel *channel, uint64_t offset, uint64_t length);

/*
 * Moves bytes: > 0, how many; 0: all are sent; -EAGAIN: until the socket is ready or wake;
 * -ENODATA: the file ended early; -ESTALE: it changed, and not by growing; other -errno. After an
 * error the peer has fewer bytes than promised, so that closing the connection shows it.
 */
int64_t range_send_step(struct range_send *range);
/* Else for the disk. */
bool range_send_waits_for_socket(const struct range_send *range);
const char *range_send_path(const struct range_send *range); /* tried last; a static name */
uint64_t range_send_offset(const struct range_send *range);  /* of the next byte to send */
void range_send_close(struct range_send *range);             /* any number of times */

struct range_place {
	uint64_t at, end;
	uint64_t mixed_until; /* 0 at first; for the next call on the same file */
	uint64_t until;       /* filled: where the answer ends, at most end */
	int64_t cold_bytes;   /* filled: below that, not in the page cache; -1: not known */
};

/*
 * The plan for a file from place->at on, up to place->until. Of facts, forced and what can be done
 * at all are the caller's; the others are found out.
 */
struct plan_send range_choose(const struct path_file *file, struct plan_send_facts facts,
			      struct range_place *place);

#endif
