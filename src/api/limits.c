/* SPDX-License-Identifier: MIT */
#include "api/limits.h"

#include "base/container.h"

#include <errno.h>

enum { REPORT_MS = 100 }; /* how often progress is reported */

static uint64_t left_ms(const struct limits *limits)
{
	uint64_t silent = loop_now_ms(limits->loop) - limits->active_ms;

	return silent < limits->timeout_ms ? limits->timeout_ms - silent : 0;
}

static void set_tick(struct limits *limits)
{
	if (limits->progress)
		loop_timer_set(limits->loop, &limits->tick, REPORT_MS);
	else if (limits->timeout_ms > 0)
		loop_timer_set(limits->loop, &limits->tick, left_ms(limits));
}

static bool is_silent(struct limits *limits)
{
	if (limits->timeout_ms == 0)
		return false;
	if (limits->turn.is_set || !limits->waits_for_peer(limits))
		limits->active_ms = loop_now_ms(limits->loop);
	return left_ms(limits) == 0;
}

static void on_tick(struct loop_timer *timer)
{
	struct limits *limits = container_of(timer, struct limits, tick);

	limits->state.seconds = meter_seconds(limits->meter);
	if (limits->progress && !limits->progress(limits->argument, &limits->state))
		limits->code = -ECANCELED;
	else if (is_silent(limits))
		limits->code = -ETIMEDOUT;
	if (limits->code < 0)
		limits->again(limits);
	else
		set_tick(limits);
}

static void on_turn(struct loop_timer *timer)
{
	struct limits *limits = container_of(timer, struct limits, turn);

	limits->active_ms = loop_now_ms(limits->loop);
	limits->again(limits);
}

void limits_open(struct limits *limits, struct loop *loop,
		 const struct sluice_transfer_options *options, const struct meter *meter,
		 uint64_t total)
{
	limits->loop = loop;
	limits->turn.fire = on_turn;
	limits->tick.fire = on_tick;
	limits->pace.rate = options->bytes_per_second;
	limits->meter = meter;
	limits->progress = options->progress;
	limits->argument = options->argument;
	limits->state.total_bytes = total;
	limits->timeout_ms = (uint64_t)options->timeout_seconds * 1000;
	limits->active_ms = loop_now_ms(loop);
	set_tick(limits);
}

int limits_allow(struct limits *limits, uint64_t *bytes)
{
	uint64_t now = loop_now_ms(limits->loop), allowed = pace_allows(&limits->pace, now);

	if (limits->code < 0)
		return limits->code;
	*bytes = allowed == UINT64_MAX ? 0 : allowed;
	if (allowed > 0)
		return 0;
	if (!limits->turn.is_set)
		loop_timer_set(limits->loop, &limits->turn, pace_due_ms(&limits->pace) - now);
	return -EAGAIN;
}

void limits_moved(struct limits *limits, uint64_t bytes)
{
	limits->active_ms = loop_now_ms(limits->loop);
	limits->state.done_bytes += bytes;
	pace_moved(&limits->pace, bytes);
}

void limits_close(struct limits *limits)
{
	if (!limits->loop)
		return;
	loop_timer_cancel(limits->loop, &limits->turn);
	loop_timer_cancel(limits->loop, &limits->tick);
}
