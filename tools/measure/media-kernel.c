/* SPDX-License-Identifier: MIT */
/* What the kernel takes: for a system call, a thread switch, a page fault, and to read the clock.
 */
#include "base/error.h"
#include "base/size.h"
#include "base/thread.h"
#include "measure/media-private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FAULT_BYTES (32 * MIB)

struct kernel {
	int cpu;
	uint64_t available;
	uint64_t call_count, clock_count, switch_count;
};

static int call_kernel(void *argument, uint64_t count)
{
	(void)argument;
	for (uint64_t i = 0; i < count; i++)
		syscall(SYS_getppid);
	return 0;
}

static int read_clock(void *argument, uint64_t count)
{
	(void)argument;
	for (uint64_t i = 0; i < count; i++)
		clock_seconds();
	return 0;
}

static int run_call(void *state, const struct media_probe *probe, struct measure_media_row *row,
		    double *value, struct sluice_error *error)
{
	struct kernel *kernel = state;

	return media_time(&kernel->call_count, call_kernel, NULL, value);
}

static int run_clock(void *state, const struct media_probe *probe, struct measure_media_row *row,
		     double *value, struct sluice_error *error)
{
	struct kernel *kernel = state;

	return media_time(&kernel->clock_count, read_clock, NULL, value);
}

/* Two threads on one CPU; there[] is read by the other one, back[] by us. */
struct pair {
	pthread_t thread;
	int there[2], back[2];
	int cpu, status;
};

static int move_byte(int from, int to, bool is_first)
{
	char byte = 0;

	if (is_first && write(to, &byte, 1) != 1)
		return -errno;
	if (read(from, &byte, 1) != 1)
		return -EPIPE;
	if (!is_first && write(to, &byte, 1) != 1)
		return -errno;
	return 0;
}

static void *answer(void *argument)
{
	struct pair *pair = argument;

	pair->status = media_pin(pair->cpu);
	while (pair->status == 0 && move_byte(pair->there[0], pair->back[1], false) == 0)
		;
	close(pair->back[1]);
	return NULL;
}

static int ask(void *argument, uint64_t count)
{
	struct pair *pair = argument;
	int status = 0;

	for (uint64_t i = 0; i < count && status == 0; i++)
		status = move_byte(pair->back[0], pair->there[1], true);
	return status;
}

static int open_pair(struct pair *pair)
{
	int status;

	if (pipe2(pair->there, O_CLOEXEC) < 0)
		return -errno;
	status = pipe2(pair->back, O_CLOEXEC) < 0 ? -errno
						  : thread_start(&pair->thread, answer, pair);
	if (status == 0)
		return 0;
	close(pair->there[0]);
	close(pair->there[1]);
	return status;
}

static void close_pair(struct pair *pair)
{
	close(pair->there[1]);
	pthread_join(pair->thread, NULL);
	close(pair->there[0]);
	close(pair->back[0]);
}

static int run_switch(void *state, const struct media_probe *probe, struct measure_media_row *row,
		      double *value, struct sluice_error *error)
{
	struct kernel *kernel = state;
	struct pair pair = {.cpu = kernel->cpu};
	int status = open_pair(&pair);

	if (status < 0)
		return error_set_errno(error, -status, "two threads and two pipes");
	status = ask(&pair, 100);
	if (status == 0)
		status = media_time(&kernel->switch_count, ask, &pair, value);
	close_pair(&pair);
	if (pair.status < 0)
		return error_set_errno(error, -pair.status, "a thread cannot be kept on one CPU");
	if (status < 0)
		return error_set_errno(error, -status, "a byte through a pipe");
	*value /= 2;
	return 0;
}

/* Touches pages that no memory is behind yet, and adds how long that took. */
static int touch_new(double *seconds)
{
	long page = sysconf(_SC_PAGESIZE);
	volatile char *data =
		mmap(NULL, FAULT_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	double start;

	if (data == MAP_FAILED)
		return -errno;
	madvise((void *)data, FAULT_BYTES, MADV_NOHUGEPAGE);
	start = clock_seconds();
	for (size_t i = 0; i < FAULT_BYTES; i += (size_t)page)
		data[i] = 1;
	*seconds += clock_seconds() - start;
	munmap((void *)data, FAULT_BYTES);
	return 0;
}

static int run_fault(void *state, const struct media_probe *probe, struct measure_media_row *row,
		     double *value, struct sluice_error *error)
{
	struct kernel *kernel = state;
	uint64_t pages = 0;
	double seconds = 0;

	if (kernel->available < 4 * FAULT_BYTES)
		return error_set(error, ENOMEM, "too little memory is available");
	while (seconds < MEDIA_RUN_SECONDS) {
		int status = touch_new(&seconds);

		if (status < 0)
			return error_set_errno(error, -status, "memory to touch");
		pages += FAULT_BYTES / (uint64_t)sysconf(_SC_PAGESIZE);
	}
	*value = seconds / (double)pages;
	return 0;
}

static int open_kernel(const struct media_host *host, void **state, struct sluice_error *error)
{
	struct kernel *kernel = calloc(1, sizeof(*kernel));

	if (!kernel)
		return error_set_errno(error, ENOMEM, "memory");
	*kernel = (struct kernel){
		.cpu = host->cpu,
		.available = host->available,
		.call_count = 1000,
		.clock_count = 1000,
		.switch_count = 100,
	};
	*state = kernel;
	return 0;
}

static const struct media_probe probes[] = {
	{
		.name = "system_call",
		.group = "kernel",
		.label = "system call",
		.kind = MEASURE_MEDIA_COST,
		.run = run_call,
		.method = "getppid(2), which does next to nothing, by syscall(2)",
	},
	{
		.name = "thread_switch",
		.group = "kernel",
		.label = "thread switch",
		.kind = MEASURE_MEDIA_COST,
		.run = run_switch,
		.method = "half a round trip of a byte between two threads on one CPU, with the "
			  "write(2) and "
			  "the read(2) of a pipe that it takes",
	},
	{
		.name = "page_fault",
		.group = "kernel",
		.label = "page fault",
		.kind = MEASURE_MEDIA_COST,
		.run = run_fault,
		.method = "first store to a page of new memory, which the kernel finds and clears",
	},
	{
		.name = "clock_read",
		.group = "kernel",
		.label = "reading the clock",
		.kind = MEASURE_MEDIA_COST,
		.run = run_clock,
		.method = "clock_gettime(2); each run of the other rows takes two of them",
	},
};

const struct media_module media_kernel = {
	.name = "kernel",
	.is_pinned = true,
	.open = open_kernel,
	.close = free,
	.probes = probes,
	.count = sizeof(probes) / sizeof(*probes),
};
