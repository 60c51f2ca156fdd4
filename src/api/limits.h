/* SPDX-License-Identifier: MIT */
/*
 * What a program may want of a transfer besides its bytes: not more than so many a second, an end
 * where the peer is silent, and to see how far it is. What is not wanted costs no timer.
 */
#ifndef SLUICE_API_LIMITS_H
#define SLUICE_API_LIMITS_H

#include "base/meter.h"
#include "base/pace.h"
#include "loop/loop.h"

struct limits {
	/* Set by the owner before limits_open. */
	void (*again)(struct limits *limits);          /* more may move, or there is a code */
	bool (*waits_for_peer)(struct limits *limits); /* only then time counts */
	int code; /* why it is to end: -ETIMEDOUT, -ECANCELED; 0: it goes on */

	/* private */
	struct loop *loop;
	struct loop_timer turn, tick;
	struct pace pace;
	const struct meter *meter;
	sluice_progress_fn *progress;
	void *argument;
	struct sluice_progress state;
	uint64_t active_ms, timeout_ms;
};

/* total: UINT64_MAX where it is not known. */
void limits_open(struct limits *limits, struct loop *loop,
		 const struct sluice_transfer_options *options, const struct meter *meter,
		 uint64_t total);
/* 0, and how many bytes may move now (0: as many as can); -EAGAIN until `again`; or code. */
int limits_allow(struct limits *limits, uint64_t *bytes);
void limits_moved(struct limits *limits, uint64_t bytes);
void limits_close(struct limits *limits); /* any number of times, opened or not */

#endif
