/* SPDX-License-Identifier: MIT */
/*
 * What an answer means for what is here of the file already. Pure: tests/unit/test_verdict.c is the
 * table of what servers answer.
 *
 * Bytes are put behind others only where the answer says which ones they are, of a file of the same
 * size, and has the validator that was asked by (RFC 9110 15.3.7.3). Whatever else comes where a
 * part was asked for is dropped, and all of the file is asked for: that always ends, since such a
 * request can only be answered by the file or be refused.
 */
#ifndef SLUICE_FETCH_VERDICT_H
#define SLUICE_FETCH_VERDICT_H

#include "fetch/validator.h"

struct question {
	bool is_part;                      /* of the file a part was asked for: */
	uint64_t from, end;                /* these bytes; end UINT64_MAX: all that follow, */
	uint64_t here;                     /* of which those below this are here */
	uint64_t size;                     /* of the file, as it was known before; with is_part */
	const struct validator *validator; /* that was asked by; with is_part; NULL: by none */
	bool is_conditional;               /* all was asked for, unless it is as before */
	bool is_by_range;                  /* all was asked for, as the range from 0 on */
};

enum verdict_kind {
	VERDICT_TAKE,      /* the file's bytes from first up to end come */
	VERDICT_SAME,      /* as before, to a conditional question */
	VERDICT_ASK_AGAIN, /* may pass: ask once more; if it does not, for all */
	VERDICT_ASK_ALL,   /* without a range and without conditions */
	VERDICT_ASK_RANGE, /* for all, by a range */
	VERDICT_REFUSE,    /* there is nothing else to ask for */
	VERDICT_FAILED,    /* there is no answer */
};

struct verdict {
	enum verdict_kind kind;
	uint64_t first, end, size; /* end and size UINT64_MAX: not known */
	const char *why;           /* not TAKE: a clause; NULL with REFUSE: the status says it */
};

/* Whether a file is wanted only if it changed behind this time, and the answer says it did not. */
bool verdict_is_not_newer(time_t than, const struct http_response *head, time_t now);
/* Of an answer to a request for length bytes from offset on (0: to the end), and nothing else. */
struct verdict verdict_of_part(uint64_t offset, uint64_t length, const struct http_response *head);
struct verdict verdict_of(const struct question *question, const struct http_response *head);

#endif
