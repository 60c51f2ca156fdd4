/* SPDX-License-Identifier: MIT */
/* What it means that a file cannot be written, and what to do about it. */
#ifndef SLUICE_LANDING_FAILURE_H
#define SLUICE_LANDING_FAILURE_H

#include "path/path.h"

/* Says it of the file of this name, and returns code. forced: the path that was asked for. */
int failure_of_write(int64_t code, const char *name, const struct path_recv *forced,
		     struct sluice_error *error);

#endif
