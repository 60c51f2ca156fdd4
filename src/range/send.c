/* SPDX-License-Identifier: MIT */
/*
 * The range is planned ahead of what is sent, as a short queue of segments. All of them are open,
 * so that a path can read ahead while the segments before it are being sent; only the first one
 * sends.
 *
 * Invariants: offset <= planned <= end; the segments cover [offset, planned) without a gap. Only
 * the last segment grows. No step that could end the body happens without a check of the file, so
 * that a changed file never yields a body that looks complete.
 */
#include "range/send.h"
#include "base/container.h"

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
	struct range_segment *segment = container_of(job, struct range_segment, job);
	struct range_send *range = segment->range;

	if (segment == &range->segments[range->first])
		range->wake(range);
}

static void on_look_again(struct range_look *look)
{
	struct range_send *range = container_of(look, struct range_send, look);

	range->wake(range);
}

void range_send_open(struct range_send *range, struct loop *loop, struct path_file *file,
		     struct channel *channel, uint64_t offset, uint64_t length)
{
	range->loop = loop;
	range->file = path_file_share(file);
	range->look.again = on_look_again;
	range_look_open(&range->look, loop, range->file);
	range->channel = channel;
	range->offset = range->planned = offset;
	range->end = offset + length;
	range->appetite = appetite_new(loop_buffers_are_plenty(loop), loop_now_ms(loop));
	range->mixed_until = 0;
	range->first = range->count = 0;
	range->last_path = "no path";
	range->can_sendfile = range->can_splice = true;
	range->lacks_descriptor = false;
}

static struct range_segment *segment_at(struct range_send *range, unsigned index)
{
	return &range->segments[(range->first + index) % RANGE_SEGMENTS];
}

/* What was cold and went through the page cache, the disk has moved there. */
static void account_cold(const struct range_send *range, const struct range_segment *segment,
			 uint64_t sent)
{
	if (!segment->path->uses_cache || !range->file->has_disk)
		return;
	if (segment->cold_bytes < 0)
		range->tally->is_device_unknown = true;
	else
		range->tally->device_moved_bytes += size_min((uint64_t)segment->cold_bytes, sent);
}

static void close_first(struct range_send *range)
{
	struct range_segment *segment = segment_at(range, 0);
	uint64_t end = size_min(range->offset, segment->job.ahead);

	if (end > segment->start)
		account_cold(range, segment, end - segment->start);
	if (range->explain && end > segment->start)
		buffer_printf(range->explain, "bytes %llu-%llu by %s: %s\n",
			      (unsigned long long)segment->start, (unsigned long long)end - 1,
			      segment->path->name, segment->reason);
	if (segment->path->close)
		segment->path->close(&segment->job);
	range->first = (range->first + 1) % RANGE_SEGMENTS;
	range->count--;
}

