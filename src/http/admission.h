/* SPDX-License-Identifier: MIT */
/*
 * Which large files are worth caching: those requested again within ten minutes that fit in a
 * quarter of the available memory. Shared by all workers without a lock: an entry is one word, and
 * a lost race only admits a file one request later.
 */
#ifndef SLUICE_HTTP_ADMISSION_H
#define SLUICE_HTTP_ADMISSION_H

#include <stdbool.h>
#include <stdint.h>

struct statx;

#define ADMISSION_SLOTS 4096

struct admission {
	uint64_t slots[ADMISSION_SLOTS]; /* a file's hash, and the minute of its last request */
	uint64_t available_bytes, measured_ms;
};

/* Records a request for the start of the file at now_ms, and decides. */
bool admission_ask(struct admission *admission, const struct statx *status, uint64_t now_ms);

#endif
