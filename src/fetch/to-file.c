/* SPDX-License-Identifier: MIT */
/*
 * A download to a file: its part takes the answer's body, and becomes the file when all is there.
 * Where an answer was shorter than the file, or does not fit what is here, there is another
 * question to ask. A download to nowhere takes the same way, without a part.
 */
#include "base/error.h"
#include "base/size.h"
#include "fetch/download.h"

#include <errno.h>
#include <stdio.h>

enum {
	BLOCK = 4096, /* where a download is continued, so that it can use O_DIRECT */
	TINY = 64 << 10,
	TINY_MAX = 1000, /* answers that are tiny, before it is given up */
};

/* How a step ends that is not the last: the phase is another one. */
static int go_to(struct download *download, enum to_file_phase phase)
{
	download->to_file.phase = phase;
	return 0;
}

/* What the download ends with when all is in order again. */
static int fail(struct download *download, int result, enum to_file_phase phase)
{
	download->to_file.result = result;
	return go_to(download, phase);
}

/* On a helper thread: a loop never waits for a disk */

static struct intervals bytes_here(const struct download *download)
{
	uint64_t done = download->body.done;

	return (struct intervals){done > 0, {{0, done}}};
}

static int64_t create(struct download *download)
{
	const struct intervals here = bytes_here(download);

	return target_create(&download->target, &here, &download->error);
}

static int64_t clear(struct download *download)
{
	return target_start_over(&download->target, &download->error);
}

/* What fails behind another failure is not said. */
static int64_t clear_silently(struct download *download)
{
	return target_start_over(&download->target, NULL);
}

/* Of a file whose bytes are on the disk, lest it outlasts them. */
static void remember_origin(struct download *download)
{
	const struct origin origin = {
		.url = origin_url(download->url),
		.place = origin_place(&download->exchange.url),
		.validator = download->asking.validator,
	};

	if (!download->options.no_sync)
		origin_remember(&origin, download->target.file->fd);
}

static int64_t commit(struct download *download)
{
	remember_origin(download);
	return target_commit(&download->target, download_done(download), &download->error);
}

static int64_t keep(struct download *download)
{
	const struct intervals here = bytes_here(download);

	target_keep(&download->target, &here, download->to_file.stays, &download->error);
	return 0;
}

static int run(struct download *download, int64_t (*work)(struct download *))
{
	int64_t result;

	return job_work(download, &download->to_file.job, work, &result) ? (int)result : -EAGAIN;
}

/* Words */

static void tell_what_is_aside(struct download *download)
{
	const struct target *target = &download->target;
	char text[768];

	if (!*target->aside)
		return;
	snprintf(text, sizeof(text), "%s: it stays as it is, and %s is used", target->aside,
		 target->part);
	download_note(download, text);
}

static void note_start_over(struct download *download)
{
	const char *why = download_why_over(download);
	char line[160];

	if (!why)
		return;
	snprintf(line, sizeof(line), "%s: starting over", why);
	download_note(download, line);
}

/* Steps: 0 and another phase, or the end (to_file_phase says), or -EAGAIN */

/* What the journal is to tell of a file that comes from its first byte on. */
static void set_source(struct download *download)
{
	const struct asking *asking = &download->asking;
	/* Where the size is not known, nobody could tell that a continued file is whole. */
	static const struct validator none;

	target_set_source(&download->target,
			  asking->expected == UINT64_MAX ? &none : &asking->validator,
			  asking->expected);
}

/* For the first answer of which bytes are taken, and for one that brings all of the file anew. */
static int open_target(struct download *download)
{
	if (download->output.keeps_nothing)
		return go_to(download, FILE_BEGIN);
	if (download->asking.is_all)
		set_source(download);
	if (!download->target.is_ours)
		return go_to(download, FILE_CREATE);
	return go_to(download, download->body.done > 0 ? FILE_BEGIN : FILE_CLEAR);
}

static int create_target(struct download *download)
{
	int result = run(download, create);

	if (result == -EAGAIN)
		return result;
	if (result < 0)
		return fail(download, result, FILE_SETTLE);
	tell_what_is_aside(download);
	download->to_file.resident = download_resident(download, download->body.done);
	return go_to(download, FILE_BEGIN);
}

static int clear_target(struct download *download)
{
	int result = run(download, clear);

	if (result == -EAGAIN)
		return result;
	return result < 0 ? fail(download, result, FILE_SETTLE) : go_to(download, FILE_BEGIN);
}

static int begin_body(struct download *download)
{
	const struct body *body = &download->body;
	int result = 0;

	note_start_over(download);
	/* An answer may end within what is here, where it is only compared. */
	if (body->end > body->done || body->done == 0)
		result = body_open_range(download);
	return result < 0 ? fail(download, result, FILE_FAILED) : go_to(download, FILE_BODY);
}

static bool is_whole(const struct download *download)
{
	const struct body *body = &download->body;

	return body->range && body->end >= download->asking.expected &&
	       (body->end == UINT64_MAX || range_recv_offset(body->range) == body->end);
}

static int take_body(struct download *download)
{
	int result = body_receive(download);

	if (result == -EAGAIN)
		return result;
	if (result < 0)
		return fail(download, result, FILE_FAILED);
	return go_to(download, is_whole(download) ? FILE_CONFIRM : FILE_FINISH);
}

static int confirm(struct download *download)
{
	int result = download_confirm(download);

	if (result == -EAGAIN)
		return result;
	if (result == -ESTALE)
		return go_to(download, FILE_STALE);
	return result < 0 ? fail(download, result, FILE_FAILED) : go_to(download, FILE_FINISH);
}

