/* SPDX-License-Identifier: MIT */
/* The matrix for a person: a block for each state of the source and each baseline. */
#include "bar.h"
#include "base/size.h"
#include "base/text.h"
#include "bench.h"
#include "measure/claims.h"

#include <string.h>

enum { NAME = 24, FIGURES = 72 /* columns before the bar */ };

struct block {
	const struct measure_matrix *matrix;
	int baseline;
	double highest; /* rate */
};

static struct block block_of(const struct measure_matrix *matrix, int baseline)
{
	struct block block = {matrix, baseline, 0};

	for (unsigned i = 0; i < matrix->row_count; i++) {
		const struct measure_row *row = &matrix->rows[i];

		if (row->baseline == baseline && row->rate.median > block.highest)
			block.highest = row->rate.median;
	}
	return block;
}

static void print_ratio(FILE *out, double ratio)
{
	if (ratio > 0)
		fprintf(out, " %6.2f", ratio);
	else
		fputs("      -", out);
}

static void print_figures(FILE *out, const struct block *block, const struct measure_row *row)
{
	char range[32], bar[BAR_TEXT];

	snprintf(range, sizeof(range), "%.2f-%.2f", row->rate.min / 1e9, row->rate.max / 1e9);
	fprintf(out, " %6.2f%c %-11s", row->rate.median / 1e9, row->is_noisy ? '~' : ' ', range);
	print_ratio(out, row->rate_ratio);
	fprintf(out, "  %6.3f %6.3f", row->send_cpu.median, row->receive_cpu.median);
	print_ratio(out, row->cpu_ratio);
	bar_text(bar, row->rate.median / block->highest, bar_room(out, FIGURES));
	fprintf(out, "%s%s\n", *bar ? "  " : "", bar);
}

static void print_row(FILE *out, const struct block *block, const struct measure_row *row)
{
	char name[64];

	snprintf(name, sizeof(name), "%s -> %s", row->send, row->receive);
	fprintf(out, "%-*s", NAME, name);
	if (*row->skipped)
		fprintf(out, " left out: %s\n", row->skipped);
	else
		print_figures(out, block, row);
}

static void print_block(FILE *out, const struct block *block)
{
	const struct measure_matrix *matrix = block->matrix;

	fprintf(out, "\n%-*s   GB/s  min-max      ratio    send   recv  ratio\n", NAME,
		matrix->rows[block->baseline].is_cold ? "cold source" : "warm source");
	for (unsigned i = 0; i < matrix->row_count; i++)
		if (matrix->rows[i].baseline == block->baseline)
			print_row(out, block, &matrix->rows[i]);
}

static bool has_noise(const struct measure_matrix *matrix)
{
	for (unsigned i = 0; i < matrix->row_count; i++)
		if (matrix->rows[i].is_noisy)
			return true;
	return false;
}

static void print_claims(FILE *out, const struct measure_matrix *matrix)
{
	static const char *const words[] = {"not known", "yes", "no"};
	struct measure_claim claims[MEASURE_CLAIMS];

	measure_claims_judge(matrix, claims);
	putc('\n', out);
	for (int i = 0; i < MEASURE_CLAIMS; i++)
		fprintf(out, "%s? %s: %s.\n", claims[i].claim, words[claims[i].verdict],
			claims[i].text);
}

static const char *fact(const json_t *machine, const char *name, char text[256])
{
	const char *value = json_string_value(json_object_get(machine, name));

	return text_for_terminal(text, 256, value ? value : "unknown");
}

static void print_machine(FILE *out, const struct measure_matrix *matrix, const json_t *machine)
{
	char cpu[256], kernel[256], system[256], type[256], device[256], size[SIZE_TEXT];
	const char *congestion = measure_matrix_congestion(matrix);

	fprintf(out, "%s, %lld cores, %s, Linux %s; %s on %s\n", fact(machine, "cpu", cpu),
		(long long)json_integer_value(json_object_get(machine, "cores")),
		size_format(size,
			    (uint64_t)json_integer_value(json_object_get(machine, "memory_bytes"))),
		fact(machine, "kernel", kernel), fact(machine, "file_system", type),
		fact(machine, "device", device));
	fprintf(out,
		"%s from process to process over TCP on 127.0.0.1, congestion control %s (the "
		"system's: %s); medians of %u run%s\n",
		size_format(size, matrix->size), congestion ? congestion : "unknown",
		fact(machine, "congestion_control", system), matrix->runs,
		matrix->runs == 1 ? "" : "s");
}

void bench_print_table(FILE *out, const struct measure_matrix *matrix, const json_t *machine)
{
	print_machine(out, matrix, machine);
	for (unsigned i = 0; i < matrix->row_count; i++) {
		struct block block = block_of(matrix, (int)i);

		if (matrix->rows[i].baseline == (int)i)
			print_block(out, &block);
	}
	fputs("\nsend, recv: CPU seconds per GB on each end. Rows into a file are timed to the end "
	      "of fsync.\nratio: rate and CPU seconds relative to the first row of the block.\n",
	      out);
	if (has_noise(matrix))
		fputs("~: noisy: the runs differ by more than a tenth of their median.\n", out);
	print_claims(out, matrix);
}
