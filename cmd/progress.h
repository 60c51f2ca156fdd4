/* SPDX-License-Identifier: MIT */
/*
 * What a person sees while files come: on stderr, where that is a terminal that can move its
 * cursor, a line for each file and one for the whole. They are drawn over again, and cleared for
 * whatever else is said. What a line says is a pure function of the state and the columns.
 */
#ifndef SLUICE_CMD_PROGRESS_H
#define SLUICE_CMD_PROGRESS_H

#include "sluice.h"

enum { PROGRESS_LINES = 24, PROGRESS_LINE = 512 };

/* Bytes in a second, of the last few seconds. */
struct progress_rate {
	double seconds[2], bytes[2]; /* where the last two stretches began */
	double now;
};

struct progress_file {
	const char *name;
	uint64_t done_bytes, total_bytes; /* UINT64_MAX: not known */
	double rate;
	unsigned streams; /* 0: not known */
};

struct progress_whole {
	uint64_t complete, failed, files, done_bytes; /* files: 0: not known */
	double rate;
};

void progress_measure(struct progress_rate *rate, double seconds, uint64_t bytes);
/* The line, which takes fewer columns than there are; returns how many. */
unsigned progress_file_line(char line[PROGRESS_LINE], unsigned columns,
			    const struct progress_file *file);
unsigned progress_whole_line(char line[PROGRESS_LINE], unsigned columns,
			     const struct progress_whole *whole);
/* How many rows these lines take where the terminal has become so narrow. */
unsigned progress_rows(const unsigned *widths, unsigned count, unsigned columns);

struct progress {
	bool can_draw;
	double drawn; /* when, in seconds */
	unsigned count, widths[PROGRESS_LINES];
};

void progress_open(struct progress *progress);
/* Whether it is time to draw again. */
bool progress_is_due(const struct progress *progress);
/* At most PROGRESS_LINES - 1 files; whole may be NULL. */
void progress_draw(struct progress *progress, const struct progress_file *files, unsigned count,
		   const struct progress_whole *whole);
/* A line without a name, of what has moved since the start. */
void progress_show(struct progress *progress, const struct sluice_progress *state);
void progress_clear(struct progress *progress);

#endif