/* What came is whole, but where the file has changed meanwhile it may be of two files. */
static int drop_stale(struct download *download)
{
	int result = body_settle(download);

	if (result == -EAGAIN)
		return result;
	body_forget(download);
	result = download_start_over(download, "the file was changed on the server while it came");
	return fail(download, result, FILE_CLEAR_STALE);
}

/* Nothing may be continued from this, whatever comes next. */
static int clear_stale(struct download *download)
{
	struct to_file *to_file = &download->to_file;
	int result = run(download, to_file->result < 0 ? clear_silently : clear);

	if (result == -EAGAIN)
		return result;
	if (to_file->result == 0)
		to_file->result = result;
	return go_to(download, to_file->result < 0 ? FILE_SETTLE : FILE_ASK);
}

static int finish_body(struct download *download)
{
	const struct body *body = &download->body;
	int result = 0;

	if (body->range)
		result = body_finish(download);
	else if (body->at < body->end)
		result = body_failed(download, -ENODATA);
	if (result == -EAGAIN)
		return result;
	if (result < 0)
		return fail(download, result, FILE_FAILED);
	if (body->end < download->asking.expected)
		return go_to(download, FILE_REST);
	return go_to(download, download->output.keeps_nothing ? FILE_DONE : FILE_COMMIT);
}

/* The answer was shorter than the file. Each brings at least a byte, so this ends. */
static int ask_for_rest(struct download *download)
{
	const struct question *question = &download->asking.question;
	struct body *body = &download->body;
	uint64_t next = size_round_down(body->end, BLOCK), here = question->here;
	int result = body_settle(download);

	if (result == -EAGAIN)
		return result;
	if (body->end - question->from < TINY && ++download->to_file.tiny > TINY_MAX)
		return fail(download,
			    error_set(&download->error, EPROTO,
				      "the server sends a few bytes at a time: run again to "
				      "continue"),
			    FILE_FAILED);
	if (body->end > here) {
		/* From a block's start on, unless that would be no progress. */
		here = next > here ? next : body->end;
		body_has(download, here);
		download_question_rest(download, here, here);
	} else {
		download_question_rest(download, here, body->end);
	}
	return go_to(download, FILE_ASK);
}

/* Whether an answer that was to continue brought nothing that a later call could continue from. */
static bool has_brought_nothing(const struct download *download)
{
	return size_round_down(download->body.done, BLOCK) <= download->asking.question.here;
}

/*
 * What is wrong with an answer that continues may be wrong each time: then all of the file is asked
 * for. What ends early is not, and is continued by a later call.
 */
static int after_failure(struct download *download)
{
	int result = body_settle(download);

	if (result == -EAGAIN)
		return result;
	result = download->to_file.result;
	if (download->asking.question.here == 0 || download->target.has_lost)
		return go_to(download, FILE_SETTLE);
	if (result == -ESTALE)
		result = download_start_over(download, "what is here is not what the server has");
	else if (result == -EMSGSIZE)
		result = download_start_over(download, "the server sends more than it announced");
	else if (has_brought_nothing(download) &&
		 (result == -ENODATA || result == -EPROTO || result == -ECONNRESET))
		result = download_ask_again(download, "the server does not go on when asked to");
	return result < 0 ? fail(download, result, FILE_SETTLE) : go_to(download, FILE_ASK);
}

static int commit_target(struct download *download)
{
	int result = run(download, commit);

	if (result == -EAGAIN)
		return result;
	download->to_file.stays = true;
	return result < 0 ? fail(download, result, FILE_SETTLE) : go_to(download, FILE_DONE);
}

static int settle(struct download *download)
{
	int result = body_settle(download);

	return result < 0 ? result : go_to(download, FILE_SAVE);
}

static int save(struct download *download)
{
	int result = body_save(download);

	return result < 0 ? result : go_to(download, FILE_KEEP);
}

static int keep_part(struct download *download)
{
	int result;

	if (download->to_file.job.state == JOB_IDLE && download->to_file.result == -ECANCELED)
		download->to_file.stays = true;
	result = run(download, keep);
	return result < 0 ? result : go_to(download, FILE_DONE);
}

static int (*const steps[])(struct download *download) = {
	[FILE_OPEN] = open_target,     [FILE_CREATE] = create_target,
	[FILE_CLEAR] = clear_target,   [FILE_BEGIN] = begin_body,
	[FILE_BODY] = take_body,       [FILE_CONFIRM] = confirm,
	[FILE_STALE] = drop_stale,     [FILE_CLEAR_STALE] = clear_stale,
	[FILE_FINISH] = finish_body,   [FILE_REST] = ask_for_rest,
	[FILE_FAILED] = after_failure, [FILE_COMMIT] = commit_target,
	[FILE_SETTLE] = settle,        [FILE_SAVE] = save,
	[FILE_KEEP] = keep_part,
};

int download_to_file(struct download *download)
{
	struct to_file *to_file = &download->to_file;
	enum to_file_phase last;
	int result = 0;

	while (result == 0 && to_file->phase < FILE_ASK)
		result = steps[to_file->phase](download);
	if (result < 0)
		return result;
	last = to_file->phase;
	to_file->phase = FILE_OPEN;
	result = last == FILE_ASK ? DOWNLOAD_ASK : to_file->result;
	to_file->result = 0;
	return result;
}
