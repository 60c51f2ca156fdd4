/* SPDX-License-Identifier: MIT */
/*
 * Options of callers that were compiled with another header than ours. Each struct of options
 * begins with its size; a member that is added goes to the end, and not into what was padding
 * there, which an older program need not have cleared.
 */
#ifndef SLUICE_BASE_OPTIONS_H
#define SLUICE_BASE_OPTIONS_H

#include "base/error.h"

/*
 * Fills `into`, which has `known` bytes, with what the caller set and 0. from may be NULL. 0;
 * -EINVAL where the size is none; -E2BIG where a member is set that is not known here.
 */
int options_take(void *into, size_t known, const void *from, const char *name,
		 struct sluice_error *error);

#define OPTIONS_TAKE(into, from, name, error)                                                      \
	options_take(into, sizeof(*(into)), 1 ? (from) : (into), name, error)

#endif
