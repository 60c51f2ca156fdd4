/* SPDX-License-Identifier: MIT */
/* Time and threads, as all measurements use them. */
#include "measure/media-private.h"

/* How many make a run long enough, where count took that long; in steps, as first runs are slow. */
static uint64_t grown(uint64_t count, double took)
{
	double factor = took > 0 ? 1.2 * MEDIA_RUN_SECONDS / took : 32;

	return (uint64_t)((double)count * (factor < 32 ? factor : 32)) + 1;
}

int media_time(uint64_t *count, int (*repeat)(void *argument, uint64_t count), void *argument,
	       double *seconds)
{
	for (;;) {
		double start = clock_seconds(), took;
		int status = repeat(argument, *count);

		if (status < 0)
			return status;
		took = clock_seconds() - start;
		*seconds = took / (double)*count;
		if (took >= MEDIA_RUN_SECONDS)
			return 0;
		*count = grown(*count, took);
	}
}

int media_pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return -pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
}
