/* SPDX-License-Identifier: MIT */
/* A bar with rate and time left on stderr, where that is a terminal. */
#ifndef SLUICE_CMD_PROGRESS_H
#define SLUICE_CMD_PROGRESS_H

#include "sluice.h"

struct progress {
	bool is_terminal, is_shown;
};

void progress_open(struct progress *progress);
void progress_show(struct progress *progress, const struct sluice_progress *state);
void progress_clear(struct progress *progress);

#endif
