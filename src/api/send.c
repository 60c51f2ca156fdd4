/* SPDX-License-Identifier: MIT */
/* The public send: a range_send driven by readiness and completions. */
#include "range/send.h"
#include "api/transfer.h"
#include "base/container.h"
#include "base/options.h"
#include "base/size.h"

#include <errno.h>
#include <stdlib.h>

enum { TURN_BYTES = 8 << 20 }; /* before others on the engine have a turn */

struct sluice_send {
	struct transfer transfer;
	struct range_send range;
	bool has_ended;
};

/* > 0: bytes went; 0: all did; -EAGAIN; -errno. */
static int64_t step(struct sluice_send *send)
{
	struct limits *limits = &send->transfer.limits;
	int64_t count = limits_allow(limits, &send->range.step_bytes);

	if (count < 0)
		return count;
	count = range_send_step(&send->range);
	if (count > 0)
		limits_moved(limits, (uint64_t)count);
	return count == 0 ? channel_flush(&send->transfer.channel) : count;
}

static void drive(struct sluice_send *send)
{
	int64_t left = TURN_BYTES, count = 1;

	while (!send->has_ended && count > 0 && left > 0) {
		count = step(send);
		left -= count;
	}
	transfer_explain(&send->transfer);
	if (send->has_ended || count == -EAGAIN)
		return;
	if (count > 0) {
		loop_task_queue(send->transfer.loop, &send->transfer.again);
		return;
	}
	send->has_ended = true;
	range_send_close(&send->range);
	transfer_finish(&send->transfer, (int)count, "sending");
}

static void on_ready(struct loop_watch *watch, uint32_t events)
{
	drive(container_of(watch, struct sluice_send, transfer.watch));
}

static void on_again(struct loop_task *task)
{
	drive(container_of(task, struct sluice_send, transfer.again));
}

static bool waits_for_peer(struct limits *limits)
{
	struct sluice_send *send = container_of(limits, struct sluice_send, transfer.limits);

	return range_send_waits_for_socket(&send->range);
}

static void on_wake(struct range_send *range)
{
	struct sluice_send *send = container_of(range, struct sluice_send, range);

	loop_task_queue(send->transfer.loop, &send->transfer.again);
}

static int check_range(const struct path_file *file, uint64_t offset, uint64_t length,
		       struct sluice_error *error)
{
	uint64_t end;

	if (!S_ISREG(file->status.stx_mode))
		return error_set(error, EINVAL, "only a regular file can be sent");
	if (!size_add(offset, length, &end) || end > file->status.stx_size)
		return error_set(error, EINVAL,
				 "%llu bytes from offset %llu exceed the file's %llu",
				 (unsigned long long)length, (unsigned long long)offset,
				 (unsigned long long)file->status.stx_size);
	return 0;
}

static int set_path(struct range_send *range, const struct sluice_transfer_options *options,
		    struct sluice_error *error)
{
	const char *name = transfer_path_name(options);

	if (name && !(range->forced = path_send_find(name)))
		return error_set(error, EINVAL, "no send path '%s'", name);
	return 0;
}

int sluice_send_open(struct sluice_send **out, struct sluice_engine *engine, int socket, int file,
		     uint64_t offset, uint64_t length,
		     const struct sluice_transfer_options *options, sluice_done_fn *done,
		     void *argument, struct sluice_error *error)
{
	struct sluice_transfer_options ours;
	struct sluice_send *send;
	int result = OPTIONS_TAKE(&ours, options, "sluice_transfer_options", error);

	if (result < 0)
		return result;
	send = calloc(1, sizeof(*send));
	if (!send)
		return error_set_errno(error, ENOMEM, "send");
	send->transfer.watch.ready = on_ready;
	send->transfer.again.run = on_again;
	send->transfer.limits.waits_for_peer = waits_for_peer;
	send->range.wake = on_wake;
	send->range.tally = &send->transfer.tally;
	send->range.explain = ours.explain ? &send->transfer.lines : NULL;
	result = set_path(&send->range, &ours, error);
	if (result == 0)
		result = transfer_open(&send->transfer, engine, socket, file, false, offset, length,
				       &ours, done, argument, error);
	if (result == 0)
		result = check_range(send->transfer.file, offset, length, error);
	if (result < 0) {
		sluice_send_close(send);
		return result;
	}
	range_send_open(&send->range, engine->loop, send->transfer.file, &send->transfer.channel,
			offset, length);
	*out = send;
	return 0;
}

void sluice_send_close(struct sluice_send *send)
{
	if (!send)
		return;
	range_send_close(&send->range);
	transfer_close(&send->transfer);
	free(send);
}

static int open_call(struct transfer_call *call, struct sluice_engine *engine, sluice_done_fn *done,
		     void *argument, struct sluice_error *error)
{
	struct sluice_send *send = NULL;
	int result = sluice_send_open(&send, engine, call->socket, call->file, call->offset,
				      call->length, call->options, done, argument, error);

	call->opened = send;
	return result;
}

static void close_call(struct transfer_call *call)
{
	sluice_send_close(call->opened);
}

int sluice_send_file(int socket, int file, uint64_t offset, uint64_t length,
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
