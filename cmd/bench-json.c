/* SPDX-License-Identifier: MIT */
/* The matrix as the document that --json prints and the page draws. */
#include "base/bill-json.h"
#include "bench.h"
#include "measure/claims.h"
#include "measure/facts.h"

static json_t *spread(const struct measure_row *row, struct measure_spread value, double unit)
{
	if (row->runs == 0)
		return json_null();
	return json_pack("{s:f, s:f, s:f}", "median", value.median / unit, "min", value.min / unit,
			 "max", value.max / unit);
}

static json_t *known(double value)
{
	return value > 0 ? json_real(value) : json_null();
}

static json_t *bill(const struct measure_row *row, const struct sluice_bill *of)
{
	return row->runs ? bill_to_json(of) : json_null();
}

static json_t *both(const struct measure_row *row, double (*figure)(const struct sluice_bill *))
{
	if (row->runs == 0)
		return json_null();
	return json_pack("{s:f, s:f}", "send", figure(&row->typical->send.public), "receive",
			 figure(&row->typical->receive.public));
}

static json_t *row_json(const struct measure_matrix *matrix, const struct measure_row *row)
{
	const struct measure_row *baseline = &matrix->rows[row->baseline];
	json_t *json = json_pack(
		"{s:s, s:s, s:s, s:b, s:o, s:b}", "send", row->send, "receive", row->receive,
		"source", row->is_cold ? "cold" : "warm", "is_baseline", row == baseline, "skipped",
		*row->skipped ? json_string(row->skipped) : json_null(), "is_noisy", row->is_noisy);

	json_object_set_new(json, "baseline",
			    json_sprintf("%s -> %s", baseline->send, baseline->receive));
	json_object_set_new(json, "rate_gb_per_second", spread(row, row->rate, 1e9));
	json_object_set_new(json, "cpu_seconds_per_gb", spread(row, row->cpu, 1));
	json_object_set_new(json, "send_cpu_seconds_per_gb", spread(row, row->send_cpu, 1));
	json_object_set_new(json, "receive_cpu_seconds_per_gb", spread(row, row->receive_cpu, 1));
	json_object_set_new(json, "rate_ratio", known(row->rate_ratio));
	json_object_set_new(json, "cpu_ratio", known(row->cpu_ratio));
	json_object_set_new(json, "copies_per_byte", both(row, measure_copies_per_byte));
	json_object_set_new(json, "mode_switches_per_gb", both(row, measure_switches_per_gb));
	json_object_set_new(json, "send_bill",
			    bill(row, row->runs ? &row->typical->send.public : NULL));
	json_object_set_new(json, "receive_bill",
			    bill(row, row->runs ? &row->typical->receive.public : NULL));
	return json;
}

static json_t *claims_json(const struct measure_matrix *matrix)
{
	struct measure_claim claims[MEASURE_CLAIMS];
	json_t *json = json_array();

	measure_claims_judge(matrix, claims);
	for (int i = 0; i < MEASURE_CLAIMS; i++)
		json_array_append_new(
			json, json_pack("{s:s, s:o, s:s}", "claim", claims[i].claim, "holds",
					claims[i].verdict == MEASURE_UNKNOWN
						? json_null()
						: json_boolean(claims[i].verdict == MEASURE_TRUE),
					"text", claims[i].text));
	return json;
}

json_t *bench_json(const struct measure_matrix *matrix)
{
	const char *congestion = measure_matrix_congestion(matrix);
	json_t *rows = json_array();

	for (unsigned i = 0; i < matrix->row_count; i++)
		json_array_append_new(rows, row_json(matrix, &matrix->rows[i]));
	return json_pack("{s:s, s:s, s:o, s:s?, s:I, s:i, s:o, s:o}", "command", "bench", "version",
			 SLUICE_VERSION, "machine", measure_facts_json(matrix->directory),
			 "connection_congestion_control", congestion, "size_bytes",
			 (json_int_t)matrix->size, "runs", (int)matrix->runs, "rows", rows,
			 "claims", claims_json(matrix));
}
