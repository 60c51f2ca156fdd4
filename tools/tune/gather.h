/* SPDX-License-Identifier: MIT */
/* The facts of this machine. */
#ifndef SLUICE_TUNE_GATHER_H
#define SLUICE_TUNE_GATHER_H

#include "tune/facts.h"

struct sluice_error;

/* All but the rate of the disk, which is that under `directory`. root is host_root_open's. */
int tune_gather(struct tune_facts *facts, int root, const char *directory,
		struct sluice_error *error);

/*
 * Measures how fast write-back reaches the disk under `directory`: dirties up to 512 MiB (never
 * more than a tenth of the free space or of the available memory) and times the sync. Some seconds.
 * Nothing is left behind.
 */
int tune_measure_disk(struct tune_facts *facts, const char *directory, struct sluice_error *error);

/* Bytes that may be written in this directory. */
int tune_free_space(const char *directory, uint64_t *bytes, struct sluice_error *error);

#endif
