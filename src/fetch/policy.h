/* SPDX-License-Identifier: MIT */
/*
 * What becomes of an exchange: its answer is used, or followed elsewhere; or it failed, and is
 * worth another try later, or never. Pure: tests/unit/test_policy.c is the table.
 */
#ifndef SLUICE_FETCH_POLICY_H
#define SLUICE_FETCH_POLICY_H

#include "http/message.h"

#include <time.h>

enum policy_kind { POLICY_USE, POLICY_FOLLOW, POLICY_AGAIN, POLICY_NEVER };

struct policy {
	enum policy_kind kind;
	uint64_t after_seconds; /* with AGAIN: what the server asks to wait; 0: it did not say */
};

/* Whether a refusal with this status is about this moment, and not about the request. */
bool policy_may_pass(unsigned status);
/* now: for a Retry-After that is a date. */
struct policy policy_of_answer(const struct http_response *head, time_t now);
struct policy policy_of_failure(int code); /* -errno */
/* Whether another connection may do better: what may pass, and what TLS or HTTP found broken. */
bool policy_is_connections(int code);
struct policy policy_of_lookup(int getaddrinfo_code); /* EAI_* */

#endif
