/* SPDX-License-Identifier: MIT */
#include "measure/claims.h"

#include <string.h>

/* NULL where there was nothing to compare with. */
struct pair {
	const struct measure_row *plain, *other;
};

static const struct measure_row *find(const struct measure_matrix *matrix, const char *send,
				      const char *receive, bool is_cold)
{
	for (unsigned i = 0; i < matrix->row_count; i++) {
		const struct measure_row *row = &matrix->rows[i];

		if (row->runs > 0 && strcmp(row->send, send) == 0 &&
		    strcmp(row->receive, receive) == 0 && row->is_cold == is_cold)
			return row;
	}
	return NULL;
}

/* The first row with that send path, and the one that only differs in having the plain one. */
static struct pair find_pair(const struct measure_matrix *matrix, const char *send)
{
	for (unsigned i = 0; i < matrix->row_count; i++) {
		const struct measure_row *row = &matrix->rows[i], *plain;

		if (row->runs == 0 || strcmp(row->send, send) != 0)
			continue;
		plain = find(matrix, MEASURE_PLAIN, row->receive, row->is_cold);
		if (plain)
			return (struct pair){plain, row};
	}
	return (struct pair){NULL, NULL};
}

static struct pair find_zero_copy(const struct measure_matrix *matrix)
{
	struct pair pair = find_pair(matrix, "sendfile");

	return pair.other ? pair : find_pair(matrix, "splice");
}

/* What sluice makes of it, both ends together. */
static struct pair find_auto(const struct measure_matrix *matrix)
{
	for (int is_cold = 0; is_cold < 2; is_cold++) {
		struct pair pair = {find(matrix, MEASURE_PLAIN, MEASURE_PLAIN, is_cold),
				    find(matrix, "auto", "auto", is_cold)};

		if (pair.plain && pair.other)
			return pair;
	}
	return (struct pair){NULL, NULL};
}

static double both(const struct measure_row *row, double (*figure)(const struct sluice_bill *))
{
	return figure(&row->typical->send.public) + figure(&row->typical->receive.public);
}

static void append(struct measure_claim *claim, const char *text)
{
	size_t used = strlen(claim->text);

	snprintf(claim->text + used, sizeof(claim->text) - used, "%s", text);
}

static void judge_at_most_half(struct measure_claim *claim, double plain, double other)
{
	claim->verdict = other <= plain / 2 ? MEASURE_TRUE : MEASURE_FALSE;
}

static void judge_copies(struct measure_claim *claim, struct pair pair, struct pair whole)
{
	double plain = measure_copies_per_byte(&pair.plain->typical->send.public);
	double other = measure_copies_per_byte(&pair.other->typical->send.public);
	char more[160];

	judge_at_most_half(claim, plain, other);
	snprintf(claim->text, sizeof(claim->text),
		 "the CPU of the sending end copies each byte %.2f times by %s and %.2f times by "
		 "%s (%s)",
		 other, pair.other->send, plain, MEASURE_PLAIN,
		 pair.other->is_cold ? "cold source" : "warm source");
	if (!whole.other)
		return;
	snprintf(more, sizeof(more), "; both ends together %.2f times with auto, %.2f with %s",
		 both(whole.other, measure_copies_per_byte),
		 both(whole.plain, measure_copies_per_byte), MEASURE_PLAIN);
	append(claim, more);
}

static void judge_switches(struct measure_claim *claim, struct pair pair, struct pair whole)
{
	double plain = measure_switches_per_gb(&pair.plain->typical->send.public);
	double other = measure_switches_per_gb(&pair.other->typical->send.public);
	char more[160];

	judge_at_most_half(claim, plain, other);
	snprintf(claim->text, sizeof(claim->text),
		 "the sending end switches between user and kernel mode %.0f times a GB by %s and "
		 "%.0f times by %s",
		 other, pair.other->send, plain, MEASURE_PLAIN);
	if (!whole.other)
		return;
	snprintf(more, sizeof(more), "; both ends together %.0f times with auto, %.0f with %s",
		 both(whole.other, measure_switches_per_gb),
		 both(whole.plain, measure_switches_per_gb), MEASURE_PLAIN);
	append(claim, more);
}

/* Where the runs of one lie on both sides, and are far apart, nobody knows. */
static void judge_twice(struct measure_claim *claim, const struct pair *pair)
{
	double low = pair->other->rate.min / pair->plain->rate.max;
	double high = pair->other->rate.max / pair->plain->rate.min;
	bool is_noisy = measure_spread_is_noisy(&pair->plain->rate) ||
			measure_spread_is_noisy(&pair->other->rate);

	if (is_noisy && low < 2 && high >= 2) {
		claim->verdict = MEASURE_UNKNOWN;
		append(claim, ", too noisy to tell");
		return;
	}
	claim->verdict = pair->other->rate.median >= 2 * pair->plain->rate.median ? MEASURE_TRUE
										  : MEASURE_FALSE;
}

static void judge_speed(struct measure_claim *claim, struct pair pair, struct pair whole)
{
	char more[160];

	snprintf(claim->text, sizeof(claim->text),
		 "%s moves %.2f GB/s and %s %.2f GB/s to %s, which is %.2f times as much",
		 pair.other->send, pair.other->rate.median / 1e9, MEASURE_PLAIN,
		 pair.plain->rate.median / 1e9, pair.other->receive,
		 pair.other->rate.median / pair.plain->rate.median);
	judge_twice(claim, &pair);
	if (!whole.other)
		return;
	snprintf(more, sizeof(more), "; from file to file auto moves %.2f times as much as %s",
		 whole.other->rate.median / whole.plain->rate.median, MEASURE_PLAIN);
	append(claim, more);
}

void measure_claims_judge(const struct measure_matrix *matrix,
			  struct measure_claim claims[MEASURE_CLAIMS])
{
	static const struct {
		const char *claim;
		void (*judge)(struct measure_claim *claim, struct pair pair, struct pair whole);
	} table[MEASURE_CLAIMS] = {
		{"half the copies", judge_copies},
		{"half the switches", judge_switches},
		{"twice the speed", judge_speed},
	};
	struct pair pair = find_zero_copy(matrix);

	for (int i = 0; i < MEASURE_CLAIMS; i++) {
		claims[i] = (struct measure_claim){.claim = table[i].claim};
		if (pair.other)
			table[i].judge(&claims[i], pair, find_auto(matrix));
		else
			append(&claims[i],
			       "nothing to compare: that takes a row of sendfile or splice, "
			       "and one of readwrite to the same receiver");
	}
}
