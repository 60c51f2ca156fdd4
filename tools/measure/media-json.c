/* SPDX-License-Identifier: MIT */
/* The document of the measurement: stable names, null for what is not known. */
#include "base/text.h"
#include "measure/facts.h"
#include "measure/media.h"

static json_t *spread_json(const struct measure_media_row *row)
{
	if (row->skipped[0])
		return json_null();
	return json_pack("{s:f, s:f, s:f}", "median", row->value.median, "min", row->value.min,
			 "max", row->value.max);
}

static json_t *text_json(const char *text)
{
	char safe[4 * MEASURE_MEDIA_TEXT]; /* JSON is UTF-8, and a reason can name a file */

	return text[0] ? json_string(text_for_terminal(safe, sizeof(safe), text)) : json_null();
}

static json_t *row_json(const struct measure_media_row *row)
{
	static const char *const kinds[] = {"latency", "bandwidth", "cost"};

	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:b, s:o}", "name", row->name,
			 "group", row->group, "label", row->label, "kind", kinds[row->kind], "unit",
			 row->kind == MEASURE_MEDIA_BANDWIDTH ? "bytes_per_second" : "seconds",
			 "value", spread_json(row), "size_bytes",
			 row->size ? json_integer((json_int_t)row->size) : json_null(), "method",
			 text_json(row->method), "is_noisy", (int)row->is_noisy, "skipped",
			 text_json(row->skipped));
}

json_t *measure_media_json(const struct measure_media *media, const char *disk)
{
	json_t *rows = json_array();

	for (size_t i = 0; i < media->count; i++)
		json_array_append_new(rows, row_json(&media->rows[i]));
	return json_pack("{s:s, s:s, s:o, s:o}", "command", "media", "version", SLUICE_VERSION,
			 "machine", measure_facts_json(disk), "rows", rows);
}
