/* SPDX-License-Identifier: MIT */
/* The pure part: which rows, in which order, and what their results come to. */
#include "measure/matrix.h"

#include "base/bill-json.h"

#include <string.h>

static bool is(const char *name, const char *other)
{
	return strcmp(name, other) == 0;
}

static int find_row(const struct measure_matrix *matrix, const char *send, const char *receive,
		    bool is_cold)
{
	for (unsigned i = 0; i < matrix->row_count; i++)
		if (is(matrix->rows[i].send, send) && is(matrix->rows[i].receive, receive) &&
		    matrix->rows[i].is_cold == is_cold)
			return (int)i;
	return -1;
}

static void add(struct measure_matrix *matrix, const char *send, const char *receive, bool is_cold)
{
	if (find_row(matrix, send, receive, is_cold) >= 0)
		return;
	matrix->rows[matrix->row_count++] =
		(struct measure_row){.send = send, .receive = receive, .is_cold = is_cold};
}

static const char *plain_receive(const char *receive)
{
	return is(receive, MEASURE_DISCARD) ? MEASURE_DISCARD : MEASURE_PLAIN;
}

/* The baseline of each row comes before it. */
static void add_with_baseline(struct measure_matrix *matrix, const char *send, const char *receive,
			      bool is_cold)
{
	add(matrix, MEASURE_PLAIN, plain_receive(receive), is_cold);
	add(matrix, send, receive, is_cold);
}

/* Each sending path alone, each receiving path behind sendfile, and what sluice itself would do. */
static void add_default(struct measure_matrix *matrix, bool is_cold)
{
	const char *name;

	for (unsigned i = 0; (name = sluice_send_path_name(i)); i++)
		add_with_baseline(matrix, name, MEASURE_DISCARD, is_cold);
	add_with_baseline(matrix, "auto", MEASURE_DISCARD, is_cold);
	for (unsigned i = 0; (name = sluice_receive_path_name(i)); i++)
		add_with_baseline(matrix, "sendfile", name, is_cold);
	add_with_baseline(matrix, "auto", "auto", is_cold);
}

static void add_product(struct measure_matrix *matrix, const struct measure_matrix_wish *wish,
			bool is_cold)
{
	static const char *const send[] = {"sendfile", NULL}, *const receive[] = {MEASURE_DISCARD,
										  NULL};
	const char *const *sends = *wish->send ? wish->send : send;
	const char *const *receives = *wish->receive ? wish->receive : receive;

	for (const char *const *to = receives; *to; to++)
		for (const char *const *from = sends; *from; from++)
			add_with_baseline(matrix, *from, *to, is_cold);
}

static void add_state(struct measure_matrix *matrix, const struct measure_matrix_wish *wish,
		      bool is_cold)
{
	if (*wish->send || *wish->receive)
		add_product(matrix, wish, is_cold);
	else
		add_default(matrix, is_cold);
}

void measure_matrix_plan(struct measure_matrix *matrix, const struct measure_matrix_wish *wish)
{
	matrix->row_count = 0;
	add_state(matrix, wish, false);
	if (wish->with_cold)
		add_state(matrix, wish, true);
	for (unsigned i = 0; i < matrix->row_count; i++) {
		struct measure_row *row = &matrix->rows[i];

		row->baseline =
			find_row(matrix, MEASURE_PLAIN, plain_receive(row->receive), row->is_cold);
	}
}

bool measure_matrix_writes(const struct measure_matrix *matrix)
{
	for (unsigned i = 0; i < matrix->row_count; i++)
		if (!is(matrix->rows[i].receive, MEASURE_DISCARD))
			return true;
	return false;
}

const char *measure_matrix_congestion(const struct measure_matrix *matrix)
{
	for (unsigned i = 0; i < matrix->row_count; i++)
		if (matrix->rows[i].runs > 0 && *matrix->rows[i].typical->congestion)
			return matrix->rows[i].typical->congestion;
	return NULL;
}

unsigned measure_matrix_turn(const struct measure_matrix *matrix, unsigned round, unsigned turn)
{
	return round % 2 == 0 ? turn : matrix->row_count - 1 - turn;
}

double measure_copies_per_byte(const struct sluice_bill *bill)
{
	return (double)bill->cpu_copied_bytes / (double)bill->bytes;
}

double measure_switches_per_gb(const struct sluice_bill *bill)
{
	return (double)bill->mode_switches / ((double)bill->bytes / 1e9);
}

static double rate_of(const struct measure_pair_result *result)
{
	return (double)result->receive.public.bytes / result->seconds;
}

/* The run whose rate is the median, or of two the lower one. */
static const struct measure_pair_result *typical(const struct measure_row *row)
{
	for (unsigned i = 0; i < row->runs; i++) {
		unsigned below = 0, equal = 0;

		for (unsigned j = 0; j < row->runs; j++) {
			below += rate_of(&row->results[j]) < rate_of(&row->results[i]);
			equal += rate_of(&row->results[j]) == rate_of(&row->results[i]);
		}
		if (below <= (row->runs - 1) / 2 && (row->runs - 1) / 2 < below + equal)
			return &row->results[i];
	}
	return row->results;
}

static void sum_row(struct measure_row *row)
{
	double rate[MEASURE_RUNS_MAX], send[MEASURE_RUNS_MAX], receive[MEASURE_RUNS_MAX],
		both[MEASURE_RUNS_MAX];

	for (unsigned i = 0; i < row->runs; i++) {
		rate[i] = rate_of(&row->results[i]);
		send[i] = bill_cpu_per_gb(&row->results[i].send.public);
		receive[i] = bill_cpu_per_gb(&row->results[i].receive.public);
		both[i] = send[i] + receive[i];
	}
	row->rate = measure_spread_of(rate, row->runs);
	row->send_cpu = measure_spread_of(send, row->runs);
	row->receive_cpu = measure_spread_of(receive, row->runs);
	row->cpu = measure_spread_of(both, row->runs);
	row->typical = typical(row);
	row->is_noisy = measure_spread_is_noisy(&row->rate) || measure_spread_is_noisy(&row->cpu);
}

void measure_matrix_sum(struct measure_matrix *matrix)
{
	for (unsigned i = 0; i < matrix->row_count; i++)
		if (matrix->rows[i].runs > 0)
			sum_row(&matrix->rows[i]);
	for (unsigned i = 0; i < matrix->row_count; i++) {
		struct measure_row *row = &matrix->rows[i];
		const struct measure_row *baseline = &matrix->rows[row->baseline];

		if (row->runs == 0 || baseline->runs == 0)
			continue;
		row->rate_ratio = row->rate.median / baseline->rate.median;
		if (baseline->cpu.median > 0)
			row->cpu_ratio = row->cpu.median / baseline->cpu.median;
	}
}
