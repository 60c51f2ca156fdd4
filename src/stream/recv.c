/* SPDX-License-Identifier: MIT */
/*
 * Invariants: phases only go forward. In ALLOCATING and SYNCING one file operation is under way,
 * and the stream outlives its close until that has ended.
 */
#include "stream/recv.h"

#include "base/error.h"
#include "base/size.h"
#include "base/sys.h"

#include <errno.h>
#include <stdlib.h>

enum phase { ALLOCATING, MOVING, FLUSHING, SYNCING, FINISHED };

struct stream_recv {
	struct stream_recv_options options;
	struct path_recv_job job;
	struct plan_recv choice;
	struct path_file *file; /* NULL where nothing is kept */
	struct loop_op op;
	uint64_t start;
	enum phase phase;
	int failed;
	bool is_busy, is_closed, is_path_open;
	bool had_pages; /* of somebody else, in the range, before us */
};

static void destroy(struct stream_recv *stream)
{
	path_file_release(stream->file);
	free(stream);
}

static void on_wake(struct path_recv_job *job)
{
	struct stream_recv *stream =
		(struct stream_recv *)((char *)job - offsetof(struct stream_recv, job));

	stream->options.wake(stream->options.owner);
}

static void on_done(struct loop_op *op, int64_t result)
{
	struct stream_recv *stream =
		(struct stream_recv *)((char *)op - offsetof(struct stream_recv, op));

	stream->is_busy = false;
	if (stream->is_closed) {
		destroy(stream);
		return;
	}
	if (result < 0)
		stream->failed = (int)result;
	stream->phase++;
	stream->options.wake(stream->options.owner);
}

/* Allocated blocks let writes run side by side: a write that makes the file longer runs alone. */
static int64_t allocate(void *argument)
{
	struct stream_recv *stream = argument;
	int result = sys_fallocate(stream->file->fd, 0, stream->start,
				   stream->job.limit - stream->start);

	/* Only a lack of room is an error: other file systems just cannot preallocate. */
	return result == -ENOSPC || result == -EDQUOT || result == -EFBIG ? result : 0;
}

/*
 * A path that the user named is the plain one; what the plan falls back to fills nobody's memory
 * with dirty pages.
 */
static bool has_to_pace(const struct stream_recv *stream, const struct plan_recv_facts *facts)
{
	return !facts->forced && facts->length > PLAN_SMALL_RECV && !stream->options.no_sync;
}

static int open_choice(struct stream_recv *stream, const struct plan_recv_facts *facts)
{
	stream->choice = plan_recv(facts);
	stream->job.cpu_copies = stream->choice.path->cpu_copies;
	stream->job.paces = has_to_pace(stream, facts);
	stream->job.drops = stream->job.paces && !facts->keep_cached && !stream->had_pages;
	return stream->choice.path->open(&stream->job);
}

static int choose(struct stream_recv *stream, struct sluice_error *error)
{
	const struct path_recv *forced = stream->options.forced;
	struct path_file *file = stream->file;
	struct plan_recv_facts facts = {
		.forced = forced,
		.offset = stream->start,
		.length = stream->job.limit == UINT64_MAX ? UINT64_MAX
							  : stream->job.limit - stream->start,
		.can_direct = file && file->can_direct,
		.can_dontcache = file && !forced && path_file_need_dontcache(file) == 0,
		.align = file ? file->align : 0,
		.keep_cached = stream->options.keep_cached,
	};
	int result;

	result = open_choice(stream, &facts);
	if ((result == -EOPNOTSUPP || result == -EMFILE || result == -ENFILE) && !forced) {
		facts.can_direct = false;
		facts.lacks_descriptor = result != -EOPNOTSUPP;
		result = open_choice(stream, &facts);
	}
	if (result == -EOPNOTSUPP)
		return error_set(
			error, EOPNOTSUPP,
			"receive path %s cannot work on this file (%s); leave the choice to the "
			"plan",
			stream->choice.path->name,
			stream->choice.path == &path_recv_dontcache
				? "this kernel or file system has no RWF_DONTCACHE"
				: "no O_DIRECT here, or an offset that is not aligned");
	return result < 0 ? error_set_errno(error, -result, "receive path %s",
					    stream->choice.path->name)
			  : 0;
}

/* Whether anything from offset on is in the page cache; where nobody tells, it may be. */
static bool has_pages(const struct path_file *file, uint64_t offset)
{
	uint64_t size = file->status.stx_size;

	return offset < size &&
	       cache_residency(file->fd, offset, size - offset).state != CACHE_COLD;
}

int stream_recv_open(struct stream_recv **out, struct loop *loop, struct path_file *file,
		     int socket, uint64_t offset, uint64_t length,
		     const struct stream_recv_options *options, struct sluice_error *error)
{
	struct stream_recv *stream = calloc(1, sizeof(*stream));
	int result;

	if (!stream)
		return error_set_errno(error, ENOMEM, "receive");
	stream->options = *options;
	stream->file = file ? path_file_share(file) : NULL;
	stream->start = offset;
	stream->phase = MOVING;
	stream->op.done = on_done;
	stream->job = (struct path_recv_job){
		.loop = loop,
		.file = file,
		.socket = socket,
		.offset = offset,
		.limit = length,
		.may_fall_back = !options->forced,
		.wake = on_wake,
	};
	stream->had_pages = file && has_pages(file, offset);
	if (length != UINT64_MAX && !size_add(offset, length, &stream->job.limit))
		result = error_set_errno(error, EOVERFLOW, "receive: offset + length");
	else
		result = choose(stream, error);
	if (result < 0) {
		destroy(stream);
		return result;
	}
	stream->is_path_open = true;
	if (stream->choice.path->needs_file && length != UINT64_MAX && length > PLAN_SMALL_RECV) {
		stream->phase = ALLOCATING;
		stream->is_busy = true;
		loop_work(loop, &stream->op, allocate, stream);
	}
	*out = stream;
	return 0;
}

