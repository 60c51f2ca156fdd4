/* SPDX-License-Identifier: MIT */
#include "range/recv.h"

#include "base/container.h"
#include "base/error.h"
#include "base/size.h"

#include <errno.h>
#include <stdlib.h>

struct range_recv {
	struct range_recv_options options;
	struct path_recv_job job;
	struct plan_recv choice;
	struct path_file *file; /* NULL where nothing is kept */
	uint64_t start;
};

static void destroy(struct range_recv *range)
{
	path_file_release(range->file);
	free(range);
}

static void on_wake(struct path_recv_job *job)
{
	struct range_recv *range = container_of(job, struct range_recv, job);

	range->options.wake(range->options.owner);
}

static bool on_lend(struct path_recv_job *job, const struct path_lent *lent)
{
	struct range_recv *range = container_of(job, struct range_recv, job);

	return range->options.lend(range->options.owner, range->start, lent);
}

/*
 * A path that the user named is the plain one; what the plan falls back to fills nobody's memory
 * with dirty pages.
 */
static bool has_to_pace(const struct range_recv *range, const struct plan_recv_facts *facts)
{
	return !facts->forced && facts->length > PLAN_SMALL_RECV && !range->options.no_sync;
}

static int open_choice(struct range_recv *range, const struct plan_recv_facts *facts)
{
	range->choice = plan_recv(facts);
	range->job.cpu_copies = range->choice.path->cpu_copies;
	range->job.paces = has_to_pace(range, facts);
	range->job.drops = range->job.paces && !facts->keep_cached && !range->options.had_pages;
	return range->choice.path->open(&range->job);
}

static int choose(struct range_recv *range, struct sluice_error *error)
{
	const struct path_recv *forced = range->options.forced;
	struct path_file *file = range->file;
	struct plan_recv_facts facts = {
		.forced = forced,
		.offset = range->start,
		.length = range->job.limit == UINT64_MAX ? UINT64_MAX
							 : range->job.limit - range->start,
		.can_direct = file && file->can_direct,
		.can_dontcache = file && !forced && path_file_need_dontcache(file) == 0,
		.align = file ? file->align : 0,
		.keep_cached = range->options.keep_cached,
	};
	int result;

	result = open_choice(range, &facts);
	if ((result == -EOPNOTSUPP || result == -EMFILE || result == -ENFILE) && !forced) {
		facts.can_direct = false;
		facts.lacks_descriptor = result != -EOPNOTSUPP;
		result = open_choice(range, &facts);
	}
	if (result == -EOPNOTSUPP)
		return error_set(
			error, EOPNOTSUPP,
			"receive path %s cannot work on this file (%s); leave the choice to the "
			"plan",
			range->choice.path->name,
			range->choice.path == &path_recv_dontcache
				? "this kernel or file system has no RWF_DONTCACHE"
				: "no O_DIRECT here, or an offset that is not aligned");
	return result < 0 ? error_set_errno(error, -result, "receive path %s",
					    range->choice.path->name)
			  : 0;
}

int range_recv_open(struct range_recv **out, struct loop *loop, struct path_file *file,
		    struct channel *channel, uint64_t offset, uint64_t length,
		    const struct range_recv_options *options, struct sluice_error *error)
{
	struct range_recv *range = calloc(1, sizeof(*range));
	int result;

	if (!range)
		return error_set_errno(error, ENOMEM, "receive");
	range->options = *options;
	range->file = file ? path_file_share(file) : NULL;
	range->start = offset;
	range->job = (struct path_recv_job){
		.loop = loop,
		.file = file,
		.channel = channel,
		.offset = offset,
		.limit = length,
		.may_fall_back = !options->forced,
		.makes_holes = options->sparse,
		.wake = on_wake,
		.lend = options->lend ? on_lend : NULL,
	};
	if (length != UINT64_MAX && !size_add(offset, length, &range->job.limit))
		result = error_set(error, EINVAL,
				   "%llu bytes from offset %llu are more than a file holds",
				   (unsigned long long)length, (unsigned long long)offset);
	else
		result = choose(range, error);
	if (result < 0) {
		destroy(range);
		return result;
	}
	*out = range;
	return 0;
}

