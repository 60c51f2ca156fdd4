/* SPDX-License-Identifier: MIT */
#include "tune/burst.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/size.h"
#include "base/sys.h"
#include "base/thread.h"
#include "tune/vmstat.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CHUNK     MIB
#define HOT_BYTES (64 * MIB)
#define RECORD    4096

#define FSYNC_EVERY  0.1
#define READ_EVERY   0.01
#define SAMPLE_EVERY 0.01
#define TOO_LONG     300.0 /* the burst is given up: it was planned for a part of a minute */

struct burst {
	const struct burst_files *files;
	struct burst_run *run;
	double start;
	atomic_bool is_over, has_failed;
	char *chunk;
};

/* The first failure of a thread is the run's. */
static void fail(struct burst *burst, int result, const char *what)
{
	if (result < 0 && !atomic_exchange(&burst->has_failed, true))
		error_set_errno(&burst->run->error, -result, "the experiment cannot %s", what);
	if (result < 0)
		atomic_store(&burst->is_over, true);
}

static int write_whole(int fd, const char *data, size_t length, uint64_t offset)
{
	while (length > 0) {
		int64_t written = sys_pwrite(fd, data, length, offset);

		if (written <= 0)
			return written < 0 ? (int)written : -EIO;
		data += written;
		length -= (size_t)written;
		offset += (uint64_t)written;
	}
	return 0;
}

static void add_latency(struct burst_latencies *latencies, double seconds)
{
	if (latencies->count < BURST_LATENCIES)
		latencies->seconds[latencies->count++] = seconds;
}

static void *append_and_sync(void *argument)
{
	struct burst *burst = argument;
	static const char record[RECORD] = {1};
	uint64_t offset = 0;

	while (!atomic_load(&burst->is_over)) {
		double start = clock_seconds();
		int result = write_whole(burst->files->log, record, RECORD, offset);

		if (result == 0)
			result = sys_fsync(burst->files->log);
		fail(burst, result, "append and fsync");
		add_latency(&burst->run->fsyncs, clock_seconds() - start);
		offset += RECORD;
		clock_sleep_until(start + FSYNC_EVERY);
	}
	return NULL;
}

static void *read_hot(void *argument)
{
	struct burst *burst = argument;
	_cleanup_free_ char *buffer = malloc(CHUNK);
	uint64_t offset = 0;

	fail(burst, buffer ? 0 : -ENOMEM, "read its file");
	while (buffer && !atomic_load(&burst->is_over)) {
		double start = clock_seconds();
		int64_t got = sys_pread(burst->files->hot, buffer, CHUNK, offset);

		fail(burst, got < 0 ? (int)got : 0, "read its file");
		add_latency(&burst->run->reads, clock_seconds() - start);
		offset = (offset + CHUNK) % HOT_BYTES;
		clock_sleep_until(start + READ_EVERY);
	}
	return NULL;
}

static void *sample(void *argument)
{
	struct burst *burst = argument;
	struct burst_run *run = burst->run;
	_cleanup_fd_ int fd = sys_open(AT_FDCWD, "/proc/vmstat", O_RDONLY, 0);
	struct tune_vmstat vmstat = {0}, first = {0};
	int result = fd < 0 ? fd : tune_vmstat_read(fd, &first);

	fail(burst, result, "read /proc/vmstat");
	run->background_bytes = first.background_threshold;
	run->dirty_bytes = first.dirty_threshold;
	while (result == 0 && run->sample_count < BURST_SAMPLES) {
		double now = clock_seconds();
		bool is_last = atomic_load(&burst->is_over);

		result = tune_vmstat_read(fd, &vmstat);
		fail(burst, result, "read /proc/vmstat");
		run->sample_seconds[run->sample_count] = now - burst->start;
		run->dirty[run->sample_count] = (double)(vmstat.dirty + vmstat.writeback);
		run->written[run->sample_count++] = (double)(vmstat.written - first.written);
		if (is_last)
			break;
		clock_sleep_until(now + SAMPLE_EVERY);
	}
	return NULL;
}

