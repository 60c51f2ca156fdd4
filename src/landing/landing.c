/* SPDX-License-Identifier: MIT */
/*
 * Invariants: at most one piece of work is under way on a helper thread; while it is, nobody else
 * touches the target, and the landing outlives its close. What work needs is copied before it
 * starts (`saving`), what it says is copied when it has ended (`said`). A wish waits for it, and
 * finish and abandon then for the ranges.
 */
#include "landing/landing-private.h"

#include "base/container.h"
#include "base/error.h"
#include "base/size.h"
#include "base/sys.h"
#include "landing/failure.h"
#include "landing/space.h"

#include <errno.h>
#include <stdlib.h>

enum { SAVE_MS = 5000 }; /* how often the journal is brought up to date */

/* Bytes and pages */

struct path_file *landing_file(const struct landing *landing)
{
	return landing->has_names ? landing->target.file : landing->file;
}

struct intervals landing_settled(const struct landing *landing)
{
	struct intervals settled = landing->settled;

	for (const struct landing_range *range = landing->ranges; range; range = range->next)
		intervals_add(&settled, range->start, range_recv_settled(range->writer));
	return settled;
}

/* A small file is written in one go anyway. */
static int64_t allocate(void *argument)
{
	const struct landing *landing = argument;
	uint64_t from = intervals_prefix(&landing->settled);

	from = from > landing->offset ? from : landing->offset;
	if (landing->size != UINT64_MAX && landing->options.sparse)
		return space_stretch(landing_file(landing), landing->size);
	if (landing->size == UINT64_MAX || landing->size - from <= PLAN_SMALL_RECV)
		return 0;
	return space_take(landing_file(landing), from, landing->size);
}

int landing_failed(const struct landing *landing, int64_t code, struct sluice_error *error)
{
	return failure_of_write(code, landing->has_names ? landing->target.part : "the file",
				landing->options.forced, error);
}

/* Work, on a helper thread */

static int64_t begin(void *argument)
{
	struct landing *landing = argument;
	struct target *target = &landing->target;
	int result = target->is_ours ? target_start_over(target, &landing->said)
				     : target_create(target, &landing->settled, &landing->said);

	if (result < 0)
		return result;
	landing->had_pages = space_has_pages(target->file, intervals_prefix(&landing->settled));
	result = (int)allocate(landing);
	return result < 0 ? landing_failed(landing, result, &landing->said) : 0;
}

static int64_t save(void *argument)
{
	struct landing *landing = argument;

	return target_save(&landing->target, &landing->saving);
}

static int64_t synchronize(void *argument)
{
	struct landing *landing = argument;
	const struct path_file *file = landing_file(landing);
	int result;

	if (landing->options.no_sync)
		return 0;
	result = sys_fsync(file->fd);
	if (result < 0)
		return landing_failed(landing, result, &landing->said);
	if (!landing->had_pages && !landing->options.keep_cached)
		space_drop_pages(file, &landing->arrived);
	return 0;
}

static int64_t give_name(void *argument)
{
	struct landing *landing = argument;

	if (landing->stamp)
		landing->stamp(landing->stamp_argument, landing_file(landing)->fd);
	return target_commit(&landing->target, landing->size, &landing->said);
}

static int64_t keep(void *argument)
{
	struct landing *landing = argument;
	struct target *target = &landing->target;

	if (target->is_ours && *target->journal.validator.text && !landing->has_lost &&
	    !landing->is_wrong && !intervals_equal(&landing->saving, &landing->settled))
		(void)target_save(target, &landing->settled);
	if (landing->is_wrong)
		target_set_aside(target, &landing->said);
	else
		target_keep(target, &landing->settled, landing->stays_anyway, &landing->said);
	return -ECANCELED;
}

static int64_t (*const works[])(void *landing) = {
	[BEGINNING] = begin,     [ALLOCATING] = allocate, [SAVING] = save,
	[SYNCING] = synchronize, [NAMING] = give_name,    [KEEPING] = keep,
};

static void start(struct landing *landing, enum work work)
{
	landing->work = work;
	loop_work(landing->loop, &landing->op, works[work], landing);
}

/* What happens when */

static void destroy(struct landing *landing)
{
	if (landing->has_names)
		target_close(&landing->target);
	path_file_release(landing->file);
	buffer_free(&landing->lines);
	free(landing->stamp_argument);
	free(landing);
}

/* The last thing to be done: the owner may close the landing. */
static void end(struct landing *landing, int result)
{
	landing->wish = NONE;
	if (landing->error && result < 0)
		*landing->error = landing->said;
	landing->error = NULL;
	landing->options.done(landing->options.owner, result);
}

static void set_timer(struct landing *landing)
{
	if (landing->target.sync && *landing->target.journal.validator.text)
		loop_timer_set(landing->loop, &landing->timer, SAVE_MS);
}

