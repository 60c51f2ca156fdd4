/* SPDX-License-Identifier: MIT */
/* The public receive: a landing with one range, driven by readiness and completions. */
#include "api/transfer.h"
#include "base/container.h"
#include "base/error.h"
#include "base/options.h"
#include "landing/landing.h"

#include <errno.h>
#include <stdlib.h>

enum { TURN_BYTES = 8 << 20 }; /* before others on the engine have a turn */

struct sluice_receive {
	struct transfer transfer;
	struct landing *landing;
	struct landing_range *range; /* NULL: all is received */
	bool has_ended;
};

/* Whoever keeps it open until later keeps no buffer. */
static void finish(struct sluice_receive *receive, int result)
{
	receive->has_ended = true;
	if (receive->transfer.explain)
		landing_explain(receive->landing, &receive->transfer.lines);
	landing_close(receive->landing);
	receive->landing = NULL;
	receive->range = NULL;
	transfer_finish(&receive->transfer, result, "receiving");
}

static void on_landed(void *owner, int result)
{
	finish(owner, result);
}

/* > 0: bytes came; 0: all did; -EAGAIN; -errno. */
static int64_t step(struct sluice_receive *receive)
{
	struct limits *limits = &receive->transfer.limits;
	uint64_t allowed;
	int64_t count = limits_allow(limits, &allowed);

	if (count < 0)
		return count;
	count = landing_range_step(receive->range, allowed);
	if (count > 0)
		limits_moved(limits, (uint64_t)count);
	return count;
}

static void drive(struct sluice_receive *receive)
{
	int64_t left = TURN_BYTES, count = 1;

	if (receive->has_ended)
		return;
	if (!receive->range) { /* it is being synced */
		if (receive->transfer.limits.code < 0)
			finish(receive, receive->transfer.limits.code);
		return;
	}
	while (count > 0 && left > 0) {
		count = step(receive);
		left -= count;
	}
	if (count == -EAGAIN)
		return;
	if (count > 0) {
		loop_task_queue(receive->transfer.loop, &receive->transfer.again);
	} else if (count == 0) {
		receive->range = NULL;
		landing_finish(receive->landing, UINT64_MAX, NULL);
	} else {
		finish(receive, (int)count);
	}
}

static void on_ready(struct loop_watch *watch, uint32_t events)
{
	drive(container_of(watch, struct sluice_receive, transfer.watch));
}

static void on_again(struct loop_task *task)
{
	drive(container_of(task, struct sluice_receive, transfer.again));
}

static bool waits_for_peer(struct limits *limits)
{
	struct sluice_receive *receive =
		container_of(limits, struct sluice_receive, transfer.limits);

	return receive->range && landing_range_waits_for_socket(receive->range);
}

static void on_wake(void *owner)
{
	struct sluice_receive *receive = owner;

	loop_task_queue(receive->transfer.loop, &receive->transfer.again);
}

static int open_range(struct sluice_receive *receive, uint64_t offset, uint64_t length,
		      const struct sluice_transfer_options *options, struct sluice_error *error)
{
	const char *name = transfer_path_name(options);
	struct transfer *transfer = &receive->transfer;
	struct landing_options landing = {
		.done = on_landed,
		.owner = receive,
		.tally = &transfer->tally,
		.keep_cached = options->keep_cached,
		.no_sync = options->no_sync,
		.explains = transfer->explain,
	};
	int result;

	if (name && !(landing.forced = path_recv_find(name)))
		return error_set(error, EINVAL, "no receive path '%s'", name);
	result = landing_open_file(&receive->landing, transfer->loop, transfer->file, offset,
				   length, &landing, error);
	return result < 0
		       ? result
		       : landing_range_open(&receive->range, receive->landing, &transfer->channel,
					    offset, length, on_wake, receive, error);
}

int sluice_receive_open(struct sluice_receive **out, struct sluice_engine *engine, int socket,
			int file, uint64_t offset, uint64_t length,
			const struct sluice_transfer_options *options, sluice_done_fn *done,
			void *argument, struct sluice_error *error)
{
	struct sluice_transfer_options ours;
	struct sluice_receive *receive;
	int result = OPTIONS_TAKE(&ours, options, "sluice_transfer_options", error);

	if (result < 0)
		return result;
	receive = calloc(1, sizeof(*receive));
	if (!receive)
		return error_set_errno(error, ENOMEM, "receive");
	receive->transfer.watch.ready = on_ready;
	receive->transfer.again.run = on_again;
	receive->transfer.limits.waits_for_peer = waits_for_peer;
	result = transfer_open(&receive->transfer, engine, socket, file, true, offset, length,
			       &ours, done, argument, error);
	if (result == 0)
		result = open_range(receive, offset, length, &ours, error);
	if (result < 0) {
		sluice_receive_close(receive);
		return result;
	}
	*out = receive;
	return 0;
}

void sluice_receive_close(struct sluice_receive *receive)
{
	if (!receive)
		return;
	landing_close(receive->landing);
	transfer_close(&receive->transfer);
	free(receive);
}

static int open_call(struct transfer_call *call, struct sluice_engine *engine, sluice_done_fn *done,
		     void *argument, struct sluice_error *error)
{
	struct sluice_receive *receive = NULL;
	int result = sluice_receive_open(&receive, engine, call->socket, call->file, call->offset,
					 call->length, call->options, done, argument, error);

	call->opened = receive;
	return result;
}

static void close_call(struct transfer_call *call)
{
	sluice_receive_close(call->opened);
}

int sluice_receive_file(int socket, int file, uint64_t offset, uint64_t length,
			const struct sluice_transfer_options *options, struct sluice_bill **bill,
			struct sluice_error *error)
{
	struct transfer_call call = {
		.open = open_call,
		.close = close_call,
		.socket = socket,
		.file = file,
		.offset = offset,
		.length = length,
		.options = options,
	};

	return transfer_run(&call, bill, error);
}
