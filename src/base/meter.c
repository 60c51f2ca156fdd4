/* SPDX-License-Identifier: MIT */
#include "base/meter.h"

#include "base/clock.h"

#include <stdlib.h>
#include <string.h>

static double seconds_between(struct timeval from, struct timeval to)
{
	return (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_usec - from.tv_usec) / 1e6;
}

static void read_calls(int who, struct sys_counts *calls)
{
	if (who == RUSAGE_THREAD)
		sys_counts_read_own(calls);
	else
		sys_counts_read(calls);
}

static void start(struct meter *meter, int who)
{
	meter->who = who;
	meter->seconds = clock_seconds();
	getrusage(who, &meter->usage);
	read_calls(who, &meter->calls);
}

void meter_start(struct meter *meter)
{
	start(meter, RUSAGE_SELF);
}

void meter_start_thread(struct meter *meter)
{
	start(meter, RUSAGE_THREAD);
}

double meter_seconds(const struct meter *meter)
{
	return clock_seconds() - meter->seconds;
}

static int more_often_first(const void *a, const void *b)
{
	const struct sluice_call_count *one = a, *other = b;

	if (one->count == other->count)
		return strcmp(one->name, other->name);
	return one->count < other->count ? 1 : -1;
}

static void take_calls(struct bill *bill, const struct sys_counts *before,
		       const struct sys_counts *after)
{
	struct sluice_bill *public = &bill->public;

	public->system_calls = 0;
	public->system_call_count = 0;
	for (int i = 0; i < CALL_COUNT; i++) {
		uint64_t count = after->calls[i] - before->calls[i];

		public->system_calls += count;
		if (count > 0)
			bill->calls[public->system_call_count++] =
				(struct sluice_call_count){sys_call_name(i), count};
	}
	public->mode_switches = 2 * public->system_calls;
	qsort(bill->calls, public->system_call_count, sizeof(*bill->calls), more_often_first);
}

void meter_read(const struct meter *meter, struct bill *bill)
{
	struct sluice_bill *public = &bill->public;
	const struct rusage *before = &meter->usage;
	struct rusage after;
	struct sys_counts calls;

	public->seconds = meter_seconds(meter);
	read_calls(meter->who, &calls);
	getrusage(meter->who, &after);
	take_calls(bill, &meter->calls, &calls);
	public->cpu_user_seconds = seconds_between(before->ru_utime, after.ru_utime);
	public->cpu_system_seconds = seconds_between(before->ru_stime, after.ru_stime);
	public->context_switches_voluntary = (uint64_t)(after.ru_nvcsw - before->ru_nvcsw);
	public->context_switches_involuntary = (uint64_t)(after.ru_nivcsw - before->ru_nivcsw);
}
