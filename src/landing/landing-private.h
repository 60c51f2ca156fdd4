/* SPDX-License-Identifier: MIT */
/* What landing.c, ranges.c and digest.c share. */
#ifndef SLUICE_LANDING_PRIVATE_H
#define SLUICE_LANDING_PRIVATE_H

#include "digest/follow.h"
#include "landing/landing.h"
#include "landing/target.h"
#include "range/recv.h"

enum work { NOTHING, BEGINNING, ALLOCATING, SAVING, SYNCING, NAMING, KEEPING };
enum wish { NONE, BEGIN, FINISH, ABANDON };

struct landing_range {
	struct landing *landing;
	struct range_recv *writer;
	uint64_t start;
	void (*wake)(void *owner);
	void *owner;
	struct landing_range *next;
};

struct landing {
	struct landing_options options;
	struct loop *loop;      /* NULL: not begun */
	struct path_file *file; /* NULL: with names, and for what keeps nothing */
	struct target target;
	struct landing_found found;
	void (*stamp)(void *argument, int fd);
	void *stamp_argument;
	bool has_names, is_begun, is_closed;
	bool had_pages; /* of somebody else, where bytes come, before us */
	bool stays_anyway;
	bool is_anew; /* what comes is this, and not the journal's: */
	struct validator source;
	bool has_lost;         /* a sync failed: what was written since the last one may be gone */
	uint64_t offset, size; /* where bytes come; size: behind the last, UINT64_MAX: not known */

	struct landing_range *ranges;
	struct intervals settled, arrived; /* by ranges that are closed; settled: and what stayed */
	struct buffer lines;
	int failed; /* in the background */

	struct digest expected; /* without an algorithm: any */
	struct follow *follow;  /* NULL: none is expected, or nothing has begun */
	bool is_synced;         /* all of it: only the digest is waited for */
	bool is_wrong;          /* the digest is another one */

	enum work work;
	enum wish wish;
	struct loop_op op;
	struct loop_task task;
	struct loop_timer timer;
	struct intervals saving;    /* what was saved last, or is being saved */
	struct sluice_error said;   /* by the work */
	struct sluice_error *error; /* the caller's; NULL: none */
};

/* digest.c. When the part is there; 0 or -errno with `said`. */
int landing_digest_open(struct landing *landing);
void landing_digest_close(struct landing *landing);
void landing_digest_advance(struct landing *landing); /* more is written */
void landing_digest_end(struct landing *landing);     /* everything is */
/* 0; -EAGAIN; -EBADMSG and other -errno with `said`. */
int landing_digest_check(struct landing *landing);

#endif
