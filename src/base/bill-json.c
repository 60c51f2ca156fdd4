/* SPDX-License-Identifier: MIT */
#include "base/bill-json.h"

double bill_cpu_per_gb(const struct sluice_bill *bill)
{
	double cpu = bill->cpu_user_seconds + bill->cpu_system_seconds;

	return bill->bytes ? cpu / ((double)bill->bytes / 1e9) : 0;
}

double bill_rate(const struct sluice_bill *bill)
{
	return bill->seconds > 0 ? (double)bill->bytes / bill->seconds / 1e9 : 0;
}

static json_t *known(int64_t bytes)
{
	return bytes < 0 ? json_null() : json_integer(bytes);
}

static json_t *text(const char *text)
{
	return text ? json_string(text) : json_null();
}

static json_t *calls_json(const struct sluice_bill *bill)
{
	json_t *calls = json_object();

	for (unsigned i = 0; i < bill->system_call_count; i++)
		json_object_set_new(calls, bill->system_calls_by_name[i].name,
				    json_integer((json_int_t)bill->system_calls_by_name[i].count));
	return calls;
}

json_t *bill_to_json(const struct sluice_bill *bill)
{
	json_t *paths = json_array();

	for (unsigned i = 0; i < bill->path_count; i++)
		json_array_append_new(paths, json_pack("{s:s, s:I}", "path", bill->paths[i].path,
						       "bytes", (json_int_t)bill->paths[i].bytes));
	return json_pack(
		"{s:I, s:f, s:f, s:f, s:f, s:f, s:I, s:o, s:I, s:I, s:I, s:o, s:I, s:I, s:I, s:o, "
		"s:[s,s], s:o, s:o, s:I, s:o, s:o}",
		"bytes", (json_int_t)bill->bytes, "seconds", bill->seconds, "rate_gb_per_second",
		bill_rate(bill), "cpu_user_seconds", bill->cpu_user_seconds, "cpu_system_seconds",
		bill->cpu_system_seconds, "cpu_seconds_per_gb", bill_cpu_per_gb(bill),
		"system_calls", (json_int_t)bill->system_calls, "system_calls_by_name",
		calls_json(bill), "mode_switches", (json_int_t)bill->mode_switches,
		"context_switches_voluntary", (json_int_t)bill->context_switches_voluntary,
		"context_switches_involuntary", (json_int_t)bill->context_switches_involuntary,
		"paths", paths, "zerocopy_sends", (json_int_t)bill->zerocopy_sends,
		"zerocopy_copied", (json_int_t)bill->zerocopy_copied, "cpu_copied_bytes",
		(json_int_t)bill->cpu_copied_bytes, "device_moved_bytes",
		known(bill->device_moved_bytes), "by_construction", "cpu_copied_bytes",
		"device_moved_bytes", "page_cache_before_bytes",
		known(bill->page_cache_before_bytes), "page_cache_after_bytes",
		known(bill->page_cache_after_bytes), "cpu_ciphered_bytes",
		(json_int_t)bill->cpu_ciphered_bytes, "tls_version", text(bill->tls_version),
		"tls_suite", text(bill->tls_suite));
}
