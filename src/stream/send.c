/* SPDX-License-Identifier: MIT */
/*
 * Invariants: offset <= limit <= ahead <= end. [offset, ahead) is planned for the open path; where
 * has_next, the window at `ahead` is planned for another one. The last TAIL bytes are not released
 * before the file was looked at once more, so that a changed file never gives a body that looks
 * whole.
 */
#include "stream/send.h"

#include "base/meter.h"
#include "base/size.h"

#include <errno.h>

enum {
	TAIL = 4096,
	READ_AHEAD = 16 << 20, /* how far the windows of an asynchronous path are planned ahead */
};

static void on_wake(struct path_send_job *job)
{
	struct stream_send *stream =
		(struct stream_send *)((char *)job - offsetof(struct stream_send, job));

	stream->wake(stream);
}

void stream_send_open(struct stream_send *stream, struct loop *loop, struct path_file *file,
		      int socket, uint64_t offset, uint64_t length)
{
	stream->job = (struct path_send_job){
		.loop = loop,
		.file = path_file_share(file),
		.socket = socket,
		.offset = offset,
		.limit = offset,
		.ahead = offset,
		.wake = on_wake,
	};
	stream->end = offset + length;
	stream->path = NULL;
	stream->segment_start = offset;
	stream->is_open = true;
	stream->has_next = false;
	stream->can_sendfile = true;
	stream->is_verified = length <= TAIL;
}

static uint64_t window_end(const struct stream_send *stream, uint64_t at)
{
	return size_min(size_round_down(at, PLAN_WINDOW) + PLAN_WINDOW, stream->end);
}

static int check_unchanged(const struct stream_send *stream)
{
	int changed = path_file_has_changed(stream->job.file);

	return changed > 0 ? -ESTALE : changed;
}

/* Decides on the window that begins at `at`. */
static struct plan_send choose(const struct stream_send *stream, uint64_t at)
{
	struct path_file *file = stream->job.file;
	struct plan_send_facts facts = {
		.forced = stream->forced,
		.file_size = file->status.stx_size,
		.can_direct = file->can_direct,
		.can_sendfile = stream->can_sendfile,
	};

	if (!stream->forced) {
		struct cache_residency residency =
			cache_residency(file->fd, at, window_end(stream, at) - at);

		facts.state = residency.state;
		facts.is_dirty = residency.is_dirty;
	}
	return plan_send(&facts);
}

static void end_segment(struct stream_send *stream)
{
	uint64_t start = stream->segment_start, offset = stream->job.offset;

	if (!stream->path)
		return;
	if (stream->explain && offset > start)
		buffer_printf(stream->explain, "bytes %llu-%llu by %s: %s\n",
			      (unsigned long long)start, (unsigned long long)offset - 1,
			      stream->path->name, stream->choice.reason);
	if (stream->path->close)
		stream->path->close(&stream->job);
	stream->path = NULL;
}

/* Opens the path for the window at the offset. */
static int begin_segment(struct stream_send *stream)
{
	struct path_send_job *job = &stream->job;
	int result = 0;

	stream->choice = stream->has_next ? stream->next : choose(stream, job->offset);
	stream->has_next = false;
	stream->segment_start = job->offset;
	job->limit = job->offset;
	job->ahead = window_end(stream, job->offset);
	if (stream->choice.path->open)
		result = stream->choice.path->open(job);
	if (result == 0)
		stream->path = stream->choice.path;
	return result;
}

/* Adds the windows that go by the same path, as far ahead as the path can make use of. */
static int look_ahead(struct stream_send *stream)
{
	struct path_send_job *job = &stream->job;
	uint64_t reach = stream->path->needs_direct ? READ_AHEAD : 1;

	while (!stream->has_next && job->ahead < stream->end && job->ahead - job->offset < reach) {
		int result = check_unchanged(stream);

		if (result < 0)
			return result;
		stream->next = choose(stream, job->ahead);
		if (stream->next.path == stream->path)
			job->ahead = window_end(stream, job->ahead);
		else
			stream->has_next = true;
	}
	return 0;
}

/* Sets how far may be sent: up to the tail until the file was seen to be unchanged. */
static int release(struct stream_send *stream)
{
	struct path_send_job *job = &stream->job;
	uint64_t tail = stream->end - size_min(TAIL, stream->end);

	job->limit = job->ahead;
	if (stream->is_verified || job->limit <= tail)
		return 0;
	if (job->offset >= tail) {
		stream->is_verified = true;
		return check_unchanged(stream);
	}
	job->limit = tail;
	return 0;
}

static int64_t attempt(struct stream_send *stream)
{
	int result = 0;

	if (stream->path)
		result = look_ahead(stream);
	if (result == 0 && stream->job.offset == stream->job.ahead)
		end_segment(stream); /* the next window goes by another path */
	if (result == 0 && !stream->path)
		result = begin_segment(stream);
	if (result == 0)
		result = release(stream);
	return result < 0 ? result : stream->path->step(&stream->job);
}

/* Remembers that the chosen path cannot work here. Whether another one may be tried. */
static bool give_up_path(struct stream_send *stream)
{
	if (stream->choice.path->needs_direct)
		stream->job.file->can_direct = false;
	else if (stream->choice.path == &path_send_sendfile)
		stream->can_sendfile = false;
	else
		return false;
	end_segment(stream);
	return !stream->forced;
}

int64_t stream_send_step(struct stream_send *stream)
{
	struct path_send_job *job = &stream->job;
	int64_t count;

	if (job->offset == stream->end)
		return 0;
	do
		count = attempt(stream);
	while (count == -EOPNOTSUPP && give_up_path(stream));
	if (count == 0)
		return -ENODATA;
	if (count > 0) {
		job->offset += (uint64_t)count;
		bill_add(stream->bill, stream->path->name, (uint64_t)count);
	}
	return count;
}

bool stream_send_waits_for_socket(const struct stream_send *stream)
{
	return stream->job.wait == PATH_WAIT_SOCKET;
}

const char *stream_send_path(const struct stream_send *stream)
{
	return stream->choice.path->name;
}

uint64_t stream_send_offset(const struct stream_send *stream)
{
	return stream->job.offset;
}

void stream_send_close(struct stream_send *stream)
{
	if (!stream->is_open)
		return;
	end_segment(stream);
	path_file_release(stream->job.file);
	stream->is_open = false;
}
