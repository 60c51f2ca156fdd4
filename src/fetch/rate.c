/* SPDX-License-Identifier: MIT */
/*
 * How fast a download may be: by its own rate, and by that of its engine, which all downloads there
 * share. What has come is paid for in time before more comes, and before the whole counts as here:
 * so a rate holds over the call, however few bytes that has.
 */
#include "base/container.h"
#include "base/size.h"
#include "fetch/download.h"

#include <errno.h>

static void on_timer(struct loop_timer *timer)
{
	struct download *download = container_of(timer, struct download, rate.timer);

	download_wake(download);
	streams_wake(download);
}

void rate_open(struct download *download, struct pace *shared)
{
	struct rate *rate = &download->rate;

	rate->timer.fire = on_timer;
	rate->shared = shared;
	pace_begin(&rate->own, download->options.bytes_per_second, loop_now_ms(download->loop));
}

static void wake_at(struct download *download, uint64_t due_ms)
{
	loop_timer_set(download->loop, &download->rate.timer, due_ms - loop_now_ms(download->loop));
}

uint64_t rate_bytes(struct download *download)
{
	struct rate *rate = &download->rate;
	uint64_t now = loop_now_ms(download->loop), bytes = pace_allows(&rate->own, now);

	if (bytes == 0) {
		wake_at(download, pace_due_ms(&rate->own));
		return 0;
	}
	if (rate->shared)
		bytes = size_min(bytes, pace_allows(rate->shared, now));
	if (bytes == 0)
		wake_at(download, pace_due_ms(rate->shared));
	return bytes;
}

int rate_allow(struct download *download, uint64_t *most)
{
	*most = rate_bytes(download);
	return *most > 0 ? 0 : download_wait_job(download);
}

void rate_moved(struct download *download, uint64_t bytes)
{
	pace_moved(&download->rate.own, bytes);
	if (download->rate.shared)
		pace_moved(download->rate.shared, bytes);
}

int rate_settle(struct download *download)
{
	struct rate *rate = &download->rate;

	/* Others go on meanwhile: what they owe is theirs. */
	if (!rate->is_settling && rate->shared &&
	    pace_paid_ms(rate->shared) > pace_paid_ms(&rate->own))
		rate->paid_ms = pace_paid_ms(rate->shared);
	else if (!rate->is_settling)
		rate->paid_ms = pace_paid_ms(&rate->own);
	rate->is_settling = rate->paid_ms > loop_now_ms(download->loop);
	if (!rate->is_settling)
		return 0;
	wake_at(download, rate->paid_ms);
	return download_wait_job(download);
}

void rate_close(struct download *download)
{
	if (download->loop)
		loop_timer_cancel(download->loop, &download->rate.timer);
}
