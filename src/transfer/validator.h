/* SPDX-License-Identifier: MIT */
/*
 * What names one state of a file on its server, and no other (RFC 9110 8.8): a strong entity tag;
 * where there is none, the date of the last change, if the answer was made at least 60 s later. A
 * file can change twice within the second that a date counts in, and clocks can be set: RFC 9110
 * 8.8.2.2 wants a second between the two where one clock made both, and enough for clocks to
 * differ where that is not known. A weak tag never is one: it says that two states are as good as
 * each other. Pure.
 */
#ifndef SLUICE_TRANSFER_VALIDATOR_H
#define SLUICE_TRANSFER_VALIDATOR_H

#include "http/message.h"

#include <time.h>

struct validator {
	bool is_date;
	char text[256]; /* as the server wrote it; empty: there is none */
};

/* What the answer has. now: when it came, which counts where it has no Date (RFC 9110 6.6.1). */
void validator_read(struct validator *validator, const struct http_response *head, time_t now);
/* Whether the answer has this very one. */
bool validator_is_in(const struct validator *validator, const struct http_response *head);
/* Whether it has another one: false too where it has none. */
bool validator_differs(const struct validator *validator, const struct http_response *head);

bool validator_equal(const struct validator *a, const struct validator *b);

/* For keeping it: one of both is empty. False where neither is, or it is too long. */
bool validator_set(struct validator *validator, const char *etag, const char *modified);
const char *validator_etag(const struct validator *validator);
const char *validator_date(const struct validator *validator);

#endif
