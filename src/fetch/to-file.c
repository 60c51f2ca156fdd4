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
#include <stdlib.h>

enum {
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

int body_failed(struct download *download, int64_t code)
{
	struct sluice_error *error = &download->error;

	const char *words = channel_words(&download->exchange.client.channel);

	if (code == -ENODATA && download->asking.expected == UINT64_MAX)
		return error_set(error, ENODATA,
				 "the connection ended after %llu bytes, and the server did not "
				 "say that these were all",
				 (unsigned long long)download_done(download));
	if (words && (code == -ECONNABORTED || code == -EPROTO))
		return error_set(error, (int)-code, "receiving the file: %s", words);
	if (code == -ENODATA)
		return error_set(error, ENODATA, "the connection ended after %llu of %llu bytes",
				 (unsigned long long)download_done(download),
				 (unsigned long long)download->asking.expected);
	if (code == -EMSGSIZE)
		return error_set(error, EPROTO, "the server sends more than it announced");
	return download->landing ? landing_failed(download->landing, code, error)
				 : error_set_errno(error, (int)-code, "receiving the file");
}

/* The landing's calls */

static void on_landed(void *owner, int result)
{
	struct download *download = owner;

	download->to_file.call = LAND_DONE;
	download->to_file.landed = result;
	download_wake(download);
}

struct landing_options download_landing(struct download *download)
{
	return (struct landing_options){
		.done = on_landed,
		.owner = download,
		.forced = download->output.path,
		.tally = &download->body.tally,
		.keep_cached = download->options.keep_cached,
		.no_sync = download->options.no_sync,
		.keeps_existing = download->options.no_clobber,
		.explains = download->options.explain,
		.sparse = download->options.sparse,
	};
}

/* Begins one, unless it is under way. */
static bool begins_call(struct download *download)
{
	bool is_idle = download->to_file.call == LAND_IDLE;

	if (is_idle)
		download->to_file.call = LAND_BUSY;
	return is_idle;
}

/* 0 or -errno, as it ended; -EAGAIN: it has not. */
static int end_call(struct download *download)
{
	struct to_file *to_file = &download->to_file;

	exchange_mark_active(&download->exchange);
	if (to_file->call == LAND_BUSY)
		return -EAGAIN;
	to_file->call = LAND_IDLE;
	return to_file->landed;
}

/* Words */

static void tell_what_is_aside(struct download *download)
{
	const struct landing_found *found = landing_found(download->landing);
	char text[768];

	if (!*found->aside)
		return;
	snprintf(text, sizeof(text), "%s: it stays as it is, and %s is used", found->aside,
		 found->part);
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

/* Where the size is not known, nobody could tell that a continued file is whole. */
static const struct validator none;

static int open_nothing(struct download *download)
{
	const struct landing_options options = download_landing(download);
	int result = 0;

	if (!download->landing)
		result = landing_open_file(&download->landing, download->loop, NULL, 0, UINT64_MAX,
					   &options, &download->error);
	return result < 0 ? fail(download, result, FILE_DONE) : go_to(download, FILE_BEGIN);
}

/* For the first answer of which bytes are taken, and for one that brings all of the file anew. */
static int open_landing(struct download *download)
{
	if (download->output.keeps_nothing)
		return open_nothing(download);
	return go_to(download, download->asking.is_all || !landing_is_begun(download->landing)
				       ? FILE_START
				       : FILE_BEGIN);
}

static void start_landing(struct download *download)
{
	const struct asking *asking = &download->asking;

	download_expect_answers(download);
	if (asking->is_all)
		landing_start(download->landing, download->loop,
			      asking->expected == UINT64_MAX ? &none : &asking->validator,
			      asking->expected, &download->error);
	else
		landing_resume(download->landing, download->loop,
			       &landing_found(download->landing)->there, &download->error);
}

/* Of what an earlier call brought. */
static int64_t resident(const struct download *download)
{
	const struct landing_found *found = landing_found(download->landing);

	return download_resident(download,
				 download->asking.is_all ? 0 : intervals_end(&found->there));
}

static int start(struct download *download)
{
	bool is_first = !landing_is_begun(download->landing);
	int result;

	if (begins_call(download)) {
		download->to_file.is_first = is_first;
		start_landing(download);
	}
	result = end_call(download);
	if (result == -EAGAIN)
		return result;
	if (result < 0)
		return fail(download, result, FILE_ABANDON);
	if (download->to_file.is_first) {
		tell_what_is_aside(download);
		download->to_file.resident = resident(download);
	}
	return go_to(download, FILE_BEGIN);
}

static int begin_body(struct download *download)
{
	const struct body *body = &download->body;
	int result = 0;

	note_start_over(download);
	/* An answer may end within what is here, where it is only compared. */
	if (body->end > body->done || body->done == 0)
		result = body_open_range(download);
	if (result < 0)
		return fail(download, result, FILE_FAILED);
	streams_open(download, true);
	return go_to(download, FILE_BODY);
}

/* What streams beside the body could not write. */
static int check_streams(struct download *download)
{
	int failed = download->streams.failed;

	return failed < 0 ? body_failed(download, failed) : 0;
}

static int take_body(struct download *download)
{
	int result = check_streams(download);

	if (result == 0)
		result = body_receive(download);
	if (result == -EAGAIN)
		return result;
	if (result < 0)
		return fail(download, result, FILE_FAILED);
	return go_to(download, FILE_END);
}

static int confirm(struct download *download)
{
	int result = download_confirm(download);

	if (result == -EAGAIN)
		return result;
	if (result == -ESTALE)
		return go_to(download, FILE_STALE);
	return result < 0 ? fail(download, result, FILE_FAILED) : go_to(download, FILE_LAND);
}

/* What came is whole, but where the file has changed meanwhile it may be of two files. */
static int drop_stale(struct download *download)
{
	int result = body_settle(download);

	if (result == -EAGAIN)
		return result;
	body_forget(download);
	result = download_start_over(download,
				     "the file was changed on the server during the download");
	return fail(download, result, FILE_CLEAR);
}

/* Nothing may be continued from this, whatever comes next. */
static int clear(struct download *download)
{
	struct to_file *to_file = &download->to_file;
	int result;

	/* What fails behind another failure is not said. */
	if (begins_call(download))
		landing_start(download->landing, download->loop, &none, UINT64_MAX,
			      to_file->result < 0 ? NULL : &download->error);
	result = end_call(download);
	if (result == -EAGAIN)
		return result;
	if (to_file->result == 0)
		to_file->result = result;
	return go_to(download, to_file->result < 0 ? FILE_ABANDON : FILE_ASK);
}

/* Of this answer. */
static int end_body(struct download *download)
{
	const struct body *body = &download->body;
	const struct dealer *dealer = &download->dealer;

	if (body->end != UINT64_MAX && body->at < body->end)
		return fail(download, body_failed(download, -ENODATA), FILE_FAILED);
	if (body_goes_on(download))
		return go_to(download, FILE_BODY);
	if (dealer_is_done(dealer) && download->streams.count == 0 &&
	    (body->at == body->answer_end || body->answer_end == UINT64_MAX))
		return go_to(download, FILE_CONFIRM);
	return go_to(download, FILE_REST);
}

/* The answer, or what it was to bring of it, was shorter than the file. Each brings at least a
 * byte, so this ends. */
static int ask_for_rest(struct download *download)
{
	const struct question *question = &download->asking.question;
	struct body *body = &download->body;
	int result = body_settle(download);

	if (result == -EAGAIN)
		return result;
	if (result < 0)
		return fail(download, body_failed(download, result), FILE_FAILED);
	/* Where it has ended within what is here, the next answer may bring all of the file. */
	if (body->end <= question->here && streams_stop(download) < 0)
		return -EAGAIN;
	if (body->end - question->from < TINY && ++download->to_file.tiny > TINY_MAX)
		return fail(download,
			    error_set(&download->error, EPROTO,
				      "the server sends a few bytes at a time: run again to "
				      "continue"),
			    FILE_FAILED);
	if (body->end > question->here) {
		dealer_give_back(&download->dealer, 0);
		return go_to(download, FILE_NEXT);
	}
	download_question_rest(download, body->end);
	return go_to(download, FILE_ASK);
}

/* Streams beside the body take what is left, and each other's rest; what they do not get is the
 * body's again. */
static int take_next(struct download *download)
{
	struct dealer *dealer = &download->dealer;
	int result = check_streams(download);

	if (result == 0 && body_takes_next(download))
		return go_to(download, FILE_BEGIN);
	if (result == 0)
		streams_open(download, false);
	if (result == 0 && download->streams.count > 0)
		result = download_wait_job(download);
	if (result < 0)
		return result == -EAGAIN ? result : fail(download, result, FILE_FAILED);
	if (!dealer_take(dealer, 0, 0))
		return go_to(download, FILE_CONFIRM);
	download_question_rest(download, dealer->streams[0].at);
	return go_to(download, FILE_ASK);
}

/* Whether an answer that was to continue brought nothing that a later call could continue from. */
static bool has_brought_nothing(const struct download *download)
{
	return size_round_down(download->body.done, DEALER_BLOCK) <= download->asking.question.here;
}

static bool may_be_the_range(const struct download *download, int result)
{
	return download->asking.question.is_part && has_brought_nothing(download) &&
	       (result == -ENODATA || result == -EPROTO || result == -ECONNRESET);
}

/* Where several share the file, one's failure is not the end as long as bytes come. */
static bool is_shared(const struct download *download, int result)
{
	return policy_is_connections(result) && download->streams.used > 1 &&
	       !download->streams.failed;
}

/* -EAGAIN: it is not known yet whether the others bring something. */
static int others_go_on(struct download *download, int result)
{
	uint64_t before = download->to_file.total_at_failure;

	if (!is_shared(download, result))
		return 0;
	download->to_file.total_at_failure = landing_total(download->landing);
	if (download->to_file.total_at_failure > before)
		return 1;
	return download->streams.count > 0 ? download_wait_job(download) : 0;
}

/*
 * What may pass is tried again later. What is wrong with an answer that continues may be wrong each
 * time: then all of the file is asked for.
 */
static int after_failure(struct download *download)
{
	int result = body_settle(download), others;

	if (result == -EAGAIN)
		return result;
	result = download->to_file.result;
	others = others_go_on(download, result);
	if (others < 0)
		return others == -EAGAIN ? others : fail(download, others, FILE_FAILED);
	if (others > 0) {
		exchange_disconnect(&download->exchange);
		dealer_give_back(&download->dealer, 0);
		download->error.text[0] = '\0';
		download->to_file.result = 0;
		return go_to(download, FILE_NEXT);
	}
	if (streams_stop(download) < 0)
		return -EAGAIN;
	if (!landing_can_resume(download->landing))
		return go_to(download, FILE_ABANDON);
	if (result == -ESTALE && mirrors_is_at_one(download))
		error_set(&download->error, ESTALE, "%s has other bytes than what is here",
			  mirrors_url(download));
	if ((result != -ESTALE || mirrors_is_at_one(download)) &&
	    !(may_be_the_range(download, result) && again_doubts_range(download)) &&
	    download_try_again(download, result) == 0)
		return go_to(download, FILE_ASK);
	if (!download->asking.question.is_part)
		return go_to(download, FILE_ABANDON);
	if (result == -ESTALE)
		result =
			download_start_over(download, "the partial file differs from the server's");
	else if (result == -EMSGSIZE)
		result = download_start_over(download, "the server sends more than it announced");
	else if (may_be_the_range(download, result))
		result = download_ask_again(download, "the server does not go on when asked to");
	return result < 0 ? fail(download, result, FILE_ABANDON) : go_to(download, FILE_ASK);
}

/* To the disk, and to its name. */
static int land(struct download *download)
{
	const struct dealer *dealer = &download->dealer;
	int result;

	if (begins_call(download)) {
		body_hand_over(download);
		if (!download->output.keeps_nothing)
			download_stamp(download);
		landing_finish(download->landing,
			       dealer->size > 0 ? dealer->size : download->body.done,
			       &download->error);
	} else if (download->to_file.call == LAND_BUSY && download_wait_job(download) != -EAGAIN) {
		return fail(download, -ECANCELED, FILE_ABANDON);
	}
	result = end_call(download);
	if (result == -EAGAIN)
		return result;
	return result < 0 ? fail(download, result, FILE_ABANDON) : go_to(download, FILE_DONE);
}

/* What can be continued stays; and what the user has stopped, whatever it is worth. */
static int abandon(struct download *download)
{
	struct to_file *to_file = &download->to_file;
	int result;

	if (!to_file->is_abandoned) {
		to_file->is_abandoned = true;
		to_file->call = LAND_BUSY;
		streams_hand_over(download);
		body_hand_over(download);
		landing_abandon(download->landing, to_file->result == -ECANCELED, &download->error);
	}
	result = end_call(download);
	if (result == -EAGAIN)
		return result;
	/* It may have been too late: the file is there. */
	if (result == 0)
		to_file->result = 0;
	return go_to(download, FILE_DONE);
}

static int (*const steps[])(struct download *download) = {
	[FILE_OPEN] = open_landing, [FILE_START] = start,          [FILE_BEGIN] = begin_body,
	[FILE_BODY] = take_body,    [FILE_CONFIRM] = confirm,      [FILE_STALE] = drop_stale,
	[FILE_CLEAR] = clear,       [FILE_END] = end_body,         [FILE_REST] = ask_for_rest,
	[FILE_NEXT] = take_next,    [FILE_FAILED] = after_failure, [FILE_LAND] = land,
	[FILE_ABANDON] = abandon,
};

bool download_takes_bytes(const struct download *download)
{
	enum to_file_phase phase = download->to_file.phase;

	return phase == FILE_BODY || phase == FILE_NEXT;
}

void download_give_up(struct download *download, int result)
{
	fail(download, result, FILE_ABANDON);
}

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
