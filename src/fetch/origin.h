/* SPDX-License-Identifier: MIT */
/*
 * Where a complete file came from, and which state of it: so that a later call can ask the server
 * whether there is another one. It lies in an extended attribute of the file, and holds as long as
 * the file has the size and the time that it had then: whoever writes to the file, or puts another
 * in its place, undoes it. URLs, which can hold secrets, are kept as digests.
 */
#ifndef SLUICE_FETCH_ORIGIN_H
#define SLUICE_FETCH_ORIGIN_H

#include "fetch/validator.h"
#include "http/url.h"

struct origin {
	uint64_t url;   /* as it was given */
	uint64_t place; /* where that led: host and path, whose validator it is (RFC 9110 8.8.3) */
	struct validator validator;
};

uint64_t origin_url(const char *url);
uint64_t origin_place(const struct http_url *url); /* without the query: signatures change */

/* Puts it down in a file whose bytes are on the disk. A file system that has no such attributes
 * remembers nothing. */
void origin_remember(const struct origin *origin, int fd);
/* Whether the file `name` has one, and is as it was. */
bool origin_recall(struct origin *origin, int folder, const char *name);

#endif
