/* SPDX-License-Identifier: MIT */
/*
 * The URLs to get: the words of the command line, then the lines of -i, read as they are needed, so
 * that memory does not grow with their number. What a line is that cannot be fetched is said, and
 * counted in `failed`; the others go on.
 */
#ifndef SLUICE_CMD_GET_URLS_H
#define SLUICE_CMD_GET_URLS_H

#include "get.h"

enum { URLS_LINE = 64 << 10 }; /* longer than any URL */

struct urls {
	struct get *get;
	char *const *words;
	int fd;               /* of -i; -1: there is none, or it has ended */
	bool can_wait;        /* a pipe, say */
	unsigned long number; /* of the line */
	size_t at, end;       /* of buffer, what has been read */
	bool is_too_long;     /* the rest of a line */
	uint64_t failed;
	char buffer[URLS_LINE];
};

/* 0 or -errno. */
int urls_open(struct urls *urls, struct get *get, char *const *words);
/*
 * 1: *url is the next, valid until the next call; 0: there is none. -EAGAIN: none yet, unless
 * `waits`; poll(2) tells of fd. -EINTR.
 */
int urls_next(struct urls *urls, bool waits, const char **url);
void urls_close(struct urls *urls);

#endif
