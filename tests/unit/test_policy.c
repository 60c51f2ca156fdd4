/* SPDX-License-Identifier: MIT */
/* What is worth another try, and in which order the addresses of a host have theirs. */
#include "fetch/policy.h"
#include "fetch/race.h"

#include "http-text.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>

/* Thu, 01 Jan 2026 00:00:00 GMT */
#define NOW 1767225600

static const struct answer {
	unsigned status;
	const char *fields;
	enum policy_kind kind;
	uint64_t after_seconds;
} answers[] = {
	{200, "", POLICY_USE, 0},
	{206, "", POLICY_USE, 0},
	{304, "", POLICY_USE, 0},
	{301, "Location: /x\r\n", POLICY_FOLLOW, 0},
	{302, "", POLICY_FOLLOW, 0},
	{303, "", POLICY_FOLLOW, 0},
	{307, "", POLICY_FOLLOW, 0},
	{308, "", POLICY_FOLLOW, 0},
	{300, "Location: /x\r\n", POLICY_FOLLOW, 0},
	{300, "", POLICY_USE, 0},
	{400, "", POLICY_NEVER, 0},
	{401, "", POLICY_NEVER, 0},
	{403, "", POLICY_NEVER, 0},
	{404, "", POLICY_NEVER, 0},
	{410, "", POLICY_NEVER, 0},
	{416, "", POLICY_NEVER, 0},
	{451, "", POLICY_NEVER, 0},
	{404, "Retry-After: 5\r\n", POLICY_NEVER, 0},
	{408, "", POLICY_AGAIN, 0},
	{425, "", POLICY_AGAIN, 0},
	{429, "", POLICY_AGAIN, 0},
	{429, "Retry-After: 120\r\n", POLICY_AGAIN, 120},
	{500, "", POLICY_AGAIN, 0},
	{501, "", POLICY_NEVER, 0},
	{502, "", POLICY_AGAIN, 0},
	{503, "", POLICY_AGAIN, 0},
	{503, "Retry-After: 0\r\n", POLICY_AGAIN, 0},
	{503, "Retry-After: Thu, 01 Jan 2026 00:01:30 GMT\r\n", POLICY_AGAIN, 90},
	{503, "Retry-After: Wed, 31 Dec 2025 23:59:00 GMT\r\n", POLICY_AGAIN, 0},
	{503, "Retry-After: soon\r\n", POLICY_AGAIN, 0},
	{503, "Retry-After: -1\r\n", POLICY_AGAIN, 0},
	{504, "", POLICY_AGAIN, 0},
	{505, "", POLICY_NEVER, 0},
	{520, "", POLICY_AGAIN, 0},
	{999, "", POLICY_NEVER, 0},
};

static void test_answers(void **state)
{
	for (size_t i = 0; i < sizeof(answers) / sizeof(*answers); i++) {
		const struct answer *row = &answers[i];
		struct http_response head;
		struct policy policy;
		char text[256];
		size_t used;

		snprintf(text, sizeof(text), "HTTP/1.1 %u Words\r\n%sContent-Length: 0\r\n\r\n",
			 row->status, row->fields);
		assert_int_equal(http_response_parse(&head, text, strlen(text), &used, NULL), 0);
		policy = policy_of_answer(&head, NOW);
		if (policy.kind != row->kind || policy.after_seconds != row->after_seconds)
			fail_msg("%u %s: %d after %llu s", row->status, row->fields, policy.kind,
				 (unsigned long long)policy.after_seconds);
	}
}

static void test_failures(void **state)
{
	const int again[] = {ECONNREFUSED, ECONNRESET,  EPIPE,   ETIMEDOUT,
			     EHOSTUNREACH, ENETUNREACH, ENODATA, ECONNABORTED};
	const int never[] = {ENOSPC, EDQUOT, EACCES, EPROTO, ECANCELED,
			     ENOMEM, EIO,    ELOOP,  ENOENT, EKEYREJECTED};

	for (size_t i = 0; i < sizeof(again) / sizeof(*again); i++)
		assert_int_equal(policy_of_failure(-again[i]).kind, POLICY_AGAIN);
	for (size_t i = 0; i < sizeof(never) / sizeof(*never); i++)
		assert_int_equal(policy_of_failure(-never[i]).kind, POLICY_NEVER);
	assert_int_equal(policy_of_lookup(EAI_AGAIN).kind, POLICY_AGAIN);
	assert_int_equal(policy_of_lookup(EAI_NONAME).kind, POLICY_NEVER);
	assert_int_equal(policy_of_lookup(EAI_FAIL).kind, POLICY_NEVER);
}

/* Addresses as the system gives them, a letter each, of IPv6 (large) and IPv4 (small). */
static const struct {
	const char *given, *raced;
} orders[] = {
	{"", ""},           {"A", "A"},           {"a", "a"},         {"ABC", "ABC"},
	{"abc", "abc"},     {"Aa", "Aa"},         {"aA", "aA"},       {"ABab", "AaBb"},
	{"abAB", "aAbB"},   {"ABCa", "AaBC"},     {"aABC", "aABC"},   {"AaBb", "AaBb"},
	{"ABabC", "AaBbC"}, {"ABCDab", "AaBbCD"}, {"abcdA", "aAbcd"},
};

static void test_order(void **state)
{
	for (size_t i = 0; i < sizeof(orders) / sizeof(*orders); i++) {
		struct addrinfo addresses[8] = {0};
		const struct addrinfo *order[8];
		size_t count = strlen(orders[i].given);
		char raced[9] = "";

		for (size_t j = 0; j < count; j++) {
			char letter = orders[i].given[j];

			addresses[j].ai_family = letter < 'a' ? AF_INET6 : AF_INET;
			addresses[j].ai_flags = letter;
			order[j] = &addresses[j];
		}
		race_order(order, count);
		for (size_t j = 0; j < count; j++)
			raced[j] = (char)order[j]->ai_flags;
		assert_string_equal(raced, orders[i].raced);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_failures),
		cmocka_unit_test(test_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