/* Forgets what was planned and not sent. */
static void drop_plan(struct range_send *range)
{
	while (range->count > 0)
		close_first(range);
	range->planned = range->offset;
	range->mixed_until = 0;
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

struct plan_send range_choose(const struct path_file *file, struct plan_send_facts facts,
			      struct range_place *place)
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
static struct plan_send choose_here(struct range_send *range, struct range_place *place)
{
	struct plan_send_facts facts = {.forced = range->forced,
					.is_admitted = range->is_admitted,
					.can_sendfile = range->can_sendfile,
					.can_splice = range->can_splice,
					.takes_files = range->channel->takes_files,
					.lacks_descriptor = range->lacks_descriptor};
	struct path_file *file = range->file;
	uint64_t now = loop_now_ms(range->loop), size = file->status.stx_size;
	struct plan_send plan;

	if (!range->forced && size <= PLAN_WINDOW && now < file->resident_until_ms) {
		facts.state = CACHE_RESIDENT;
		place->until = range->end;
		facts.length = place->until - place->at;
		return plan_send(&facts);
	}
	place->mixed_until = range->mixed_until;
	plan = range_choose(file, facts, place);
	range->mixed_until = place->mixed_until;
	if (place->at == 0 && place->until == size && needs_resident(plan.path))
		file->resident_until_ms = now + STALE_MS;
	return plan;
}

/* The same, but that nothing is done here where the file system may hang. */
static struct plan_send choose(struct range_send *range, struct range_place *place)
{
	struct plan_send plan = choose_here(range, place);

	if (!range->file->may_hang)
		return plan;
	if (plan.path == &path_send_direct)
		plan.path = &path_send_apart_direct;
	else if (plan.path == &path_send_readwrite || !range->forced)
		plan.path = &path_send_apart;
	return plan;
}

static bool is_taken(const struct channel *channel, const struct path_send *path)
{
	return (channel->takes_files || !path->needs_files) &&
	       (channel->takes_references || !path->needs_references);
}

static int open_segment(struct range_send *range, struct plan_send choice, uint64_t until)
{
	struct range_segment *segment = segment_at(range, range->count);
	int result;

	*segment = (struct range_segment){
		.job = {.loop = range->loop,
			.file = range->file,
			.tally = range->tally,
			.appetite = &range->appetite,
			.channel = range->channel,
			.offset = range->planned,
			.limit = range->planned,
			.ahead = until,
			.drops = choice.drops,
			.wake = on_wake},
		.path = choice.path,
		.reason = choice.reason,
		.range = range,
		.start = range->planned,
	};
	result = is_taken(range->channel, choice.path) ? 0 : -EOPNOTSUPP;
	if (result == 0 && choice.path->open)
		result = choice.path->open(&segment->job);
	if (result == 0)
		range->count++;
	return result;
}

static void add_cold(struct range_segment *segment, int64_t bytes)
{
	segment->cold_bytes =
		segment->cold_bytes < 0 || bytes < 0 ? -1 : segment->cold_bytes + bytes;
}

/* Plans one more piece. */
static int plan_piece(struct range_send *range)
{
	struct range_segment *last;
	struct range_place place = {.at = range->planned, .end = range->end};
	struct plan_send choice = choose(range, &place);
	int result = 0;

	range->last_path = choice.path->name;
	last = range->count > 0 ? segment_at(range, range->count - 1) : NULL;
	if (last && last->path == choice.path && last->job.drops == choice.drops)
		last->job.ahead = place.until;
	else
		result = open_segment(range, choice, place.until);
	if (result < 0)
		return result;
	last = segment_at(range, range->count - 1);
	add_cold(last, place.cold_bytes);
	last->planned_ms = loop_now_ms(range->loop);
	range->planned = place.until;
	return 0;
}

static bool wants_plan(const struct range_send *range)
{
	return range->planned < range->end && range->planned - range->offset < PLAN_AHEAD &&
	       range->count < RANGE_SEGMENTS;
}

static int plan_ahead(struct range_send *range)
{
	int result = 0;

	/* Not for every step: half of what may be planned is enough to keep the reads going. */
	if (range->planned - range->offset > PLAN_AHEAD / 2 || !wants_plan(range))
		return 0;
	if (range->planned > range->offset)
		result = range_look(&range->look);
	while (result == 0 && wants_plan(range))
		result = plan_piece(range);
	for (unsigned i = 0; result == 0 && i < range->count; i++) {
		struct range_segment *segment = segment_at(range, i);

		if (segment->path->prefetch)
			segment->path->prefetch(&segment->job);
	}
	return result;
}

/* What a page cache held a while ago says nothing about what sendfile will find. */
static bool is_stale(struct range_send *range)
{
	struct range_segment *first = segment_at(range, 0);
	struct range_place place = {.at = range->offset, .end = range->end};

	if (range->forced || !needs_resident(first->path) ||
	    loop_now_ms(range->loop) - first->planned_ms <= STALE_MS)
		return false;
	first->planned_ms = loop_now_ms(range->loop);
	range->mixed_until = 0;
	return !needs_resident(choose(range, &place).path) ||
	       place.until < size_min(window_end(range->offset, range->end), first->job.ahead);
}

/*
 * Lets the first segment send what is planned for it. Before a step that may be the last one the
 * file is looked at, unless its owner did so in this very turn.
 */
static int release(struct range_send *range)
{
	struct path_send_job *job = &segment_at(range, 0)->job;
	bool may_be_last = range->end - range->offset <= LAST_STEP;

	job->limit = job->ahead;
	if (range->step_bytes > 0)
		job->limit = size_min(job->ahead, range->offset + range->step_bytes);
	if (!may_be_last || loop_turn(range->loop) == range->checked_turn)
		return 0;
	return range_look(&range->look);
}

/* What the step says about the peer and the disk. */
static void learn(struct range_send *range, const struct path_send_job *job, int64_t count)
{
	uint64_t now = loop_now_ms(range->loop);

	if (count > 0)
		appetite_sent(&range->appetite, (uint64_t)count, now);
	else if (count == -EAGAIN && job->wait == PATH_WAIT_SOCKET)
		appetite_full(&range->appetite, now);
	else if (count == -EAGAIN)
		appetite_starved(&range->appetite, now);
}

/* What the channel took before goes first: a path may send past it, by the descriptor. */
static int64_t step(struct range_send *range, struct range_segment *segment)
{
	int result = channel_flush(range->channel);

	segment->job.wait = PATH_WAIT_SOCKET;
	return result < 0 ? result : segment->path->step(&segment->job);
}

static int64_t attempt(struct range_send *range)
{
	struct range_segment *first = segment_at(range, 0);
	int64_t count;
	int result;

	if (range->count > 0 && range->offset == first->job.ahead)
		close_first(range);
	if (range->count > 0 && is_stale(range))
		drop_plan(range);
	result = plan_ahead(range);
	if (result == 0)
		result = release(range);
	if (result < 0)
		return result;
	first = segment_at(range, 0);
	range->last_path = first->path->name;
	count = step(range, first);
	learn(range, &first->job, count);
	return count;
}

/*
 * Remembers that the path tried last cannot work here, or not for want of a descriptor. Whether
 * another one may be tried.
 */
static bool give_up_path(struct range_send *range, int64_t result)
{
	const struct path_send *path = path_send_find(range->last_path);

	if (path->needs_direct && result == -EOPNOTSUPP)
		range->file->can_direct = false;
	else if (path->needs_direct)
		range->lacks_descriptor = true;
	else if (path == &path_send_sendfile)
		range->can_sendfile = false;
	else if (path == &path_send_splice)
		range->can_splice = false;
	else
		return false;
	drop_plan(range);
	return !range->forced;
}

/* Without a free descriptor there is no pipe for splice, and no second one of the file. */
static bool is_cannot(int64_t result)
{
	return result == -EOPNOTSUPP || result == -EMFILE || result == -ENFILE;
}

static void account(struct range_send *range, uint64_t count)
{
	const struct path_send *path = segment_at(range, 0)->path;

	tally_add(range->tally, path->name, count);
	range->tally->cpu_copied_bytes += count * path->cpu_copies;
	channel_account(range->channel, range->tally, count);
	range->tally->device_moved_bytes += count * path->disk_moves;
}

int64_t range_send_step(struct range_send *range)
{
	int64_t count;

	if (range->offset == range->end)
		return 0;
	do
		count = attempt(range);
	while (is_cannot(count) && give_up_path(range, count));
	if (count == 0)
		return -ENODATA;
	if (count > 0) {
		range->offset += (uint64_t)count;
		segment_at(range, 0)->job.offset = range->offset;
		account(range, (uint64_t)count);
	}
	return count;
}

bool range_send_waits_for_socket(const struct range_send *range)
{
	return range->count == 0 || range->segments[range->first].job.wait == PATH_WAIT_SOCKET;
}

const char *range_send_path(const struct range_send *range)
{
	return range->last_path;
}

uint64_t range_send_offset(const struct range_send *range)
{
	return range->offset;
}

void range_send_close(struct range_send *range)
{
	if (!range->file)
		return;
	drop_plan(range);
	range_look_close(&range->look);
	path_file_release(range->file);
	range->file = NULL;
}
