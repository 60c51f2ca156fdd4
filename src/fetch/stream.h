/* SPDX-License-Identifier: MIT */
/*
 * The streams beside the body of a download: each has a connection of its own, on which it asks for
 * one stretch after the other that the dealer gives it, and takes them to the landing. It takes
 * nothing but what it asked for, of the file that is coming: whatever else it is answered, the rest
 * of its stretch is given back, and it ends. So the body, which knows what servers do, never has
 * another's mess to clear up.
 */
#ifndef SLUICE_FETCH_STREAM_H
#define SLUICE_FETCH_STREAM_H

#include "fetch/dealer.h"
#include "fetch/growth.h"
#include "loop/loop.h"

#include <stdbool.h>

struct download;
struct stream;

enum { STREAMS_MAX = DEALER_STREAMS - 1 };

struct streams {
	struct stream *open[STREAMS_MAX]; /* stream i + 1 of the dealer; NULL: none */
	unsigned count;                   /* of them */
	unsigned most; /* that the server lets through, the body among them; 0: as many as wanted */
	bool was_network; /* that it lets no more through: another time it may */
	unsigned used;    /* most at once so far, the body among them */
	bool is_beside;   /* the body takes bytes, too */
	int failed;       /* -errno: what came could not be written */

	/* How many are wanted, where nobody said it */
	struct growth growth;
	struct loop_timer timer; /* of a round, */
	uint64_t began_ns, bytes_before;
	unsigned streams;    /* that were open when it began */
	uint64_t network_ns; /* that they waited for the network in it, together */
};

/* The body has another answer: where it was the network, others may be let through again. */
void streams_have_answer(struct download *download);
/* Opens as many as are wanted and there is something for, beside the body where that still takes
 * bytes. */
void streams_open(struct download *download, bool is_beside);
/* One of them, or the body, has to wait for the network: since when; and goes on. */
void streams_wait(uint64_t *since_ns);
void streams_go_on(struct download *download, uint64_t *since_ns);
/* Step: no more is received, and what came is written. 0 when none is open any more; or -EAGAIN. */
int streams_stop(struct download *download);
/* Their ranges are the landing's now, and none is open any more. */
void streams_hand_over(struct download *download);
void streams_close(struct download *download);
void streams_wake(struct download *download); /* there is something to do for them */

#endif
