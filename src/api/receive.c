/* SPDX-License-Identifier: MIT */
/* The public receive: a range_recv driven by readiness and completions. */
#include "api/transfer.h"
#include "base/container.h"
#include "base/options.h"
#include "range/recv.h"

#include <errno.h>
#include <stdlib.h>

enum { TURN_BYTES = 8 << 20 }; /* before others on the engine have a turn */

struct sluice_receive {
	struct transfer transfer;
	struct range_recv *range;
	bool has_all, has_ended;
};

/* Whoever keeps it open until later keeps no buffer. */
static void finish(struct sluice_receive *receive, int result)
{
	receive->has_ended = true;
	if (receive->transfer.explain)
		range_recv_explain(receive->range, &receive->transfer.lines);
	range_recv_close(receive->range);
	receive->range = NULL;
	transfer_finish(&receive->transfer, result, "receiving");
}

/* > 0: bytes came; 0: all is received and on the disk; -EAGAIN; -errno. */
static int64_t step(struct sluice_receive *receive)
{
	int64_t count = receive->has_all ? 0 : range_recv_step(receive->range);

	if (count != 0)
		return count;
	receive->has_all = true;
	return range_recv_finish(receive->range);
}

static void drive(struct sluice_receive *receive)
{
	int64_t left = TURN_BYTES, count = 1;

	while (!receive->has_ended && count > 0 && left > 0) {
		count = step(receive);
		left -= count;
	}
	if (receive->has_ended || count == -EAGAIN)
		return;
	if (count > 0)
		loop_task_queue(receive->transfer.loop, &receive->transfer.again);
	else
		finish(receive, (int)count);
}

static void on_ready(struct loop_watch *watch, uint32_t events)
{
	drive(container_of(watch, struct sluice_receive, transfer.watch));
}

static void on_again(struct loop_task *task)
{
	drive(container_of(task, struct sluice_receive, transfer.again));
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
	struct range_recv_options range = {
		.wake = on_wake,
		.owner = receive,
		.tally = &receive->transfer.tally,
	};

	if (name && !(range.forced = path_recv_find(name)))
		return error_set(error, EINVAL, "no receive path '%s'", name);
	return range_recv_open(&receive->range, receive->transfer.loop, receive->transfer.file,
			       &receive->transfer.channel, offset, length, &range, error);
}

int sluice_receive_open(struct sluice_receive **out, struct sluice_engine *engine, int socket,
			int file, uint64_t offset, uint64_t length,
			const struct sluice_transfer_options *options, sluice_done *done,
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
	range_recv_close(receive->range);
	transfer_close(&receive->transfer);
	free(receive);
}

static int open_call(struct transfer_call *call, struct sluice_engine *engine, sluice_done *done,
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
