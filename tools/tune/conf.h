/* SPDX-License-Identifier: MIT */
/* Advice as a file for sysctl.d(5). */
#ifndef SLUICE_TUNE_CONF_H
#define SLUICE_TUNE_CONF_H

#include "base/buffer.h"
#include "tune/advice.h"

/* The file's text: each value with its reason, and as comments what is right already. Pure. */
void tune_conf_text(struct buffer *out, const struct tune_advice *advice,
		    const struct tune_facts *facts, double wait_seconds);
/* Replaces the file when the new one is complete and on the disk. */
int tune_conf_write(const char *file, const struct tune_advice *advice,
		    const struct tune_facts *facts, double wait_seconds,
		    struct sluice_error *error);

#endif
