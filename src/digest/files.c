/* SPDX-License-Identifier: MIT */
/*
 * Each thread takes the next file. A small one it reads and hashes itself; for a large one it turns
 * a loop, which reads ahead of another thread that hashes (follow.c).
 */
#include "digest/files.h"

#include "base/cleanup.h"
#include "base/size.h"
#include "base/thread.h"
#include "cache/residency.h"
#include "digest/follow.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { THREADS_MAX = 256, BUFFER = 1 << 20, ALIGN = 4096 };

#define LARGE (4 * MIB)

struct crew {
	struct digest_job *jobs;
	size_t count, next;
	pthread_mutex_t lock;
	pthread_cond_t job_done;
};

struct worker {
	struct crew *crew;
	pthread_t thread;
	struct loop *loop; /* NULL: no large file came yet */
	char *buffer;
};

static void on_follow(void *owner)
{
}

static int follow_to_end(struct worker *worker, struct path_file *file, struct digest_job *job)
{
	const struct follow_options options = {.wake = on_follow};
	struct follow *follow;
	int result;

	result = follow_open(&follow, worker->loop, file, job->algorithm, 0, &options);
	if (result < 0)
		return result;
	follow_advance(follow, file->status.stx_size, true);
	do
		result = follow_result(follow, &job->digest);
	while (result == -EAGAIN && (result = loop_run(worker->loop, -1)) == 0);
	follow_close(follow);
	job->bytes = file->status.stx_size;
	return result == -ENODATA ? -ESTALE : result;
}

static int64_t read_again(int fd, char *buffer, uint64_t offset, bool has_offset)
{
	int64_t count;

	do
		count = has_offset ? sys_pread(fd, buffer, BUFFER, offset)
				   : sys_read(fd, buffer, BUFFER);
	while (count == -EINTR);
	return count;
}

/* To the end, wherever that is. align: where it is no multiple of that a read is the last one. */
static int hash_to_end(struct worker *worker, struct digest_job *job, int fd, bool has_offset,
		       uint32_t align)
{
	struct hash *hash;
	int64_t count = 1;
	int result = hash_open(&hash, job->algorithm);

	if (result < 0)
		return result;
	job->bytes = 0;
	while (count > 0 && job->bytes % align == 0) {
		count = read_again(fd, worker->buffer, job->bytes, has_offset);
		if (count > 0) {
			hash_add(hash, worker->buffer, (size_t)count);
			job->bytes += (uint64_t)count;
		}
	}
	result = count < 0 ? (int)count : hash_end(hash, &job->digest);
	hash_close(hash);
	return result;
}

static int hash_small(struct worker *worker, struct path_file *file, struct digest_job *job)
{
	uint64_t size = file->status.stx_size;
	enum cache_state state = cache_residency(file->fd, 0, size).state;
	int result = -EINVAL;

	if (state != CACHE_RESIDENT && path_file_need_direct(file) == 0)
		result = hash_to_end(worker, job, file->direct_fd, true, file->align);
	if (result != -EINVAL)
		return result;
	result = hash_to_end(worker, job, file->fd, true, 1);
	if (state == CACHE_COLD && file->has_disk)
		cache_drop(file->fd, 0, size);
	return result;
}

static int hash_file(struct worker *worker, int fd, struct digest_job *job)
{
	struct path_file *file;
	struct sluice_error error;
	int result = path_file_open(&file, fd, false, false);

	if (result < 0)
		return result;
	if (file->status.stx_size >= LARGE && !worker->loop)
		result = loop_open(&worker->loop, LOOP_AUTO, &error);
	if (result == 0 && S_ISDIR(file->status.stx_mode))
		result = -EISDIR;
	else if (result == 0 && (!S_ISREG(file->status.stx_mode) || file->status.stx_size == 0))
		result = hash_to_end(worker, job, fd, false, 1); /* /proc has files of no size */
	else if (result == 0 && file->status.stx_size < LARGE)
		result = hash_small(worker, file, job);
	else if (result == 0)
		result = follow_to_end(worker, file, job);
	path_file_release(file);
	return result;
}

static int do_job(struct worker *worker, struct digest_job *job)
{
	_cleanup_fd_ int fd = -1;

	if (strcmp(job->name, "-") == 0)
		return hash_to_end(worker, job, STDIN_FILENO, false, 1);
	fd = sys_open(AT_FDCWD, job->name, O_RDONLY | O_NOCTTY, 0);
	return fd < 0 ? fd : hash_file(worker, fd, job);
}

/* NULL: none is left. */
static struct digest_job *next_job(struct crew *crew)
{
	struct digest_job *job = NULL;

	pthread_mutex_lock(&crew->lock);
	if (crew->next < crew->count)
		job = &crew->jobs[crew->next++];
	pthread_mutex_unlock(&crew->lock);
	return job;
}

static void *run_worker(void *argument)
{
	struct worker *worker = argument;
	struct crew *crew = worker->crew;
	struct digest_job *job;

	while ((job = next_job(crew))) {
		int code = worker->buffer ? do_job(worker, job) : -ENOMEM;

		pthread_mutex_lock(&crew->lock);
		job->code = code;
		job->is_done = true;
		pthread_cond_signal(&crew->job_done);
		pthread_mutex_unlock(&crew->lock);
	}
	if (worker->loop)
		loop_close(worker->loop);
	free(worker->buffer);
	return NULL;
}

static int start_worker(struct worker *worker, struct crew *crew)
{
	worker->crew = crew;
	if (posix_memalign((void **)&worker->buffer, ALIGN, BUFFER))
		worker->buffer = NULL;
	return thread_start(&worker->thread, run_worker, worker);
}

static unsigned cores(void)
{
	cpu_set_t set;
	int count = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;

	return count > 0 ? (unsigned)count : 1;
}

static void hand_out(struct crew *crew, void (*done)(void *argument, struct digest_job *job),
		     void *argument)
{
	for (size_t i = 0; i < crew->count; i++) {
		pthread_mutex_lock(&crew->lock);
		while (!crew->jobs[i].is_done)
			pthread_cond_wait(&crew->job_done, &crew->lock);
		pthread_mutex_unlock(&crew->lock);
		done(argument, &crew->jobs[i]);
	}
}

int digest_files(struct digest_job *jobs, size_t count, unsigned threads,
		 void (*done)(void *argument, struct digest_job *job), void *argument)
{
	struct crew crew = {jobs, count, 0, PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER};
	struct worker workers[THREADS_MAX] = {0};
	unsigned wanted =
		(unsigned)size_min(size_min(threads ? threads : cores(), count), THREADS_MAX);
	unsigned started = 0;
	int result = 0;

	while (started < wanted && (result = start_worker(&workers[started], &crew)) == 0)
		started++;
	if (result < 0)
		free(workers[started].buffer);
	if (started > 0)
		hand_out(&crew, done, argument);
	for (unsigned i = 0; i < started; i++)
		pthread_join(workers[i].thread, NULL);
	return started > 0 || count == 0 ? 0 : result;
}
