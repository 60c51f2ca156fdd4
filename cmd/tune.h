/* SPDX-License-Identifier: MIT */
/* What sluice tune found out, for its two ways to say it. */
#ifndef SLUICE_CMD_TUNE_H
#define SLUICE_CMD_TUNE_H

#include "tune/prove.h"

struct tune_report {
	struct tune_facts facts;
	struct tune_advice advice;
	const char *directory;
	double wait_seconds;
	bool is_this_machine, is_applied, has_saved, has_proof;
	const char *written; /* the file of --write, or NULL */
	struct proof proof;
};

void tune_print(const struct tune_report *report);
struct json_t *tune_report_json(const struct tune_report *report);

void tune_print_revert(const struct tune_state *saved, const struct tune_state *found);
struct json_t *tune_revert_json(const struct tune_state *saved, const struct tune_state *found);

#endif
