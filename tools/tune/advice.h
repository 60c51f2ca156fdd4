/* SPDX-License-Identifier: MIT */
/*
 * The rules: facts and the values of now in, advice out. Pure; tests/unit/test_tune_advice.c is the
 * table of the machines they were made for.
 *
 * A value that does its work is left alone, so a machine that needs no change is advised none: each
 * rule has the range in which it says "right already".
 *
 * Both thresholds' ratios, both times of write-back and the swappiness always have their line, also
 * where a ratio's twin is better set and where the value does nothing.
 */
#ifndef SLUICE_TUNE_ADVICE_H
#define SLUICE_TUNE_ADVICE_H

#include "tune/facts.h"
#include "tune/values.h"

#define TUNE_WAIT_SECONDS 2.0

struct tune_line {
	char name[TUNE_NAME];         /* of the value advised, or of the one in force */
	char current_name[TUNE_NAME]; /* its twin's name, where that one is in force */
	char current[TUNE_VALUE];     /* "" unknown */
	char advised[TUNE_VALUE];     /* "" nothing can be said, for a reason */
	bool is_change;
	bool is_without_effect;   /* whatever the value, on a machine like this */
	char instead[TUNE_NAME];  /* the twin that is better set, at what `advised` is nearest to */
	double available_percent; /* what a threshold comes to; 0: the line is about none */
	char reason[448];
	const char *source;
};

#define TUNE_LINES 12

struct tune_advice {
	struct tune_line lines[TUNE_LINES];
	unsigned count;
	unsigned changes;
	/* The thresholds that the advice comes to, in bytes; 0 where they are not known. */
	uint64_t background_bytes, dirty_bytes;
};

/*
 * wait_seconds bounds how long an fsync or a throttled writer may wait for the disk. is_known says
 * whether current holds this machine's values; for another machine they are unknown, and every
 * value that can be told is advised.
 */
void tune_advise(struct tune_advice *advice, const struct tune_facts *facts,
		 const struct tune_values *current, bool is_known, double wait_seconds);

/* The threshold that a pair of twins comes to, in bytes; 0 where it is not known. */
uint64_t tune_threshold(const char *bytes, const char *ratio, uint64_t available_bytes);

#endif
