/* SPDX-License-Identifier: MIT */
/* The ranges of a landing, each a writer. What one that closes has written is the landing's. */
#include "landing/landing-private.h"

#include "base/error.h"

#include <errno.h>
#include <stdlib.h>

static void on_wake(void *owner)
{
	struct landing_range *range = owner;

	landing_digest_advance(range->landing);
	if (range->landing->wish != NONE)
		loop_task_queue(range->landing->loop, &range->landing->task);
	else
		range->wake(range->owner);
}

static bool on_lend(void *owner, uint64_t start, const struct path_lent *lent)
{
	const struct landing_range *range = owner;
	struct follow *follow = range->landing->follow;

	return follow && follow_lend(follow, start, lent);
}

int landing_range_open(struct landing_range **out, struct landing *landing, struct channel *channel,
		       uint64_t offset, uint64_t length, void (*wake)(void *owner), void *owner,
		       struct sluice_error *error)
{
	struct landing_range *range = calloc(1, sizeof(*range));
	const struct range_recv_options options = {
		.wake = on_wake,
		.owner = range,
		.lend = on_lend,
		.forced = landing->options.forced,
		.tally = landing->options.tally,
		.keep_cached = landing->options.keep_cached,
		.no_sync = landing->options.no_sync,
		.had_pages = landing->had_pages,
		.sparse = landing->options.sparse,
	};
	int result;

	if (!range)
		return error_set_errno(error, ENOMEM, "receive");
	*range = (struct landing_range){landing, NULL, offset, wake, owner, landing->ranges};
	result = range_recv_open(&range->writer, landing->loop, landing_file(landing), channel,
				 offset, length, &options, error);
	if (result < 0) {
		free(range);
		return result;
	}
	landing->ranges = *out = range;
	return 0;
}

/* Whether bytes can be taken now: 0, -EAGAIN or the failure so far. */
static int ready(const struct landing *landing)
{
	return landing->failed || landing->work != ALLOCATING ? landing->failed : -EAGAIN;
}

int64_t landing_range_step(struct landing_range *range, uint64_t most)
{
	int result = ready(range->landing);

	return result < 0 ? result : range_recv_step(range->writer, most);
}

int64_t landing_range_push(struct landing_range *range, const void *data, size_t length)
{
	int result = ready(range->landing);

	return result < 0 ? result : range_recv_push(range->writer, data, length);
}

/* What is being written is waited for, whatever failed. */
int landing_range_flush(struct landing_range *range)
{
	int result = range_recv_flush(range->writer), failed = ready(range->landing);

	return result < 0 || failed == 0 ? result : failed;
}

bool landing_range_waits_for_socket(const struct landing_range *range)
{
	return range->landing->work != ALLOCATING && range_recv_waits_for_socket(range->writer);
}

uint64_t landing_range_offset(const struct landing_range *range)
{
	return range_recv_offset(range->writer);
}

uint64_t landing_range_settled(const struct landing_range *range)
{
	return range_recv_settled(range->writer);
}

uint64_t landing_total(const struct landing *landing)
{
	struct intervals came = landing->settled;

	for (const struct landing_range *range = landing->ranges; range; range = range->next)
		intervals_add(&came, range->start, range_recv_offset(range->writer));
	return intervals_total(&came);
}

void landing_range_close(struct landing_range *range)
{
	struct landing_range **link;
	struct landing *landing;

	if (!range)
		return;
	landing = range->landing;
	for (link = &landing->ranges; *link != range; link = &(*link)->next)
		;
	*link = range->next;
	intervals_add(&landing->settled, range->start, range_recv_settled(range->writer));
	intervals_add(&landing->arrived, range->start, range_recv_offset(range->writer));
	if (landing->options.explains)
		range_recv_explain(range->writer, &landing->lines);
	range_recv_close(range->writer);
	free(range);
	landing_digest_advance(landing);
}

void landing_explain(const struct landing *landing, struct buffer *lines)
{
	if (landing->lines.length > 0)
		buffer_text(lines, landing->lines.data);
	for (const struct landing_range *range = landing->ranges; range; range = range->next)
		range_recv_explain(range->writer, lines);
}
