/* SPDX-License-Identifier: MIT */
/*
 * A bill with room for its lists, which the public part points into. It moves by bill_copy alone:
 * assigned, its lists would be the other one's.
 */
#ifndef SLUICE_BASE_BILL_H
#define SLUICE_BASE_BILL_H

#include "base/sys.h"
#include "base/tally.h"

struct bill {
	struct sluice_bill public;
	struct sluice_path_bytes paths[TALLY_PATHS];
	struct sluice_call_count calls[CALL_COUNT + 1]; /* one for another end's unknown ones */
};

/* All zero, and what is not known so. */
void bill_init(struct bill *bill);
void bill_copy(struct bill *bill, const struct sluice_bill *from);
/* For sluice_bill_free; NULL without memory. */
struct bill *bill_new(void);

#endif
