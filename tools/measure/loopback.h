/* SPDX-License-Identifier: MIT */
/*
 * A TCP connection over the loopback address to measure on. A pacing congestion control makes it
 * many times slower, so the plan's choice is taken, as by the transfers.
 */
#ifndef SLUICE_MEASURE_LOOPBACK_H
#define SLUICE_MEASURE_LOOPBACK_H

#include "host/socket.h"

struct measure_loopback {
	int ends[2];
	char congestion[HOST_CONGESTION_SIZE]; /* of both; "" where it is not told */
};

/* Both ends block. 0, or -errno with nothing left open. */
int measure_loopback_open(struct measure_loopback *loopback);

#endif
