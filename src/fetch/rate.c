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
	download_wake(container_of(timer, struct download, rate.timer));
}

void rate_open(struct download *download, struct pace *shared)
{
	struct rate *rate = &download->rate;

	rate->timer.fire = on_timer;
	rate->shared = shared;
	pace_begin(&rate->own, download->options.bytes_per_second, loop_now_ms(download->loop));
}

static int wait_until(struct download *download, uint64_t due_ms)
{
	loop_timer_set(download->loop, &download->rate.timer, due_ms - loop_now_ms(download->loop));
	return download_wait_job(download);
}

int rate_allow(struct download *download, uint64_t *most)
{
	struct rate *rate = &download->rate;
	uint64_t now = loop_now_ms(download->loop);

	*most = pace_allows(&rate->own, now);
	if (*most == 0)
		return wait_until(download, pace_due_ms(&rate->own));
	if (rate->shared)
		*most = size_min(*most, pace_allows(rate->shared, now));
	return *most > 0 ? 0 : wait_until(download, pace_due_ms(rate->shared));
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
	return rate->is_settling ? wait_until(download, rate->paid_ms) : 0;
}

void rate_close(struct download *download)
{
	if (download->loop)
		loop_timer_cancel(download->loop, &download->rate.timer);
}
