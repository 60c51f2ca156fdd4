/* SPDX-License-Identifier: MIT */
/*
 * What each place where bytes can be costs on this machine: caches, memory, page cache, disk,
 * loopback, and what the kernel takes for a system call, a thread switch and a page fault.
 *
 * Every figure is the median of several runs of at least MEDIA_RUN_SECONDS each; the runs of one
 * row are spread over the whole measurement, so that a machine which is not quiet shows as spread.
 * A row that cannot be measured says why. Nothing that is made on the way has a name for longer
 * than a moment, so nothing is left behind.
 */
#ifndef SLUICE_MEASURE_MEDIA_H
#define SLUICE_MEASURE_MEDIA_H

#include "measure/spread.h"
#include "sluice.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MEASURE_MEDIA_TEXT     512
#define MEASURE_MEDIA_ROWS     40
#define MEASURE_MEDIA_RUNS_MAX 100
#define MEASURE_MEDIA_SIZE_MIN ((uint64_t)16 << 20) /* of the file on the disk */

enum measure_media_kind { MEASURE_MEDIA_LATENCY, MEASURE_MEDIA_BANDWIDTH, MEASURE_MEDIA_COST };

struct measure_media_row {
	const char *name, *group, *label;
	enum measure_media_kind kind; /* bandwidth is in bytes per second, the others in seconds */
	struct measure_spread value;  /* only where nothing is in skipped */
	bool is_noisy;
	uint64_t size; /* of the working set, in bytes; 0 where there is none */
	char method[MEASURE_MEDIA_TEXT];
	char skipped[MEASURE_MEDIA_TEXT]; /* why there is no figure, or "" */
};

struct measure_media {
	struct measure_media_row rows[MEASURE_MEDIA_ROWS];
	size_t count;
};

struct measure_media_options {
	const char
		*disk; /* a directory to measure the file system of, or a block device, only read */
	uint64_t size; /* of the file there; 0: what fits well */
	unsigned runs;
	/* Called before each run; false ends the measurement. */
	bool (*go_on)(void *argument, const char *label, unsigned run);
	void *argument;
};

/* -ECANCELED where go_on said so; a row that could not be measured is no error. */
int measure_media_run(const struct measure_media_options *options, struct measure_media *media,
		      struct sluice_error *error);

/* The document that --json prints and the report shows; NULL without memory. */
json_t *measure_media_json(const struct measure_media *media, const char *disk);

#endif
