/* SPDX-License-Identifier: MIT */
/*
 * Send paths x receive paths x the state of the source: a row is a combination, and is measured
 * several times, in rounds that go over all rows, so that what changes meanwhile (a disk, a
 * neighbour) changes for all of them.
 */
#ifndef SLUICE_MEASURE_MATRIX_H
#define SLUICE_MEASURE_MATRIX_H

#include "measure/material.h"
#include "measure/pair.h"
#include "measure/spread.h"

#include <stdio.h>

enum {
	MEASURE_PATHS_MAX = TALLY_PATHS, /* with "auto" */
	MEASURE_ROWS_MAX = 2 * MEASURE_PATHS_MAX * MEASURE_PATHS_MAX,
	MEASURE_RUNS_MAX = 100,
};

/* The plain way, which all others are compared with. */
#define MEASURE_PLAIN   "readwrite"
#define MEASURE_DISCARD "discard"

struct measure_row {
	const char *send, *receive; /* static names */
	bool is_cold;
	int baseline;      /* index of the row that it is compared with */
	char skipped[512]; /* why there are no figures; else "" */
	unsigned runs;     /* how many results there are */
	struct measure_pair_result *results;

	/* Filled by measure_row_sum, where there are runs. */
	struct measure_spread rate;                       /* bytes per second */
	struct measure_spread cpu, send_cpu, receive_cpu; /* seconds per GB */
	const struct measure_pair_result *typical;        /* the run of the median rate */
	double rate_ratio, cpu_ratio;                     /* to the baseline; 0: unknown */
	bool is_noisy;
};

/* What to measure: path names, each list ended by NULL; one that is empty was not asked for. */
struct measure_matrix_wish {
	const char *send[MEASURE_PATHS_MAX + 1], *receive[MEASURE_PATHS_MAX + 1];
	bool with_cold;
};

struct measure_matrix {
	const char *directory;
	uint64_t size;
	unsigned runs;
	/* Told before each measurement: which, of how many. */
	void (*progress)(void *argument, const struct measure_row *row, unsigned number,
			 unsigned count);
	void *argument;
	unsigned row_count;
	struct measure_row rows[MEASURE_ROWS_MAX];
};

/* Pure: fills the rows, baselines included, warm ones first. */
void measure_matrix_plan(struct measure_matrix *matrix, const struct measure_matrix_wish *wish);
bool measure_matrix_writes(const struct measure_matrix *matrix); /* some row receives into a file */
/* Of the connections that were measured; NULL where it is not told. */
const char *measure_matrix_congestion(const struct measure_matrix *matrix);
/* Pure: the row that is the turn's in this round; every other round goes backwards. */
unsigned measure_matrix_turn(const struct measure_matrix *matrix, unsigned round, unsigned turn);
/* Pure: medians, spreads and ratios from the results. */
void measure_matrix_sum(struct measure_matrix *matrix);
/* Pure: of one end, by the CPU; and two for each system call. */
double measure_copies_per_byte(const struct sluice_bill *bill);
double measure_switches_per_gb(const struct sluice_bill *bill);

/* Pure: most, or what of it, halved again and again, leaves no row out; at least 16 MiB. */
uint64_t measure_matrix_fitting(const struct measure_matrix *matrix,
				const struct measure_room *room, uint64_t most);
/*
 * Whether there is room for it, and which rows memory leaves out, with the reason. 0; -ENOSPC or
 * -ENOMEM with what is needed, what is there and what to do.
 */
int measure_matrix_check(struct measure_matrix *matrix, const struct measure_room *room,
			 struct sluice_error *error);
/* Measures. A row that cannot run is skipped; -errno only where nothing could be measured. */
int measure_matrix_run(struct measure_matrix *matrix, struct sluice_error *error);
void measure_matrix_free(struct measure_matrix *matrix);

#endif