static void write_burst(struct burst *burst, uint64_t bytes)
{
	struct burst_run *run = burst->run;
	double last = burst->start;
	uint64_t offset = 0;
	int result = 0;

	while (offset < bytes && result == 0 && !atomic_load(&burst->is_over)) {
		size_t length = (size_t)size_min(CHUNK, bytes - offset);
		double now;

		result = write_whole(burst->files->burst, burst->chunk, length, offset);
		offset += length;
		now = clock_seconds();
		if (now - last > run->longest_write_seconds)
			run->longest_write_seconds = now - last;
		last = now;
		if (result == 0 && now - burst->start > TOO_LONG)
			result = -ETIME;
	}
	run->bytes = offset;
	run->filled_seconds = clock_seconds() - burst->start;
	if (result == 0)
		result = sys_fsync(burst->files->burst);
	run->synced_seconds = clock_seconds() - burst->start;
	fail(burst, result,
	     result == -ETIME ? "end: the disk takes minutes for it" : "write its burst");
}

static void run_threads(struct burst *burst, uint64_t bytes)
{
	void *(*const others[])(void *) = {sample, append_and_sync, read_hot};
	enum { OTHERS = 3 };
	pthread_t threads[OTHERS];
	int started = 0, result = 0;

	while (started < OTHERS && result == 0) {
		result = thread_start(&threads[started], others[started], burst);
		started += result == 0;
	}
	fail(burst, result, "start a thread");
	if (result == 0)
		write_burst(burst, bytes);
	atomic_store(&burst->is_over, true);
	while (started > 0)
		pthread_join(threads[--started], NULL);
}

void burst_make(const struct burst_files *files, uint64_t bytes, struct burst_run *run)
{
	struct burst burst = {.files = files, .run = run, .start = clock_seconds()};

	burst.chunk = malloc(CHUNK);
	if (!burst.chunk) {
		error_set(&run->error, ENOMEM, "no memory for the experiment");
		return;
	}
	memset(burst.chunk, 1, CHUNK);
	run_threads(&burst, bytes);
	free(burst.chunk);
}

int burst_unnamed_file(const char *directory, struct sluice_error *error)
{
	char name[4096];
	int fd = sys_open(AT_FDCWD, directory, O_RDWR | O_TMPFILE, 0600);

	if (fd >= 0)
		return fd;
	if (fd == -EOPNOTSUPP || fd == -EISDIR || fd == -EINVAL) {
		if (snprintf(name, sizeof(name), "%s/.sluice-tune-XXXXXX", directory) <
		    (int)sizeof(name)) {
			fd = mkostemp(name, O_CLOEXEC);
			if (fd >= 0)
				unlink(name);
			else
				fd = -errno;
		}
	}
	return fd >= 0 ? fd
		       : error_set_errno(error, -fd,
					 "cannot create a file to measure with in %s (--folder "
					 "chooses another directory)",
					 directory);
}

static int fill_file(int fd, uint64_t bytes, const char *chunk, void (*progress)(void *, double),
		     void *argument)
{
	int result = 0;

	for (uint64_t offset = 0; offset < bytes && result == 0; offset += CHUNK) {
		result = write_whole(fd, chunk, (size_t)size_min(CHUNK, bytes - offset), offset);
		if (progress && offset % (64 * CHUNK) == 0)
			progress(argument, (double)offset / (double)bytes);
	}
	return result < 0 ? result : sys_fsync(fd);
}

int burst_files_open(struct burst_files *files, const char *directory, uint64_t bytes,
		     void (*progress)(void *, double), void *argument, struct sluice_error *error)
{
	_cleanup_free_ char *chunk = calloc(1, CHUNK);
	int *const fds[] = {&files->burst, &files->hot, &files->log};
	int result = chunk ? 0 : -ENOMEM;

	*files = (struct burst_files){-1, -1, -1};
	for (int i = 0; i < 3 && result == 0; i++) {
		*fds[i] = burst_unnamed_file(directory, error);
		if (*fds[i] < 0) {
			result = *fds[i];
			burst_files_close(files);
			return result;
		}
	}
	if (result == 0) {
		memset(chunk, 1, CHUNK);
		result = fill_file(files->burst, bytes, chunk, progress, argument);
	}
	if (result == 0)
		result = fill_file(files->hot, HOT_BYTES, chunk, NULL, NULL);
	if (result < 0) {
		burst_files_close(files);
		return error_set_errno(error, -result, "cannot write the experiment's files in %s",
				       directory);
	}
	return 0;
}

void burst_files_close(struct burst_files *files)
{
	int *const fds[] = {&files->burst, &files->hot, &files->log};

	for (int i = 0; i < 3; i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
}
