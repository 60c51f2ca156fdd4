/* SPDX-License-Identifier: MIT */
/*
 * Which large files are worth memory: one that is asked for again within ten minutes, and that fits
 * in a quarter of the memory available. Shared by all workers, without a lock: an entry is one
 * word, and what two threads lose to each other is a file admitted one request later.
 */
#ifndef SLUICE_HTTP_ADMISSION_H
#define SLUICE_HTTP_ADMISSION_H

#include <stdbool.h>
#include <stdint.h>

struct statx;

#define ADMISSION_SLOTS 4096

struct admission {
	uint64_t slots[ADMISSION_SLOTS]; /* a file's hash, and the minute it was asked for last */
	uint64_t available_bytes, measured_ms;
};

/* Notes that the file is asked for from its start on, at now_ms, and decides. */
bool admission_ask(struct admission *admission, const struct statx *status, uint64_t now_ms);

#endif
