/* SPDX-License-Identifier: MIT */
/*
 * What lets an interrupted download continue: NAME.part.state, a small JSON file beside NAME.part.
 * It never claims bytes that are not on the disk: it is written after they were synced.
 */
#ifndef SLUICE_TRANSFER_JOURNAL_H
#define SLUICE_TRANSFER_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

struct journal {
	char etag[256];      /* strong; empty: the download cannot be continued */
	char answered[1024]; /* the URL, after redirects, whose ETag it is (RFC 9110 8.8.3) */
	uint64_t size;       /* of the whole file */
	uint64_t done;       /* bytes from the start that are there */
};

/* False where there is none, or of another URL, or it makes no sense: then the download starts
 * over. */
bool journal_read(struct journal *journal, int folder, const char *name, const char *url);
/* Replaces the file in one step. Returns 0 or -errno. */
int journal_write(const struct journal *journal, int folder, const char *name, const char *url,
		  bool sync);

#endif
