/* SPDX-License-Identifier: MIT */
#include "api/transfer.h"

#include "base/container.h"
#include "base/error.h"
#include "base/sigpipe.h"
#include "base/size.h"
#include "base/sys.h"
#include "base/text.h"
#include "cache/residency.h"
#include "host/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>

const char *transfer_path_name(const struct sluice_transfer_options *options)
{
	const char *name = options->path;

	return name && strcmp(name, "auto") != 0 ? name : NULL;
}

static int64_t resident_bytes(const struct transfer *transfer)
{
	struct cache_residency residency;
	struct statx now;
	uint64_t offset, length;

	if (sys_statx(transfer->file->fd, STATX_SIZE, &now) < 0)
		return -1;
	offset = size_min(transfer->offset, now.stx_size);
	length = size_min(transfer->length, now.stx_size - offset);
	if (length == 0)
		return 0;
	residency = cache_residency(transfer->file->fd, offset, length);
	return residency.has_bytes ? (int64_t)residency.resident_bytes : -1;
}

static int set_congestion(int socket, const struct sluice_transfer_options *options,
			  struct sluice_error *error)
{
	const char *name = options->congestion;
	int result;

	if (!name || strcmp(name, "auto") == 0)
		return 0;
	result = host_socket_set_congestion(socket, name);
	return result < 0 ? error_set_errno(error, -result, "congestion control '%s'", name) : 0;
}

static void on_limit(struct limits *limits)
{
	struct transfer *transfer = container_of(limits, struct transfer, limits);

	loop_task_queue(transfer->loop, &transfer->again);
}

/* O_DIRECT needs a descriptor of its own, which would not care how the caller's was opened. */
static int check_access(int file, bool is_for_writing, struct sluice_error *error)
{
	int flags = sys_flags(file), access = flags & O_ACCMODE;

	if (flags < 0)
		return error_set_errno(error, -flags, "looking at the file");
	if (flags & O_PATH || access == (is_for_writing ? O_RDONLY : O_WRONLY))
		return error_as(error, SLUICE_ERROR_USAGE,
				error_set(error, EBADF, "the file is not open for %s",
					  is_for_writing ? "writing" : "reading"));
	/* pwrite(2) on such a descriptor ignores the offset. */
	if (is_for_writing && flags & O_APPEND)
		return error_set(error, EINVAL, "the file is open with O_APPEND");
	return 0;
}

/* A pipe that blocks would stop the engine. */
static int open_channel(struct transfer *transfer, int fd, struct sluice_error *error)
{
	bool is_local;
	int result;

	transfer->channel = channel_find(fd, &is_local);
	transfer->has_card = !is_local;
	result = loop_watch_add(transfer->loop, &transfer->watch, fd,
				EPOLLIN | EPOLLOUT | EPOLLRDHUP);
	if (result == -EPERM)
		return error_set(error, EINVAL,
				 "descriptor %d is a file, and nothing can wait for that: pass a "
				 "socket, a pipe or a terminal",
				 fd);
	if (result == -EEXIST)
		return error_set(error, EBUSY,
				 "descriptor %d is in another transfer on this engine: close that "
				 "first",
				 fd);
	if (result < 0)
		return error_set_errno(error, -result, "watching descriptor %d", fd);
	transfer->has_watch = true;
	if (transfer->channel.kind == &channel_pipe && !(sys_flags(fd) & O_NONBLOCK))
		return error_set(error, EINVAL, "descriptor %d blocks: set O_NONBLOCK first", fd);
	return 0;
}

int transfer_open(struct transfer *transfer, struct sluice_engine *engine, int socket, int file,
		  bool is_for_writing, uint64_t offset, uint64_t length,
		  const struct sluice_transfer_options *options, sluice_done_fn *done,
		  void *argument, struct sluice_error *error)
{
	int result = set_congestion(socket, options, error);

	if (result == 0)
		result = check_access(file, is_for_writing, error);
	if (result < 0)
		return result;
	transfer->loop = engine->loop;
	transfer->done = done;
	transfer->argument = argument;
	transfer->explain = options->explain;
	transfer->explain_argument = options->argument;
	transfer->offset = offset;
	transfer->length = length;
	result = path_file_open(&transfer->file, file, is_for_writing, false);
	if (result < 0)
		return error_set_errno(error, -result, "looking at the file");
	result = open_channel(transfer, socket, error);
	if (result < 0)
		return result;
	meter_start(&transfer->meter);
	bill_init(&transfer->bill);
	transfer->bill.public.page_cache_before_bytes = resident_bytes(transfer);
	transfer->limits.again = on_limit;
	limits_open(&transfer->limits, engine->loop, options, &transfer->meter, length);
	loop_task_queue(engine->loop, &transfer->again);
	return 0;
}

