/* SPDX-License-Identifier: MIT */
/* A bill as a JSON object, for other programs and for sluice's own client. */
#ifndef SLUICE_BASE_BILL_JSON_H
#define SLUICE_BASE_BILL_JSON_H

#include "sluice.h"

#include <jansson.h>

double bill_rate(const struct sluice_bill *bill);       /* GB/s */
double bill_cpu_per_gb(const struct sluice_bill *bill); /* seconds */

/* NULL without memory. */
json_t *bill_to_json(const struct sluice_bill *bill);

#endif
