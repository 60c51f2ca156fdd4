/* SPDX-License-Identifier: MIT */
/*
 * So many bytes a second, and not more: what has moved is paid for in time. Time in which nothing
 * moves is not saved up, but for a moment. Pure.
 */
#ifndef SLUICE_BASE_PACE_H
#define SLUICE_BASE_PACE_H

#include <stdint.h>

struct pace {
	uint64_t rate;    /* bytes per second; 0: as fast as it can */
	uint64_t paid_us; /* what has moved is paid for when it is this late */
};

/* From now on: what did not move before is not made up for. */
void pace_begin(struct pace *pace, uint64_t rate, uint64_t now_ms);
/* Bytes that may move now: UINT64_MAX, or 0 until pace_due_ms. */
uint64_t pace_allows(struct pace *pace, uint64_t now_ms);
uint64_t pace_due_ms(const struct pace *pace);
void pace_moved(struct pace *pace, uint64_t bytes);
uint64_t pace_paid_ms(const struct pace *pace); /* when all that has moved is paid for */

#endif