void transfer_explain(struct transfer *transfer)
{
	if (!transfer->explain || transfer->lines.length == 0)
		return;
	for (char *at = transfer->lines.data, *line; (line = text_next_line(&at));)
		transfer->explain(transfer->explain_argument, line);
	transfer->lines.length = 0;
}

static void say_why(const struct transfer *transfer, int result, const char *what,
		    struct sluice_error *error)
{
	unsigned long long bytes = transfer->tally.bytes;

	if (result == -ECANCELED)
		error_set(error, ECANCELED, "%s after %llu bytes: interrupted", what, bytes);
	else if (result < 0 && result == transfer->limits.code)
		error_set(error, ETIMEDOUT, "%s after %llu bytes: the peer was silent for %llu s",
			  what, bytes, (unsigned long long)transfer->limits.timeout_ms / 1000);
	else if (result == -EOPNOTSUPP)
		error_set(error, EOPNOTSUPP,
			  "%s after %llu bytes: the path that was named cannot work on this file "
			  "or descriptor; leave the choice to the plan",
			  what, bytes);
	else if (result < 0)
		error_set_errno(error, -result, "%s after %llu bytes", what, bytes);
}

void transfer_finish(struct transfer *transfer, int result, const char *what)
{
	struct sluice_error error = {0};

	say_why(transfer, result, what, &error);
	limits_close(&transfer->limits);
	transfer->length = transfer->tally.bytes;
	transfer->bill.public.page_cache_after_bytes = resident_bytes(transfer);
	meter_read(&transfer->meter, &transfer->bill);
	if (transfer->has_card)
		transfer->tally.device_moved_bytes += transfer->tally.bytes;
	tally_to_bill(&transfer->tally, &transfer->bill);
	loop_watch_remove(transfer->loop, &transfer->watch);
	transfer->has_watch = false;
	transfer_explain(transfer);
	transfer->done(transfer->argument, result, &transfer->bill.public, &error);
}

void transfer_close(struct transfer *transfer)
{
	limits_close(&transfer->limits);
	if (transfer->has_watch)
		loop_watch_remove(transfer->loop, &transfer->watch);
	if (transfer->loop)
		loop_task_cancel(transfer->loop, &transfer->again);
	path_file_release(transfer->file);
	buffer_free(&transfer->lines);
}

struct end {
	bool has_ended;
	int result;
	struct sluice_bill *bill;
	struct sluice_error error;
};

static void note_end(void *argument, int result, const struct sluice_bill *bill,
		     const struct sluice_error *error)
{
	*(struct end *)argument = (struct end){true, result, sluice_bill_copy(bill), *error};
}

static int run_on(struct sluice_engine *engine, struct transfer_call *call,
		  struct sluice_bill **bill, struct sluice_error *error)
{
	struct end end = {0};
	int result = call->open(call, engine, note_end, &end, error);

	if (result < 0)
		return result;
	while (result == 0 && !end.has_ended)
		result = loop_run(engine->loop, -1);
	if (result < 0)
		error_set_errno(&end.error, -result, "event loop");
	call->close(call);
	if (result == 0)
		result = end.result;
	if (bill)
		*bill = end.bill;
	else
		sluice_bill_free(end.bill);
	if (error && result < 0)
		*error = end.error;
	return result;
}

/* Makes a socket non-blocking. Returns its flags for `restore`, or -errno. */
static int unblock(int socket)
{
	int flags = sys_flags(socket);
	int result = flags < 0 ? flags : sys_flags_set(socket, flags | O_NONBLOCK);

	return result < 0 ? result : flags;
}

static void restore(int socket, int flags)
{
	if (!(flags & O_NONBLOCK))
		sys_flags_set(socket, flags);
}

int transfer_run(struct transfer_call *call, struct sluice_bill **bill, struct sluice_error *error)
{
	int flags = unblock(call->socket);
	struct sluice_engine *engine;
	int result;

	if (bill)
		*bill = NULL;
	if (flags < 0)
		return error_set_errno(error, -flags, "socket");
	result = sluice_engine_open(&engine, NULL, error);
	if (result == 0) {
		sigpipe_enter();
		result = run_on(engine, call, bill, error);
		sigpipe_leave();
		sluice_engine_close(engine);
	}
	restore(call->socket, flags);
	return result;
}
