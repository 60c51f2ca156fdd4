/* SPDX-License-Identifier: MIT */
/* What client and server say to each other about a bill. */
#include "http/bill.h"

#include "http-text.h"

#include <errno.h>
#include <stdio.h>

static void preference(void **state)
{
	static const struct {
		const char *value;
		bool is_preferred;
	} rows[] = {
		{"sluice-bill", true},
		{"Sluice-Bill", true},
		{"respond-async, sluice-bill", true},
		{"a=b;c, sluice-bill; d=e , f", true},
		{" sluice-bill = 1", true},
		{"", false},
		{",", false},
		{"sluice-billing", false},
		{"a=sluice-bill", false},
		{"a; sluice-bill", false},
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		if (http_bill_is_preferred(http_text_of(rows[i].value)) != rows[i].is_preferred)
			fail_msg("\"%s\"", rows[i].value);
	assert_false(http_bill_is_preferred((struct http_text){0}));
}

static void path(void **state)
{
	static const char digits[] = "0123456789abcdef0123456789abcdef";
	char text[80];

	snprintf(text, sizeof(text), "%s%s", HTTP_BILL_DIRECTORY, digits);
	assert_true(http_bill_is_path(http_text_of(text)));
	assert_int_equal(strlen(text) + 1, HTTP_BILL_PATH);
	snprintf(text, sizeof(text), "%s%s0", HTTP_BILL_DIRECTORY, digits);
	assert_false(http_bill_is_path(http_text_of(text)));
	snprintf(text, sizeof(text), "%s%s", HTTP_BILL_DIRECTORY, digits + 1);
	assert_false(http_bill_is_path(http_text_of(text)));
	snprintf(text, sizeof(text), "%s../%s", HTTP_BILL_DIRECTORY, digits + 3);
	assert_false(http_bill_is_path(http_text_of(text)));
	assert_false(http_bill_is_path(http_text_of("http://elsewhere/")));
}

static const struct sluice_path_bytes paths[] = {{"sendfile", 1 << 19}, {"memory", 1 << 19}};
static const struct sluice_call_count calls[] = {{"sendfile", 9}, {"statx", 3}};

static const struct http_bill example = {
	.bill.public = {.bytes = 1 << 20,
			.seconds = 0.5,
			.cpu_user_seconds = 0.25,
			.cpu_system_seconds = 0.125,
			.system_calls = 12,
			.mode_switches = 24,
			.context_switches_voluntary = 3,
			.context_switches_involuntary = 4,
			.path_count = 2,
			.paths = paths,
			.zerocopy_sends = 5,
			.zerocopy_copied = 6,
			.cpu_copied_bytes = 7,
			.device_moved_bytes = -1,
			.page_cache_before_bytes = 8,
			.page_cache_after_bytes = -1,
			.system_call_count = 2,
			.system_calls_by_name = calls},
	.is_alone = true,
};

static void there_and_back(void **state)
{
	struct http_bill bill;
	char *text = http_bill_format(&example), *again;

	assert_int_equal(http_bill_parse(&bill, text, strlen(text)), 0);
	assert_true(bill.is_alone);
	assert_int_equal(bill.bill.public.device_moved_bytes, -1);
	assert_int_equal(bill.bill.public.page_cache_before_bytes, 8);
	assert_string_equal(bill.bill.public.paths[1].path, "memory");
	assert_string_equal(bill.bill.public.system_calls_by_name[0].name, "sendfile");
	assert_int_equal(bill.bill.public.system_calls_by_name[0].count, 9);
	again = http_bill_format(&bill);
	assert_string_equal(again, text);
	free(again);
	free(text);
}

/* Each member is needed, and of its kind. */
static void what_is_missing_or_wrong(void **state)
{
	static const char *const wrong[] = {"-1", "\"text\"", "[1]", "true"};
	char *text = http_bill_format(&example);
	struct http_bill bill;
	unsigned refused = 0;

	for (char *at = strchr(text, ':'); at; at = strchr(at + 1, ':')) {
		size_t value = strcspn(at + 1, ",}[{");

		for (size_t i = 0; i < COUNT(wrong) && value > 0; i++) {
			char *changed = malloc(strlen(text) + 16);

			sprintf(changed, "%.*s%s%s", (int)(at + 1 - text), text, wrong[i],
				at + 1 + value);
			refused += http_bill_parse(&bill, changed, strlen(changed)) == -EPROTO;
			free(changed);
		}
	}
	assert_true(refused > 60);
	for (size_t length = 0; length < strlen(text); length++)
		assert_int_equal(http_bill_parse(&bill, text, length), -EPROTO);
	free(text);
}

/* However many names come, and whichever, they fit. */
static void names_from_outside(void **state)
{
	struct http_bill bill;
	char *text = http_bill_format(&example), *call, *grown = malloc(HTTP_BILL_MAX);
	size_t used;

	call = strstr(text, "\"statx\"");
	used = (size_t)sprintf(grown, "%.*s", (int)(call - text), text);
	for (unsigned i = 0; i < 500; i++)
		used += (size_t)sprintf(grown + used, "\"name%u\":1,", i);
	sprintf(grown + used, "%s", call);
	assert_int_equal(http_bill_parse(&bill, grown, strlen(grown)), 0);
	assert_int_equal(bill.bill.public.system_call_count, 3);
	assert_string_equal(bill.bill.public.system_calls_by_name[1].name, "other");
	assert_int_equal(bill.bill.public.system_calls_by_name[1].count, 500);
	assert_int_equal(http_bill_parse(&bill, grown, HTTP_BILL_MAX + 1), -EPROTO);
	free(grown);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(preference),         cmocka_unit_test(path),
		cmocka_unit_test(there_and_back),     cmocka_unit_test(what_is_missing_or_wrong),
		cmocka_unit_test(names_from_outside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
