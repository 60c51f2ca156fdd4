/* SPDX-License-Identifier: MIT */
/*
 * The range is planned ahead of what is sent, as a short queue of segments. All of them are open,
 * so that a path that reads ahead does so while the segments before it are being sent; only the
 * first one sends.
 *
 * Invariants: offset <= planned <= end; the segments cover [offset, planned) without a gap. Only
 * the last segment grows. No step that could end the body is made without a look at the file, so
 * that a changed file never gives a body that looks whole.
 */
#include "stream/send.h"

#include "base/size.h"

#include <errno.h>

enum {
	LAST_STEP = 2 << 20,   /* no path moves more in one step */
	PLAN_AHEAD = 32 << 20, /* bytes: what sixteen reads of 1 MiB take, twice */
	/* What was resident this long ago may be gone; sendfile and splice would wait for the disk.
	 */
	STALE_MS = 20,
};

static void on_wake(struct path_send_job *job)
{
	struct stream_segment *segment =
		(struct stream_segment *)((char *)job - offsetof(struct stream_segment, job));
	struct stream_send *stream = segment->stream;

	if (segment == &stream->segments[stream->first])
		stream->wake(stream);
}

static void on_look_again(struct stream_look *look)
{
	struct stream_send *stream =
		(struct stream_send *)((char *)look - offsetof(struct stream_send, look));

	stream->wake(stream);
}

void stream_send_open(struct stream_send *stream, struct loop *loop, struct path_file *file,
		      int socket, uint64_t offset, uint64_t length)
{
	stream->loop = loop;
	stream->file = path_file_share(file);
	stream->look.again = on_look_again;
	stream_look_open(&stream->look, loop, stream->file);
	stream->socket = socket;
	stream->offset = stream->planned = offset;
	stream->end = offset + length;
	stream->appetite = appetite_new(loop_buffers_are_plenty(loop), loop_now_ms(loop));
	stream->mixed_until = 0;
	stream->first = stream->count = 0;
	stream->last_path = "no path";
	stream->can_sendfile = stream->can_splice = true;
	stream->lacks_descriptor = false;
}

static struct stream_segment *segment_at(struct stream_send *stream, unsigned index)
{
	return &stream->segments[(stream->first + index) % STREAM_SEGMENTS];
}

/* What was cold and went through the page cache, the disk has moved there. */
static void account_cold(const struct stream_send *stream, const struct stream_segment *segment,
			 uint64_t sent)
{
	if (!segment->path->uses_cache || !stream->file->has_disk)
		return;
	if (segment->cold_bytes < 0)
		stream->tally->is_device_unknown = true;
	else
		stream->tally->device_moved_bytes += size_min((uint64_t)segment->cold_bytes, sent);
}

static void close_first(struct stream_send *stream)
{
	struct stream_segment *segment = segment_at(stream, 0);
	uint64_t end = size_min(stream->offset, segment->job.ahead);

	if (end > segment->start)
		account_cold(stream, segment, end - segment->start);
	if (stream->explain && end > segment->start)
		buffer_printf(stream->explain, "bytes %llu-%llu by %s: %s\n",
			      (unsigned long long)segment->start, (unsigned long long)end - 1,
			      segment->path->name, segment->reason);
	if (segment->path->close)
		segment->path->close(&segment->job);
	stream->first = (stream->first + 1) % STREAM_SEGMENTS;
	stream->count--;
}

/* Forgets what was planned and not sent. */
static void drop_plan(struct stream_send *stream)
{
	while (stream->count > 0)
		close_first(stream);
	stream->planned = stream->offset;
	stream->mixed_until = 0;
}

static uint64_t piece_end(uint64_t at, uint64_t unit, uint64_t end)
{
	return size_min(size_round_down(at, unit) + unit, end);
}

/* A rest that is no whole window belongs to the window before it. */
static uint64_t window_end(uint64_t at, uint64_t end)
{
	uint64_t until = piece_end(at, PLAN_WINDOW, end);

	return end - until < PLAN_WINDOW ? end : until;
}

struct plan_send stream_choose(const struct path_file *file, struct plan_send_facts facts,
			       struct stream_place *place)
{
	uint64_t at = place->at, window = window_end(at, place->end);
	struct cache_residency residency;