static void on_timer(struct loop_timer *timer)
{
	struct landing *landing = container_of(timer, struct landing, timer);
	struct intervals settled = landing_settled(landing);

	if (landing->wish != NONE || landing->failed)
		return;
	set_timer(landing);
	if (landing->work != NOTHING || intervals_equal(&settled, &landing->saving))
		return;
	landing->saving = settled;
	start(landing, SAVING);
}

/* 0 when all is written, -EAGAIN, or the first failure of them all. */
static int flush_ranges(const struct landing *landing)
{
	int failed = landing->failed;
	bool waits = false;

	for (const struct landing_range *range = landing->ranges; range; range = range->next) {
		int result = range_recv_flush(range->writer);

		waits = waits || result == -EAGAIN;
		if (result < 0 && result != -EAGAIN && !failed)
			failed = result;
	}
	return waits ? -EAGAIN : failed;
}

static bool is_whole(struct landing *landing)
{
	if (landing->size == UINT64_MAX)
		landing->size = intervals_end(&landing->settled);
	return intervals_prefix(&landing->settled) == landing->size &&
	       intervals_end(&landing->settled) == landing->size;
}

static void sync_or_fail(struct landing *landing, int failed)
{
	if (failed < 0)
		end(landing, landing_failed(landing, failed, &landing->said));
	else if (!landing_file(landing))
		end(landing, 0);
	else {
		if (landing->has_names && is_whole(landing))
			landing_digest_end(landing);
		start(landing, SYNCING);
	}
}

static void start_beginning(struct landing *landing)
{
	landing->wish = NONE;
	landing->saving = landing->settled;
	if (landing->is_anew)
		target_set_source(&landing->target, &landing->source, landing->size);
	set_timer(landing);
	start(landing, BEGINNING);
}

static void name_if_right(struct landing *landing)
{
	int result = landing_digest_check(landing);

	if (result == -EAGAIN)
		return;
	if (result < 0) {
		end(landing, result);
		return;
	}
	landing->stays_anyway = true;
	start(landing, NAMING);
}

/* Towards the wish, when nothing else is under way. */
static void advance(struct landing *landing)
{
	int result =
		landing->wish == NONE || landing->work != NOTHING ? -EAGAIN : flush_ranges(landing);

	if (result == -EAGAIN)
		return;
	while (landing->ranges)
		landing_range_close(landing->ranges);
	if (landing->wish == FINISH && landing->is_synced) {
		name_if_right(landing);
		return;
	}
	/* What is said is said behind this. */
	if (landing->wish == ABANDON)
		landing->said = landing->error ? *landing->error : (struct sluice_error){0};
	if (landing->wish == BEGIN)
		start_beginning(landing);
	else if (landing->wish == FINISH)
		sync_or_fail(landing, result);
	else if (landing->has_names)
		start(landing, KEEPING);
	else
		end(landing, -ECANCELED);
}

static void on_task(struct loop_task *task)
{
	advance(container_of(task, struct landing, task));
}

static void after_background(struct landing *landing, int result)
{
	if (result < 0)
		landing->failed = result;
	landing->has_lost |= result < 0 && landing->has_names;
	if (landing->wish != NONE)
		advance(landing);
	else
		for (struct landing_range *range = landing->ranges; range; range = range->next)
			range->wake(range->owner);
}

static void after_sync(struct landing *landing, int result)
{
	landing->has_lost |= result < 0;
	if (landing->wish == ABANDON)
		advance(landing);
	else if (result < 0 || !landing->has_names)
		end(landing, result);
	else if (!is_whole(landing))
		end(landing,
		    error_set(&landing->said, ENODATA, "%s is not whole", landing->target.part));
	else {
		landing->is_synced = true;
		name_if_right(landing);
	}
}

static void after_begin(struct landing *landing, int result)
{
	end(landing, result == 0 ? landing_digest_open(landing) : result);
}

static void after_name(struct landing *landing, int result)
{
	if (landing->wish == ABANDON && result < 0)
		advance(landing);
	else
		end(landing, result);
}

static void (*const afters[])(struct landing *landing, int result) = {
	[BEGINNING] = after_begin, [ALLOCATING] = after_background, [SAVING] = after_background,
	[SYNCING] = after_sync,    [NAMING] = after_name,           [KEEPING] = end,
};

static void on_done(struct loop_op *op, int64_t result)
{
	struct landing *landing = container_of(op, struct landing, op);
	enum work work = landing->work;

	landing->work = NOTHING;
	if (landing->is_closed)
		destroy(landing);
	else if (landing->wish == ABANDON && work == BEGINNING)
		advance(landing);
	else
		afters[work](landing, (int)result);
}

/* Open and close */

void landing_prepare(void)
{
	journal_prepare();
}