/* What was under way when the path fell back went another way than it was tallied. */
static void correct_tally(struct range_recv *range)
{
	const struct path_recv *was = range->choice.path, *is = &path_recv_readwrite;
	struct tally *tally = range->options.tally;
	uint64_t bytes = range->job.refused_bytes;

	if (bytes > 0)
		tally_move(tally, was->name, is->name, bytes);
	tally->cpu_copied_bytes += bytes * is->cpu_copies - bytes * was->cpu_copies;
	range->job.refused_bytes = 0;
	if (range->file && range->file->has_disk && !(was->writes_later && range->options.no_sync))
		tally->device_moved_bytes -= range->job.hole_bytes * was->disk_moves;
	range->job.hole_bytes = 0;
}

/* Of what is received now. */
static const struct path_recv *current_path(struct range_recv *range)
{
	if (!range->job.has_fallen_back)
		return range->choice.path;
	range->job.cpu_copies = path_recv_readwrite.cpu_copies;
	return &path_recv_readwrite;
}

static void account(struct range_recv *range, uint64_t count, bool is_pushed)
{
	struct tally *tally = range->options.tally;
	const struct path_recv *path = current_path(range);

	tally_add(tally, path->name, count);
	tally->cpu_copied_bytes += count * (is_pushed ? path->push_copies : range->job.cpu_copies);
	if (range->job.channel)
		channel_account(range->job.channel, tally, count);
	if (range->file && range->file->has_disk && !(path->writes_later && range->options.no_sync))
		tally->device_moved_bytes += count * path->disk_moves;
	range->job.offset += count;
}

int64_t range_recv_step(struct range_recv *range, uint64_t most)
{
	struct path_recv_job *job = &range->job;
	uint64_t end = job->limit;
	int64_t count;

	if (job->offset == end)
		return 0;
	if (most > 0)
		job->limit = job->offset + size_min(most, end - job->offset);
	count = range->choice.path->step(job);
	job->limit = end;
	if (count == 0 && end != UINT64_MAX)
		return -ENODATA;
	if (count > 0)
		account(range, (uint64_t)count, false);
	return count;
}

int64_t range_recv_push(struct range_recv *range, const void *data, size_t length)
{
	int64_t count;

	if (length > range->job.limit - range->job.offset)
		return -EMSGSIZE;
	count = range->choice.path->push(&range->job, data, length);
	if (count > 0)
		account(range, (uint64_t)count, true);
	return count;
}

int range_recv_flush(struct range_recv *range)
{
	int result = range->choice.path->finish(&range->job);

	correct_tally(range);
	return result;
}

bool range_recv_waits_for_socket(const struct range_recv *range)
{
	return range->job.wait == PATH_WAIT_SOCKET;
}

uint64_t range_recv_offset(const struct range_recv *range)
{
	return range->job.offset;
}

uint64_t range_recv_settled(const struct range_recv *range)
{
	return range->choice.path->settled(&range->job);
}

static void explain(struct buffer *out, uint64_t start, uint64_t end, const char *path,
		    const char *reason)
{
	if (end > start)
		buffer_printf(out, "bytes %llu-%llu by %s: %s\n", (unsigned long long)start,
			      (unsigned long long)end - 1, path, reason);
}

void range_recv_explain(const struct range_recv *range, struct buffer *out)
{
	uint64_t end = range->job.offset;
	uint64_t middle = range->job.has_fallen_back ? range->job.refused_at : end;

	explain(out, range->start, middle, range->choice.path->name, range->choice.reason);
	explain(out, middle, end, path_recv_readwrite.name,
		"the file system refused to go on as before");
}

void range_recv_close(struct range_recv *range)
{
	if (!range)
		return;
	range->choice.path->close(&range->job);
	destroy(range);
}
