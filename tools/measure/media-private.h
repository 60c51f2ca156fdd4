/* SPDX-License-Identifier: MIT */
/*
 * What the files of the measurement share. A module measures one kind of thing: a table of probes,
 * and what they need between open and close. A probe's run gives one figure.
 */
#ifndef SLUICE_MEASURE_MEDIA_PRIVATE_H
#define SLUICE_MEASURE_MEDIA_PRIVATE_H

#include "base/clock.h"
#include "measure/material.h"
#include "measure/media.h"

#include <pthread.h>
#include <sched.h>

#define MEDIA_RUN_SECONDS 0.05

struct media_host {
	const struct measure_media_options *options;
	uint64_t available; /* memory that may be used, in bytes */
	cpu_set_t allowed;  /* CPUs, before any thread was pinned */
	int cpu;            /* the one that pinned modules run on */
	int other_cpu;      /* another one, or the same where there is none */
};

struct media_probe {
	const char *name, *group, *label;
	enum measure_media_kind kind;
	/* One run: seconds or bytes per second in *value, and how in row->method where that
	 * is not always the same; -errno with the reason in error, and then it is not asked again.
	 */
	int (*run)(void *state, const struct media_probe *probe, struct measure_media_row *row,
		   double *value, struct sluice_error *error);
	const char *method;
	int place, act; /* the module's own */
};

struct media_module {
	const char *name;
	bool is_pinned; /* the thread stays on one CPU */
	/* Where open fails, none of the rows can be measured, for the reason in error. */
	int (*open)(const struct media_host *host, void **state, struct sluice_error *error);
	void (*close)(void *state);
	const struct media_probe *probes;
	size_t count;
};

extern const struct media_module media_cpu, media_page_cache, media_disk, media_network,
	media_kernel;

/*
 * The seconds of one of what repeat(argument, n) does n times. *count is where it starts, and is
 * raised until a run takes MEDIA_RUN_SECONDS.
 */
int media_time(uint64_t *count, int (*repeat)(void *argument, uint64_t count), void *argument,
	       double *seconds);

/* Pins the calling thread to one CPU; -errno. */
int media_pin(int cpu);

/*
 * Pure: the size of a file to measure on where so much of the file system is free; wanted is 0
 * where that is ours to choose. 0 where it does not fit: a twentieth of the whole is left alone.
 */
uint64_t media_file_size(uint64_t wanted, uint64_t free, uint64_t total);

#endif