/* Whether the stream can take bytes now: 0, -EAGAIN or the failure so far. */
static int ready(struct stream_recv *stream)
{
	if (stream->failed)
		return stream->failed;
	if (stream->phase == ALLOCATING) {
		stream->job.wait = PATH_WAIT_COMPLETION;
		return -EAGAIN;
	}
	return 0;
}

/* What was under way when the path fell back went another way than it was tallied. */
static void correct_tally(struct stream_recv *stream)
{
	const struct path_recv *was = stream->choice.path, *is = &path_recv_readwrite;
	struct tally *tally = stream->options.tally;
	uint64_t bytes = stream->job.refused_bytes;

	if (bytes > 0)
		tally_move(tally, was->name, is->name, bytes);
	tally->cpu_copied_bytes += bytes * is->cpu_copies - bytes * was->cpu_copies;
	stream->job.refused_bytes = 0;
}

/* Of what is received now. */
static const struct path_recv *current_path(struct stream_recv *stream)
{
	if (!stream->job.has_fallen_back)
		return stream->choice.path;
	stream->job.cpu_copies = path_recv_readwrite.cpu_copies;
	return &path_recv_readwrite;
}

static void account(struct stream_recv *stream, uint64_t count, bool is_pushed)
{
	struct tally *tally = stream->options.tally;
	const struct path_recv *path = current_path(stream);

	tally_add(tally, path->name, count);
	tally->cpu_copied_bytes += count * (is_pushed ? path->push_copies : stream->job.cpu_copies);
	if (stream->file && stream->file->has_disk &&
	    !(path->writes_later && stream->options.no_sync))
		tally->device_moved_bytes += count * path->disk_moves;
	stream->job.offset += count;
}

int64_t stream_recv_step(struct stream_recv *stream)
{
	struct path_recv_job *job = &stream->job;
	int64_t count = ready(stream);

	if (count < 0 || job->offset == job->limit)
		return count;
	count = stream->choice.path->step(job);
	if (count == 0 && job->limit != UINT64_MAX)
		return -ENODATA;
	if (count > 0)
		account(stream, (uint64_t)count, false);
	return count;
}

int64_t stream_recv_push(struct stream_recv *stream, const void *data, size_t length)
{
	int64_t count = ready(stream);

	if (count < 0)
		return count;
	if (length > stream->job.limit - stream->job.offset)
		return -EMSGSIZE;
	count = stream->choice.path->push(&stream->job, data, length);
	if (count > 0)
		account(stream, (uint64_t)count, true);
	return count;
}

static void start_sync(struct stream_recv *stream)
{
	stream->phase = SYNCING;
	stream->is_busy = true;
	loop_sync(stream->job.loop, &stream->op, stream->file->fd, false);
}

static void drop_own_pages(struct stream_recv *stream)
{
	if (stream->job.offset > stream->start && stream->file && !stream->had_pages &&
	    !stream->options.keep_cached && !stream->options.no_sync)
		cache_drop(stream->file->fd, stream->start, stream->job.offset - stream->start);
}

int stream_recv_flush(struct stream_recv *stream)
{
	int result = ready(stream);

	if (result < 0 || stream->phase > FLUSHING)
		return result;
	stream->phase = FLUSHING;
	result = stream->choice.path->finish(&stream->job);
	correct_tally(stream);
	return result;
}

int stream_recv_finish(struct stream_recv *stream)
{
	int result = stream_recv_flush(stream);

	if (result < 0)
		return result;
	if (stream->phase == FLUSHING) {
		if (stream->choice.path->needs_file && !stream->options.no_sync)
			start_sync(stream);
		else
			stream->phase = FINISHED;
	}
	if (stream->phase == SYNCING) {
		stream->job.wait = PATH_WAIT_COMPLETION;
		return -EAGAIN;
	}
	drop_own_pages(stream);
	return 0;
}

bool stream_recv_waits_for_socket(const struct stream_recv *stream)
{
	return stream->job.wait == PATH_WAIT_SOCKET;
}

uint64_t stream_recv_offset(const struct stream_recv *stream)
{
	return stream->job.offset;
}

uint64_t stream_recv_settled(const struct stream_recv *stream)
{
	return stream->choice.path->settled(&stream->job);
}

static void explain(struct buffer *out, uint64_t start, uint64_t end, const char *path,
		    const char *reason)
{
	if (end > start)
		buffer_printf(out, "bytes %llu-%llu by %s: %s\n", (unsigned long long)start,
			      (unsigned long long)end - 1, path, reason);
}

void stream_recv_explain(const struct stream_recv *stream, struct buffer *out)
{
	uint64_t end = stream->job.offset;
	uint64_t middle = stream->job.has_fallen_back ? stream->job.refused_at : end;

	explain(out, stream->start, middle, stream->choice.path->name, stream->choice.reason);
	explain(out, middle, end, path_recv_readwrite.name,
		"the file system refused to go on as before");
}

void stream_recv_close(struct stream_recv *stream)
{
	if (!stream)
		return;
	if (stream->is_path_open)
		stream->choice.path->close(&stream->job);
	stream->is_path_open = false;
	stream->is_closed = true;
	if (!stream->is_busy)
		destroy(stream);
}
