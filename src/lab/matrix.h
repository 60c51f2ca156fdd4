/* SPDX-License-Identifier: MIT */
/*
 * Send paths x receive paths x the state of the source: a row is a combination, and is measured
 * several times, in rounds that go over all rows, so that what changes meanwhile (a disk, a
 * neighbour) changes for all of them.
 */
#ifndef SLUICE_LAB_MATRIX_H
#define SLUICE_LAB_MATRIX_H

#include "lab/material.h"
#include "lab/pair.h"
#include "lab/spread.h"

#include <stdio.h>

enum {
	LAB_PATHS_MAX = SLUICE_PATHS_MAX + 1, /* with "auto" */
	LAB_ROWS_MAX = 2 * LAB_PATHS_MAX * LAB_PATHS_MAX,
	LAB_RUNS_MAX = 100,
};

/* The plain way, which all others are compared with. */
#define LAB_PLAIN   "readwrite"
#define LAB_DISCARD "discard"

struct lab_row {
	const char *send, *receive; /* static names */
	bool is_cold;
	int baseline;      /* index of the row that it is compared with */
	char skipped[512]; /* why there are no figures; else "" */
	unsigned runs;     /* how many results there are */
	struct lab_pair_result *results;

	/* Filled by lab_row_sum, where there are runs. */
	struct lab_spread rate;                       /* bytes per second */
	struct lab_spread cpu, send_cpu, receive_cpu; /* seconds per GB */
	const struct lab_pair_result *typical;        /* the run of the median rate */
	double rate_ratio, cpu_ratio;                 /* to the baseline; 0: unknown */
	bool is_noisy;
};

/* What to measure: path names, each list ended by NULL; one that is empty was not asked for. */
struct lab_matrix_wish {
	const char *send[LAB_PATHS_MAX + 1], *receive[LAB_PATHS_MAX + 1];
	bool with_cold;
};

struct lab_matrix {
	const char *folder;
	uint64_t size;
	unsigned runs;
	/* Told before each measurement: which, of how many. */
	void (*progress)(void *argument, const struct lab_row *row, unsigned number,
			 unsigned count);
	void *argument;
	unsigned row_count;
	struct lab_row rows[LAB_ROWS_MAX];
};

/* Pure: fills the rows, baselines included, warm ones first. */
void lab_matrix_plan(struct lab_matrix *matrix, const struct lab_matrix_wish *wish);
bool lab_matrix_writes(const struct lab_matrix *matrix); /* some row receives into a file */
/* Of the connections that were measured; NULL where it is not told. */
const char *lab_matrix_congestion(const struct lab_matrix *matrix);
/* Pure: the row that is the turn's in this round; every other round goes backwards. */
unsigned lab_matrix_turn(const struct lab_matrix *matrix, unsigned round, unsigned turn);
/* Pure: medians, spreads and ratios from the results. */
void lab_matrix_sum(struct lab_matrix *matrix);
/* Pure: of one end, by the CPU; and two for each system call. */
double lab_copies_per_byte(const struct sluice_bill *bill);
double lab_switches_per_gb(const struct sluice_bill *bill);

/* Pure: most, or what of it, halved again and again, leaves no row out; at least 16 MiB. */
uint64_t lab_matrix_fitting(const struct lab_matrix *matrix, const struct lab_room *room,
			    uint64_t most);
/*
 * Whether there is room for it, and which rows memory leaves out, with the reason. 0; -ENOSPC or
 * -ENOMEM with what is needed, what is there and what to do.
 */
int lab_matrix_check(struct lab_matrix *matrix, const struct lab_room *room,
		     struct sluice_error *error);
/* Measures. A row that cannot run is skipped; -errno only where nothing could be measured. */
int lab_matrix_run(struct lab_matrix *matrix, struct sluice_error *error);
void lab_matrix_free(struct lab_matrix *matrix);

#endif
