/* SPDX-License-Identifier: MIT */
/*
 * How often a download is tried again, and after which pause: exponential back-off with full
 * jitter, so that a server that comes back is not met by all its clients at once. Any byte of
 * progress makes the count begin anew; what was here before and has to come again is none. Pure:
 * tests/unit/test_retry.c is the curve.
 */
#ifndef SLUICE_FETCH_RETRY_H
#define SLUICE_FETCH_RETRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	RETRY_FIRST_MS = 500,
	/* So that 20 tries last more than ten minutes, and an outage is not much prolonged. */
	RETRY_MOST_MS = 240 * 1000,
	RETRY_AFTER_MOST_S = 3600, /* of what a server asks for */
};

struct retry {
	unsigned tries;  /* without progress, the first one included; 0: any number */
	unsigned failed; /* since there was progress last */
	uint64_t best;   /* bytes, the most that were ever here */
};

/* How many failed in a row, where one fails when so many bytes are here. */
unsigned retry_failures(const struct retry *retry, uint64_t done);
/* Whether there is another one after that. */
bool retry_is_possible(const struct retry *retry, uint64_t done);
/* One failed, and there will be another one. */
void retry_count(struct retry *retry, uint64_t done);
/* How long before it; after_seconds: what the server asks for; random: any number. */
uint64_t retry_pause_ms(const struct retry *retry, uint64_t after_seconds, uint64_t random);
/* "again in 2 s (3 of 20)" */
void retry_words(const struct retry *retry, uint64_t pause_ms, uint64_t after_seconds, char *words,
		 size_t size);

#endif
