/* SPDX-License-Identifier: MIT */
/*
 * One transfer between two processes of its own, over a TCP connection on the loopback address:
 * what the library does for an application, and nothing beside it.
 *
 * Each end is forked, so that its CPU time, its system calls and its switches are its own. The
 * caller must have a single thread. When the caller dies, whatever kills it, both ends die.
 */
#ifndef SLUICE_MEASURE_PAIR_H
#define SLUICE_MEASURE_PAIR_H

#include "base/bill.h"
#include "host/socket.h"

struct measure_pair_job {
	const char *send, *receive; /* paths */
	int source, target;         /* files; target is written from its start */
	uint64_t length;
	/*
	 * Called when both ends are there and wait: the clock starts when it has returned 0. A
	 * negative errno, with error, calls it off.
	 */
	int (*prepare)(void *argument, struct sluice_error *error);
	void *argument;
};

struct measure_pair_result {
	double seconds; /* from the start of the first to the end of the last, fsync(2) included */
	struct bill send, receive;
	char congestion[HOST_CONGESTION_SIZE]; /* of the connection; "" where it is not told */
};

/* 0, or -errno with error saying which end failed, and why. */
int measure_pair_run(const struct measure_pair_job *job, struct measure_pair_result *result,
		     struct sluice_error *error);

#endif