static struct landing *create(const struct landing_options *options)
{
	struct landing *landing = calloc(1, sizeof(*landing));

	if (!landing)
		return NULL;
	landing->options = *options;
	landing->op.done = on_done;
	landing->task.run = on_task;
	landing->timer.fire = on_timer;
	landing->size = UINT64_MAX;
	return landing;
}

static void note_found(struct landing *landing)
{
	const struct target *target = &landing->target;

	landing->found = (struct landing_found){
		.directory = target->directory,
		.name = target->name,
		.part = target->part,
		.there = target->journal.done,
		.size = target->journal.size,
		.validator = target->journal.validator,
		.had_part = target->had_part,
		.aside = target->aside,
	};
}

int landing_open_name(struct landing **out, const char *path, const char *url,
		      const struct landing_options *options, struct sluice_error *error)
{
	struct landing *landing = create(options);
	int result;

	if (!landing)
		return error_set_errno(error, ENOMEM, "receive");
	landing->has_names = true;
	result = target_open(&landing->target, path, url, error);
	if (result < 0) {
		destroy(landing);
		return result;
	}
	landing->target.sync = !options->no_sync;
	landing->target.keeps_existing = options->keeps_existing;
	note_found(landing);
	*out = landing;
	return 0;
}

int landing_open_file(struct landing **out, struct loop *loop, struct path_file *file,
		      uint64_t offset, uint64_t length, const struct landing_options *options,
		      struct sluice_error *error)
{
	struct landing *landing = create(options);

	if (!landing)
		return error_set_errno(error, ENOMEM, "receive");
	landing->loop = loop;
	landing->offset = offset;
	if (length != UINT64_MAX && !size_add(offset, length, &landing->size)) {
		destroy(landing);
		return error_set(error, EINVAL,
				 "%llu bytes from offset %llu are more than a file holds",
				 (unsigned long long)length, (unsigned long long)offset);
	}
	*out = landing;
	if (!file || (options->forced && !options->forced->needs_file))
		return 0;
	landing->file = path_file_share(file);
	landing->had_pages = space_has_pages(file, offset);
	if (length != UINT64_MAX && length > PLAN_SMALL_RECV)
		start(landing, ALLOCATING);
	return 0;
}

void landing_close(struct landing *landing)
{
	if (!landing)
		return;
	landing->is_closed = true;
	while (landing->ranges)
		landing_range_close(landing->ranges);
	landing_digest_close(landing);
	if (landing->loop) {
		loop_timer_cancel(landing->loop, &landing->timer);
		loop_task_cancel(landing->loop, &landing->task);
	}
	if (landing->work == NOTHING)
		destroy(landing);
}

/* With names */

const struct landing_found *landing_found(const struct landing *landing)
{
	return &landing->found;
}

void landing_stamp(struct landing *landing, void (*stamp)(void *argument, int fd), void *argument)
{
	free(landing->stamp_argument);
	landing->stamp = stamp;
	landing->stamp_argument = argument;
}

bool landing_is_begun(const struct landing *landing)
{
	return landing->is_begun;
}

bool landing_can_resume(const struct landing *landing)
{
	return !landing->has_lost;
}

static void wish(struct landing *landing, enum wish wish, struct sluice_error *error)
{
	landing->wish = wish;
	landing->error = error;
	loop_timer_cancel(landing->loop, &landing->timer);
	loop_task_queue(landing->loop, &landing->task);
}

static void begin_with(struct landing *landing, struct loop *loop, const struct intervals *keep,
		       uint64_t size, struct sluice_error *error)
{
	landing->loop = loop;
	landing->is_begun = true;
	landing->size = size;
	landing->settled = *keep;
	landing->arrived = (struct intervals){0};
	landing->is_synced = false;
	landing_digest_close(landing);
	wish(landing, BEGIN, error);
}

void landing_expect(struct landing *landing, const struct digest *expected)
{
	landing->expected = expected ? *expected : (struct digest){0};
}

void landing_start(struct landing *landing, struct loop *loop, const struct validator *validator,
		   uint64_t size, struct sluice_error *error)
{
	landing->source = *validator;
	landing->is_anew = true;
	begin_with(landing, loop, &(struct intervals){0}, size, error);
}

void landing_resume(struct landing *landing, struct loop *loop, const struct intervals *keep,
		    struct sluice_error *error)
{
	begin_with(landing, loop, keep, landing->found.size, error);
}

void landing_finish(struct landing *landing, uint64_t size, struct sluice_error *error)
{
	if (landing->has_names)
		landing->size = size;
	wish(landing, FINISH, error);
}

void landing_abandon(struct landing *landing, bool stays_anyway, struct sluice_error *error)
{
	landing->stays_anyway |= stays_anyway;
	landing_digest_close(landing);
	wish(landing, ABANDON, error);
}
