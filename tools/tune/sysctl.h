/* SPDX-License-Identifier: MIT */
/*
 * Values of the kernel, read and written by name. A value that was written is read back: the kernel
 * ignores some that it does not like.
 */
#ifndef SLUICE_TUNE_SYSCTL_H
#define SLUICE_TUNE_SYSCTL_H

#include "tune/values.h"

struct tune_system {
	int root; /* the directory that proc, sys and run are in: "/" but for tests */
	int lock; /* held over several calls, see tune_lock; else -1 */
	/* Writes one value; what tests put troubles and the kernel's own reactions into. */
	int (*write)(struct tune_system *system, const char *name, const char *value);
};

/* root is taken. */
void tune_system_init(struct tune_system *system, int root);
int tune_system_write(struct tune_system *system, const char *name, const char *value);

/* With single blanks between numbers. */
int tune_sysctl_read(struct tune_system *system, const char *name, char value[TUNE_VALUE],
		     struct sluice_error *error);
/* All that can be read; what cannot is "". device may be "". */
void tune_sysctl_read_all(struct tune_system *system, const char *device,
			  struct tune_values *values);
/* Whether a value could be written, without writing; else the error says what to do about it. */
int tune_sysctl_can_write(struct tune_system *system, const char *name, struct sluice_error *error);
int tune_sysctl_set(struct tune_system *system, const char *name, const char *value,
		    struct sluice_error *error);
/* Of a name and its twin, the one in force, and its value. */
int tune_sysctl_in_force(struct tune_system *system, const char *name, char its_name[TUNE_NAME],
			 char value[TUNE_VALUE], struct sluice_error *error);

#endif
