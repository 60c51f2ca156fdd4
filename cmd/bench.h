/* SPDX-License-Identifier: MIT */
/* What bench prints, for people and as JSON. */
#ifndef SLUICE_CMD_BENCH_H
#define SLUICE_CMD_BENCH_H

#include "measure/matrix.h"

#include <jansson.h>

/* machine is of measure_facts_json. */
void bench_print_table(FILE *out, const struct measure_matrix *matrix, const json_t *machine);
/* The whole document; a new reference. */
json_t *bench_json(const struct measure_matrix *matrix);

#endif