	facts.file_size = file->status.stx_size;
	facts.can_direct = file->can_direct && !facts.lacks_descriptor;
	place->until = at < place->mixed_until ? piece_end(at, PLAN_PIECE, place->end) : window;
	if (facts.forced) {
		place->cold_bytes = cache_look(file->fd, at, place->until - at).cold_bytes;
		return plan_send(&facts);
	}
	residency = cache_residency(file->fd, at, place->until - at);
	if (residency.state == CACHE_MIXED && at >= place->mixed_until) {
		place->mixed_until = window;
		place->until = piece_end(at, PLAN_PIECE, place->end);
		residency = cache_residency(file->fd, at, place->until - at);
	}
	place->cold_bytes = residency.cold_bytes;
	facts.length = place->until - at;
	facts.state = residency.state;
	facts.is_dirty = residency.is_dirty;
	return plan_send(&facts);
}

/* Where it is not, the call waits for the disk. */
static bool needs_resident(const struct path_send *path)
{
	return path == &path_send_sendfile || path == &path_send_splice;
}

/* A file that is asked for many times in a few milliseconds is looked at once. */
static struct plan_send choose_here(struct stream_send *stream, struct stream_place *place)
{
	struct plan_send_facts facts = {.forced = stream->forced,
					.is_admitted = stream->is_admitted,
					.can_sendfile = stream->can_sendfile,
					.can_splice = stream->can_splice,
					.lacks_descriptor = stream->lacks_descriptor};
	struct path_file *file = stream->file;
	uint64_t now = loop_now_ms(stream->loop), size = file->status.stx_size;
	struct plan_send plan;

	if (!stream->forced && size <= PLAN_WINDOW && now < file->resident_until_ms) {
		facts.state = CACHE_RESIDENT;
		place->until = stream->end;
		facts.length = place->until - place->at;
		return plan_send(&facts);
	}
	place->mixed_until = stream->mixed_until;
	plan = stream_choose(file, facts, place);
	stream->mixed_until = place->mixed_until;
	if (place->at == 0 && place->until == size && needs_resident(plan.path))
		file->resident_until_ms = now + STALE_MS;
	return plan;
}

/* The same, but that nothing is done here where the file system may hang. */
static struct plan_send choose(struct stream_send *stream, struct stream_place *place)
{
	struct plan_send plan = choose_here(stream, place);

	if (!stream->file->may_hang)
		return plan;
	if (plan.path == &path_send_direct)
		plan.path = &path_send_apart_direct;
	else if (plan.path == &path_send_readwrite || !stream->forced)
		plan.path = &path_send_apart;
	return plan;
}

static int open_segment(struct stream_send *stream, struct plan_send choice, uint64_t until)
{
	struct stream_segment *segment = segment_at(stream, stream->count);
	int result;

	*segment = (struct stream_segment){
		.job = {.loop = stream->loop,
			.file = stream->file,
			.tally = stream->tally,
			.appetite = &stream->appetite,
			.socket = stream->socket,
			.offset = stream->planned,
			.limit = stream->planned,
			.ahead = until,
			.drops = choice.drops,
			.wake = on_wake},
		.path = choice.path,
		.reason = choice.reason,
		.stream = stream,
		.start = stream->planned,
	};
	result = choice.path->open ? choice.path->open(&segment->job) : 0;
	if (result == 0)
		stream->count++;
	return result;
}

static void add_cold(struct stream_segment *segment, int64_t bytes)
{
	segment->cold_bytes =
		segment->cold_bytes < 0 || bytes < 0 ? -1 : segment->cold_bytes + bytes;
}

/* Plans one more piece. */
static int plan_piece(struct stream_send *stream)
{
	struct stream_segment *last;
	struct stream_place place = {.at = stream->planned, .end = stream->end};
	struct plan_send choice = choose(stream, &place);
	int result = 0;

	stream->last_path = choice.path->name;
	last = stream->count > 0 ? segment_at(stream, stream->count - 1) : NULL;
	if (last && last->path == choice.path && last->job.drops == choice.drops)
		last->job.ahead = place.until;
	else
		result = open_segment(stream, choice, place.until);
	if (result < 0)
		return result;
	last = segment_at(stream, stream->count - 1);
	add_cold(last, place.cold_bytes);
	last->planned_ms = loop_now_ms(stream->loop);
	stream->planned = place.until;
	return 0;
}

static bool wants_plan(const struct stream_send *stream)
{
	return stream->planned < stream->end && stream->planned - stream->offset < PLAN_AHEAD &&
	       stream->count < STREAM_SEGMENTS;
}

static int plan_ahead(struct stream_send *stream)
{
	int result = 0;

	/* Not for every step: half of what may be planned is enough to keep the reads going. */
	if (stream->planned - stream->offset > PLAN_AHEAD / 2 || !wants_plan(stream))
		return 0;
	if (stream->planned > stream->offset)
		result = stream_look(&stream->look);
	while (result == 0 && wants_plan(stream))
		result = plan_piece(stream);
	for (unsigned i = 0; result == 0 && i < stream->count; i++) {
		struct stream_segment *segment = segment_at(stream, i);

		if (segment->path->prefetch)
			segment->path->prefetch(&segment->job);
	}
	return result;
}

