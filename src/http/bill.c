/* SPDX-License-Identifier: MIT */
#include "http/bill.h"

#include "base/bill-json.h"
#include "base/sys.h"
#include "path/path.h"

#include <errno.h>
#include <string.h>

static const char other[] = "other";

bool http_bill_is_preferred(struct http_text prefer)
{
	while (prefer.length) {
		struct http_text one = http_text_cut_until(&prefer, ',');

		one = http_text_cut_until(&one, ';');
		one = http_text_trim(http_text_cut_until(&one, '='));
		if (http_text_is_nocase(one, HTTP_BILL_PREFERENCE))
			return true;
		http_text_cut(&prefer, ",");
	}
	return false;
}

bool http_bill_is_path(struct http_text path)
{
	size_t directory = strlen(HTTP_BILL_DIRECTORY);

	if (path.length != directory + HTTP_BILL_DIGITS ||
	    memcmp(path.data, HTTP_BILL_DIRECTORY, directory) != 0)
		return false;
	for (size_t i = directory; i < path.length; i++)
		if (http_hex_digit(path.data[i]) < 0)
			return false;
	return true;
}

char *http_bill_format(const struct http_bill *bill)
{
	json_t *root = bill_to_json(&bill->bill.public);
	char *text = NULL;

	if (root && json_object_set_new(root, "is_alone", json_boolean(bill->is_alone)) == 0)
		text = json_dumps(root, JSON_COMPACT);
	json_decref(root);
	return text;
}

/* Reading */

static bool take_count(const json_t *root, const char *name, uint64_t *count)
{
	const json_t *value = json_object_get(root, name);

	if (!json_is_integer(value) || json_integer_value(value) < 0)
		return false;
	*count = (uint64_t)json_integer_value(value);
	return true;
}

/* null is -1 */
static bool take_bytes(const json_t *root, const char *name, int64_t *bytes)
{
	const json_t *value = json_object_get(root, name);

	*bytes = json_is_integer(value) ? json_integer_value(value) : -1;
	return json_is_null(value) || *bytes >= 0;
}

static bool take_seconds(const json_t *root, const char *name, double *seconds)
{
	const json_t *value = json_object_get(root, name);

	*seconds = json_number_value(value);
	return json_is_number(value) && *seconds >= 0;
}

static const char *known_path(const char *name)
{
	const struct path_send *path = path_send_find(name);

	if (path)
		return path->name;
	return strcmp(name, "memory") == 0 ? "memory" : other;
}

static bool take_paths(const json_t *root, struct bill *bill)
{
	const json_t *paths = json_object_get(root, "paths"), *path;
	struct tally tally = {0};
	size_t i;

	json_array_foreach(paths, i, path)
	{
		const char *name = json_string_value(json_object_get(path, "path"));
		uint64_t bytes;

		if (!name || !take_count(path, "bytes", &bytes))
			return false;
		tally_add(&tally, known_path(name), bytes);
	}
	bill->public.path_count = tally.path_count;
	memcpy(bill->paths, tally.paths, sizeof(bill->paths));
	return json_is_array(paths);
}

static const char *known_call(const char *name)
{
	for (int i = 0; i < CALL_COUNT; i++)
		if (strcmp(sys_call_name(i), name) == 0)
			return sys_call_name(i);
	return other;
}

static void add_call(struct bill *bill, const char *name, uint64_t count)
{
	unsigned *filled = &bill->public.system_call_count, i = 0;

	while (i < *filled && bill->calls[i].name != name)
		i++;
	if (i == *filled)
		bill->calls[(*filled)++] = (struct sluice_call_count){name, 0};
	bill->calls[i].count += count;
}

static bool take_calls(const json_t *root, struct bill *bill)
{
	json_t *calls = json_object_get(root, "system_calls_by_name"), *value;
	const char *name;

	json_object_foreach(calls, name, value)
	{
		uint64_t count;

		if (!take_count(calls, name, &count))
			return false;
		add_call(bill, known_call(name), count);
	}
	return json_is_object(calls);
}

static bool take_figures(const json_t *root, struct sluice_bill *bill)
{
	return take_count(root, "bytes", &bill->bytes) &&
	       take_seconds(root, "seconds", &bill->seconds) &&
	       take_seconds(root, "cpu_user_seconds", &bill->cpu_user_seconds) &&
	       take_seconds(root, "cpu_system_seconds", &bill->cpu_system_seconds) &&
	       take_count(root, "system_calls", &bill->system_calls) &&
	       take_count(root, "mode_switches", &bill->mode_switches) &&
	       take_count(root, "context_switches_voluntary", &bill->context_switches_voluntary) &&
	       take_count(root, "context_switches_involuntary",
			  &bill->context_switches_involuntary) &&
	       take_count(root, "zerocopy_sends", &bill->zerocopy_sends) &&
	       take_count(root, "zerocopy_copied", &bill->zerocopy_copied) &&
	       take_count(root, "cpu_copied_bytes", &bill->cpu_copied_bytes) &&
	       take_bytes(root, "device_moved_bytes", &bill->device_moved_bytes) &&
	       take_bytes(root, "page_cache_before_bytes", &bill->page_cache_before_bytes) &&
	       take_bytes(root, "page_cache_after_bytes", &bill->page_cache_after_bytes);
}

/* A server of an earlier version has none of these; the names are ours, and known already. */
static void take_ciphered(const json_t *root, struct sluice_bill *bill)
{
	if (!take_count(root, "cpu_ciphered_bytes", &bill->cpu_ciphered_bytes))
		bill->cpu_ciphered_bytes = 0;
}

int http_bill_parse(struct http_bill *bill, const char *text, size_t length)
{
	json_t *root = length <= HTTP_BILL_MAX ? json_loadb(text, length, 0, NULL) : NULL;
	const json_t *is_alone = json_object_get(root, "is_alone");
	bool is_good;

	bill_init(&bill->bill);
	bill->is_alone = json_is_true(is_alone);
	is_good = json_is_boolean(is_alone) && take_figures(root, &bill->bill.public) &&
		  take_paths(root, &bill->bill) && take_calls(root, &bill->bill);
	take_ciphered(root, &bill->bill.public);
	json_decref(root);
	return is_good ? 0 : -EPROTO;
}
