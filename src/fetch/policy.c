/* SPDX-License-Identifier: MIT */
#include "fetch/policy.h"

#include "http/date.h"

#include <errno.h>
#include <netdb.h>

/* 501 and 505 are about what sluice asks, and stay so. */
bool policy_may_pass(unsigned status)
{
	return status == 408 || status == 425 || status == 429 ||
	       (status >= 500 && status <= 599 && status != 501 && status != 505);
}

/* 300 is one where the server has a preferred choice (RFC 9110 15.4.1). */
static bool is_redirect(const struct http_response *head)
{
	unsigned status = head->status;

	return status == 301 || status == 302 || status == 303 || status == 307 || status == 308 ||
	       (status == 300 && head->location.data);
}

/* Retry-After is a number of seconds or a date (RFC 9110 10.2.3). */
static uint64_t wait_seconds(struct http_text retry_after, time_t now)
{
	uint64_t seconds;
	time_t when;

	if (http_text_number(retry_after, &seconds))
		return seconds;
	if (retry_after.data && http_date_parse(retry_after, now, &when) && when > now)
		return (uint64_t)(when - now);
	return 0;
}

struct policy policy_of_answer(const struct http_response *head, time_t now)
{
	if (is_redirect(head))
		return (struct policy){.kind = POLICY_FOLLOW};
	if (policy_may_pass(head->status))
		return (struct policy){POLICY_AGAIN, wait_seconds(head->retry_after, now)};
	if (head->status >= 400)
		return (struct policy){.kind = POLICY_NEVER};
	return (struct policy){.kind = POLICY_USE};
}

struct policy policy_of_failure(int code)
{
	switch (-code) {
	case ECONNREFUSED:
	case ECONNRESET:
	case ECONNABORTED:
	case EPIPE:
	case ENODATA: /* the body ended early */
	case ETIMEDOUT:
	case EHOSTUNREACH:
	case EHOSTDOWN:
	case ENETUNREACH:
	case ENETDOWN:
	case ENETRESET:
	case EADDRNOTAVAIL: /* no port is free, or the address has gone */
		return (struct policy){.kind = POLICY_AGAIN};
	default:
		return (struct policy){.kind = POLICY_NEVER};
	}
}

bool policy_is_connections(int code)
{
	return code == -EPROTO || policy_of_failure(code).kind == POLICY_AGAIN;
}

struct policy policy_of_lookup(int getaddrinfo_code)
{
	return (struct policy){.kind = getaddrinfo_code == EAI_AGAIN ? POLICY_AGAIN : POLICY_NEVER};
}