/* What a page cache held a while ago says nothing about what sendfile will find. */
static bool is_stale(struct stream_send *stream)
{
	struct stream_segment *first = segment_at(stream, 0);
	struct stream_place place = {.at = stream->offset, .end = stream->end};

	if (stream->forced || !needs_resident(first->path) ||
	    loop_now_ms(stream->loop) - first->planned_ms <= STALE_MS)
		return false;
	first->planned_ms = loop_now_ms(stream->loop);
	stream->mixed_until = 0;
	return !needs_resident(choose(stream, &place).path) ||
	       place.until < size_min(window_end(stream->offset, stream->end), first->job.ahead);
}

/*
 * Lets the first segment send what is planned for it. Before a step that may be the last one the
 * file is looked at, unless its owner did so in this very turn.
 */
static int release(struct stream_send *stream)
{
	struct path_send_job *job = &segment_at(stream, 0)->job;
	bool may_be_last = stream->end - stream->offset <= LAST_STEP;

	job->limit = job->ahead;
	if (stream->step_bytes > 0)
		job->limit = size_min(job->ahead, stream->offset + stream->step_bytes);
	if (!may_be_last || loop_turn(stream->loop) == stream->looked_turn)
		return 0;
	return stream_look(&stream->look);
}

/* What the step says about the peer and the disk. */
static void learn(struct stream_send *stream, const struct path_send_job *job, int64_t count)
{
	uint64_t now = loop_now_ms(stream->loop);

	if (count > 0)
		appetite_sent(&stream->appetite, (uint64_t)count, now);
	else if (count == -EAGAIN && job->wait == PATH_WAIT_SOCKET)
		appetite_full(&stream->appetite, now);
	else if (count == -EAGAIN)
		appetite_starved(&stream->appetite, now);
}

static int64_t attempt(struct stream_send *stream)
{
	struct stream_segment *first = segment_at(stream, 0);
	int64_t count;
	int result;

	if (stream->count > 0 && stream->offset == first->job.ahead)
		close_first(stream);
	if (stream->count > 0 && is_stale(stream))
		drop_plan(stream);
	result = plan_ahead(stream);
	if (result == 0)
		result = release(stream);
	if (result < 0)
		return result;
	first = segment_at(stream, 0);
	stream->last_path = first->path->name;
	count = first->path->step(&first->job);
	learn(stream, &first->job, count);
	return count;
}

/*
 * Remembers that the path tried last cannot work here, or not for want of a descriptor. Whether
 * another one may be tried.
 */
static bool give_up_path(struct stream_send *stream, int64_t result)
{
	const struct path_send *path = path_send_find(stream->last_path);

	if (path->needs_direct && result == -EOPNOTSUPP)
		stream->file->can_direct = false;
	else if (path->needs_direct)
		stream->lacks_descriptor = true;
	else if (path == &path_send_sendfile)
		stream->can_sendfile = false;
	else if (path == &path_send_splice)
		stream->can_splice = false;
	else
		return false;
	drop_plan(stream);
	return !stream->forced;
}

/* Without a free descriptor there is no pipe for splice, and no second one of the file. */
static bool is_cannot(int64_t result)
{
	return result == -EOPNOTSUPP || result == -EMFILE || result == -ENFILE;
}

static void account(struct stream_send *stream, uint64_t count)
{
	const struct path_send *path = segment_at(stream, 0)->path;

	tally_add(stream->tally, path->name, count);
	stream->tally->cpu_copied_bytes += count * path->cpu_copies;
	stream->tally->device_moved_bytes += count * path->disk_moves;
}

int64_t stream_send_step(struct stream_send *stream)
{
	int64_t count;

	if (stream->offset == stream->end)
		return 0;
	do
		count = attempt(stream);
	while (is_cannot(count) && give_up_path(stream, count));
	if (count == 0)
		return -ENODATA;
	if (count > 0) {
		stream->offset += (uint64_t)count;
		segment_at(stream, 0)->job.offset = stream->offset;
		account(stream, (uint64_t)count);
	}
	return count;
}

const char *stream_send_path(const struct stream_send *stream)
{
	return stream->last_path;
}

uint64_t stream_send_offset(const struct stream_send *stream)
{
	return stream->offset;
}

void stream_send_close(struct stream_send *stream)
{
	if (!stream->file)
		return;
	drop_plan(stream);
	stream_look_close(&stream->look);
	path_file_release(stream->file);
	stream->file = NULL;
}
