/* SPDX-License-Identifier: MIT */
#include "base/bill.h"

#include "base/container.h"

#include <stdlib.h>
#include <string.h>

static void point(struct bill *bill)
{
	bill->public.paths = bill->paths;
	bill->public.system_calls_by_name = bill->calls;
}

void bill_init(struct bill *bill)
{
	*bill = (struct bill){.public.page_cache_before_bytes = -1,
			      .public.page_cache_after_bytes = -1};
	point(bill);
}

void bill_copy(struct bill *bill, const struct sluice_bill *from)
{
	bill->public = *from;
	if (from->path_count)
		memcpy(bill->paths, from->paths, from->path_count * sizeof(*bill->paths));
	if (from->system_call_count)
		memcpy(bill->calls, from->system_calls_by_name,
		       from->system_call_count * sizeof(*bill->calls));
	point(bill);
}

struct bill *bill_new(void)
{
	struct bill *bill = malloc(sizeof(*bill));

	if (bill)
		bill_init(bill);
	return bill;
}

struct sluice_bill *sluice_bill_copy(const struct sluice_bill *from)
{
	struct bill *bill = malloc(sizeof(*bill));

	if (!bill)
		return NULL;
	bill_copy(bill, from);
	return &bill->public;
}

void sluice_bill_free(struct sluice_bill *bill)
{
	if (bill)
		free(container_of(bill, struct bill, public));
}
