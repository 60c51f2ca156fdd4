/* SPDX-License-Identifier: MIT */
#include "fetch/download.h"

#include "base/error.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum {
	TIMEOUT_SECONDS = 30,
	REPORT_MS = 100, /* how often progress is reported */
};

/* Not the loop's clock, which stands still while a call blocks. */
static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

int64_t download_resident(const struct download *download, uint64_t length)
{
	struct cache_residency residency;

	if (length == 0)
		return 0;
	residency = cache_residency(download->target.file->fd, 0, length);
	return residency.has_bytes ? (int64_t)residency.resident_bytes : -1;
}

uint64_t download_done(const struct download *download)
{
	if (download->range)
		return range_recv_offset(download->range);
	return download->output_fd >= 0 ? download->written_to_fd : download->done;
}

int download_report(struct download *download)
{
	const struct sluice_get_options *options = download->options;
	struct sluice_progress progress = {download_done(download), download->resume,
					   download->expected, 0};
	uint64_t now = now_ms();

	if (!options->progress || now - download->reported_ms < REPORT_MS)
		return 0;
	progress.seconds = meter_seconds(&download->meter);
	download->reported_ms = now;
	return options->progress(options->argument, &progress)
		       ? 0
		       : error_set(download->error, ECANCELED, "interrupted");
}

static unsigned timeout_seconds(const struct download *download)
{
	unsigned limit = download->options->timeout_seconds ? download->options->timeout_seconds
							    : TIMEOUT_SECONDS;

	return download->patience_seconds && download->patience_seconds < limit
		       ? download->patience_seconds
		       : limit;
}

/* One turn of the loop. 0, or -errno with error when the download is to end. */
static int turn(struct download *download)
{
	int result = loop_run(download->loop, REPORT_MS);

	return result < 0 ? error_set_errno(download->error, -result, "event loop")
			  : download_report(download);
}

int download_wait_socket(struct download *download, const char *what)
{
	int result = 0;

	while (result == 0 && !download->client.is_ready) {
		result = turn(download);
		/* Looked at after the turn: this process itself may have been stopped for a while.
		 */
		if (result == 0 && !download->client.is_ready &&
		    now_ms() - download->active_ms >= (uint64_t)timeout_seconds(download) * 1000)
			result = error_set(download->error, ETIMEDOUT, "%s:%s: timed out %s (%u s)",
					   download->url.host, download->url.port, what,
					   timeout_seconds(download));
	}
	download->client.is_ready = false;
	return result;
}

void download_mark_active(struct download *download)
{
	download->active_ms = now_ms();
}

void download_wake(void *owner)
{
	struct download *download = owner;

	download->is_woken = true;
	download_mark_active(download);
}

/* A disk has no time limit: a large cache takes long to be written, and what fails says so. */
int download_wait_range(struct download *download)
{
	int result = 0;

	if (range_recv_waits_for_socket(download->range))
		return download_wait_socket(download, "waiting for data");
	while (result == 0 && !download->is_woken)
		result = turn(download);
	download->is_woken = false;
	download_mark_active(download);
	return result;
}
