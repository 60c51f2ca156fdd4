/* SPDX-License-Identifier: MIT */
/*
 * The names that have been given away, lest one file is written over another: of each its digest
 * alone, 8 bytes, in a table that is half full on average, so that a list may have millions.
 */
#ifndef SLUICE_CMD_NAMES_H
#define SLUICE_CMD_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct names {
	uint64_t *digests; /* 0: a free place */
	size_t places, count;
};

/* 1: it is new, and taken now; 0: it was taken before; -ENOMEM. */
int names_take(struct names *names, const char *name);
void names_free(struct names *names);

#endif
