/* SPDX-License-Identifier: MIT */
#include "fetch/download.h"

#include "base/container.h"
#include "base/error.h"

#include <errno.h>
#include <stdlib.h>

enum {
	LIMIT_SECONDS = 30,
	REPORT_MS = 100, /* how often progress is reported */
};

int64_t download_resident(const struct download *download, uint64_t length)
{
	struct cache_residency residency;

	if (length == 0)
		return 0;
	residency = cache_residency(landing_file(download->landing)->fd, 0, length);
	return residency.has_bytes ? (int64_t)residency.resident_bytes : -1;
}

uint64_t download_done(const struct download *download)
{
	const struct landing *landing = download->landing;

	if (!landing)
		return download->body.written_to_fd + download->small.filled;
	if (!download->output.keeps_nothing && !landing_is_begun(landing))
		return download->asking.resume;
	return landing_total(landing);
}

unsigned download_limit(const struct download *download)
{
	unsigned seconds = download->options.timeout_seconds;

	return seconds ? seconds : LIMIT_SECONDS;
}

int download_check_limit(struct download *download, uint64_t bytes)
{
	uint64_t most = download->options.max_bytes;

	if (most == 0 || bytes <= most)
		return 0;
	return error_set(&download->error, EFBIG, "the server has more than %llu bytes",
			 (unsigned long long)most);
}

bool download_wants_part(const struct download *download)
{
	return download->options.range_offset > 0 || download->options.range_length > 0;
}

void download_note(const struct download *download, const char *line)
{
	if (download->options.note)
		download->options.note(download->options.argument, line);
}

static void on_report(struct loop_timer *timer)
{
	struct download *download = container_of(timer, struct download, report);
	const struct sluice_progress progress = {
		.done_bytes = download_done(download),
		.resumed_bytes = download->asking.resume,
		.total_bytes = download->asking.expected,
		.seconds = meter_seconds(&download->meter),
		.streams = download->streams.count + download->streams.is_beside,
	};

	if (download->options.progress(download->options.argument, &progress)) {
		loop_timer_set(download->loop, timer, REPORT_MS);
	} else {
		download->is_cancelled = true;
		download_wake(download);
	}
}

static void on_task(struct loop_task *task)
{
	struct download *download = container_of(task, struct download, task);

	download->run(download);
}

void download_wake(struct download *download)
{
	if (!download->is_closed)
		loop_task_queue(download->loop, &download->task);
}

void download_report(struct download *download)
{
	if (download->options.progress)
		loop_timer_set(download->loop, &download->report, REPORT_MS);
}

void download_start(struct download *download)
{
	download->task.run = on_task;
	download->report.fire = on_report;
	download_report(download);
	download_wake(download);
}

static void destroy(struct download *download)
{
	landing_close(download->landing);
	path_file_release(download->body.file);
	download_close_output(download);
	sample_close(download);
	free(download->body.here);
	buffer_free(&download->bill.text);
	download_free_options(download);
	buffer_free(&download->fields);
	secure_close(download->exchange.secure);
	free(download->url);
	download->release(download);
}

void download_free(struct download *download)
{
	download->is_closed = true;
	if (download->loop) {
		loop_task_cancel(download->loop, &download->task);
		loop_timer_cancel(download->loop, &download->report);
		loop_timer_cancel(download->loop, &download->output.timer);
	}
	streams_close(download);
	body_close(download);
	checked_close(download);
	small_close(download);
	refusal_close(download);
	again_close(download);
	rate_close(download);
	mirrors_close(download);
	exchange_close(&download->exchange);
	if (download->jobs == 0)
		destroy(download);
}

static void on_done(struct loop_op *op, int64_t result)
{
	struct job *job = container_of(op, struct job, op);
	struct download *download = job->download;

	job->result = result;
	job->state = JOB_DONE;
	download->jobs--;
	if (!download->is_closed)
		download_wake(download);
	else if (download->jobs == 0)
		destroy(download);
}

struct loop_op *job_begin(struct download *download, struct job *job)
{
	job->download = download;
	job->op.done = on_done;
	job->state = JOB_BUSY;
	download->jobs++;
	return &job->op;
}

bool job_end(struct job *job, int64_t *result)
{
	if (job->state != JOB_DONE)
		return false;
	*result = job->result;
	job->state = JOB_IDLE;
	return true;
}

static int check(struct download *download)
{
	return download->is_cancelled ? error_set(&download->error, ECANCELED, "interrupted") : 0;
}

int download_wait(struct download *download, const char *what)
{
	int result = check(download);

	return result < 0 ? result : exchange_wait(&download->exchange, what);
}

int download_wait_exchange(struct download *download)
{
	int result = check(download);

	return result < 0 ? result : -EAGAIN;
}

/* A disk has no time limit: a large cache takes long to be written, and what fails says so. */
int download_wait_job(struct download *download)
{
	int result = check(download);

	exchange_mark_active(&download->exchange);
	return result < 0 ? result : -EAGAIN;
}
