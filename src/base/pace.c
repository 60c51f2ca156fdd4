/* SPDX-License-Identifier: MIT */
#include "base/pace.h"

enum {
	SAVED_US = 100 * 1000, /* of the time in which nothing moved */
	LEAST_US = 20 * 1000,  /* what is worth a step, lest there are steps of a byte each */
};

void pace_begin(struct pace *pace, uint64_t rate, uint64_t now_ms)
{
	*pace = (struct pace){.rate = rate, .paid_us = now_ms * 1000};
}

uint64_t pace_allows(struct pace *pace, uint64_t now_ms)
{
	uint64_t now_us = now_ms * 1000, bytes;

	if (pace->rate == 0)
		return UINT64_MAX;
	if (pace->paid_us + SAVED_US < now_us)
		pace->paid_us = now_us - SAVED_US;
	if (now_us < pace->paid_us + LEAST_US)
		return 0;
	bytes = (uint64_t)((double)pace->rate * (double)(now_us - pace->paid_us) / 1e6);
	return bytes > 0 ? bytes : 1;
}

uint64_t pace_due_ms(const struct pace *pace)
{
	return (pace->paid_us + LEAST_US + 999) / 1000;
}

void pace_moved(struct pace *pace, uint64_t bytes)
{
	if (pace->rate > 0)
		pace->paid_us += (uint64_t)((double)bytes * 1e6 / (double)pace->rate);
}

uint64_t pace_paid_ms(const struct pace *pace)
{
	return (pace->paid_us + 999) / 1000;
}
