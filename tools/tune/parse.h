/* SPDX-License-Identifier: MIT */
/* Facts about a machine as people write them. Pure. */
#ifndef SLUICE_TUNE_PARSE_H
#define SLUICE_TUNE_PARSE_H

#include "tune/facts.h"

struct sluice_error;

/* Each sets its facts, or says what it takes; 0 or -EINVAL. */
int tune_parse_cores(struct tune_facts *facts, const char *text, struct sluice_error *error);
int tune_parse_memory(struct tune_facts *facts, const char *text, struct sluice_error *error);
/* KIND[:RATE], bytes per second with decimal units: "nvme:6G" */
int tune_parse_disk(struct tune_facts *facts, const char *text, struct sluice_error *error);
/* RATE[:ROUND-TRIP], bits per second with decimal units: "100G:20ms" */
int tune_parse_network(struct tune_facts *facts, const char *text, struct sluice_error *error);
int tune_parse_swap(struct tune_facts *facts, const char *text, struct sluice_error *error);
/* "20ms", "0.1s", "200us", or a number of seconds */
int tune_parse_time(const char *text, double *seconds);

/* Whether these facts can be of one machine; -EINVAL and an error that says which cannot. */
int tune_facts_check(const struct tune_facts *facts, struct sluice_error *error);

#endif
