/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as what a server says about its bill: the JSON, and the two field values. What is taken
 * is printed and taken again, and must then be the same.
 */
#include "fuzz.h"

#include "http/bill.h"

static void check_names(const struct sluice_bill *bill)
{
	CHECK(bill->path_count <= TALLY_PATHS);
	CHECK(bill->system_call_count <= CALL_COUNT + 1);
	for (unsigned i = 0; i < bill->path_count; i++)
		CHECK(bill->paths[i].path && *bill->paths[i].path);
	for (unsigned i = 0; i < bill->system_call_count; i++)
		CHECK(bill->system_calls_by_name[i].name && *bill->system_calls_by_name[i].name);
}

static void check_bill(const char *data, size_t length)
{
	struct http_bill bill, again;
	char *text, *second;

	if (http_bill_parse(&bill, data, length) < 0)
		return;
	check_names(&bill.bill.public);
	text = http_bill_format(&bill);
	if (!text) /* a sum beyond what JSON holds */
		return;
	if (http_bill_parse(&again, text, strlen(text)) == 0) {
		second = http_bill_format(&again);
		CHECK(second && strcmp(text, second) == 0);
		free(second);
	}
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = exact_copy((const char *)data, size);
	struct http_text text = {copy, size};

	check_bill(copy, size);
	http_bill_is_preferred(text);
	CHECK(!http_bill_is_path(text) || size == HTTP_BILL_PATH - 1);
	free(copy);
	return 0;
}
