/* SPDX-License-Identifier: MIT */
/*
 * The validator that an answer has (RFC 9110 8.8): a strong entity tag; where there is none, the
 * date of the last change, if the answer was made at least 60 s later. A file can change twice
 * within the second that a date counts in, and clocks can be set: RFC 9110 8.8.2.2 wants a second
 * between the two where one clock made both, and enough for clocks to differ where that is not
 * known. A weak tag never is one: it says that two states are as good as each other. Pure.
 */
#ifndef SLUICE_FETCH_VALIDATOR_H
#define SLUICE_FETCH_VALIDATOR_H

#include "http/message.h"
#include "landing/validator.h"

#include <time.h>

/* What the answer has. now: when it came, which counts where it has no Date (RFC 9110 6.6.1). */
void validator_read(struct validator *validator, const struct http_response *head, time_t now);
/* Whether the answer has this very one. */
bool validator_is_in(const struct validator *validator, const struct http_response *head);
/* Whether it has another one: false too where it has none. */
bool validator_differs(const struct validator *validator, const struct http_response *head);

#endif
