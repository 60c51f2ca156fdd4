/* SPDX-License-Identifier: MIT */
/*
 * A download to a file: its part takes the answer's body, and becomes the file when all is there.
 * Where an answer was shorter than the file, or does not fit what is here, there is another
 * question to ask.
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

static void keep_part(struct download *download, bool stays_anyway)
{
	download_close_range(download);
	download_save(download, download->done);
	target_keep(&download->target,
		    &(struct intervals){download->done > 0, {{0, download->done}}}, stays_anyway,
		    download->error);
}

static void tell_what_is_aside(struct download *download)
{
	const struct target *target = &download->target;
	char text[768];

	if (!*target->aside || !download->options->note)
		return;
	snprintf(text, sizeof(text), "%s: it stays as it is, and %s is used", target->aside,
		 target->part);
	download->options->note(download->options->argument, text);
}

static void note_start_over(struct download *download)
{
	char line[160];

	if (!download->why_over || !download->options->note)
		return;
	snprintf(line, sizeof(line), "%s: starting over", download->why_over);
	download->options->note(download->options->argument, line);
	download->why_over = NULL;
}

/* The answer was shorter than the file. Each brings at least a byte, so this ends. */
static int ask_for_rest(struct download *download)
{
	struct question *question = &download->question;
	uint64_t next = size_round_down(download->end, BLOCK);

	if (download->end - question->from < TINY && ++download->tiny > TINY_MAX)
		return error_set(download->error, EPROTO,
				 "the server sends a few bytes at a time: run again to continue");
	download_close_range(download);
	question->validator = &download->validator;
	question->size = download->expected;
	question->from = download->end;
	if (download->end > question->here) {
		/* From a block's start on, unless that would be no progress. */
		question->here = question->from = next > question->here ? next : download->end;
		download->done = question->here;
	}
	download->has_asked_again = false;
	return DOWNLOAD_ASK;
}

static bool is_whole(const struct download *download)
{
	return download->range && download->end >= download->expected &&
	       (download->end == UINT64_MAX || range_recv_offset(download->range) == download->end);
}

/* What came is whole, but where the file has changed meanwhile it may be of two files. */
static int confirm(struct download *download)
{
	int result = download_confirm(download), code;

	if (result != -ESTALE)
		return result;
	download_close_range(download);
	download->done = 0;
	result = download_start_over(download, "the file was changed on the server while it came");
	/* Nothing may be continued from this, whatever comes next. */
	code = target_start_over(&download->target, result < 0 ? NULL : download->error);
	if (result == 0)
		result = code;
	return result < 0 ? result : DOWNLOAD_ASK;
}

/* What happens between an open target and its commit. */
static int fill_target(struct download *download)
{
	int result = 0;

	note_start_over(download);
	/* An answer may end within what is here, where it is only compared. */
	if (download->end > download->done || download->done == 0)
		result = download_open_range(download);
	if (result == 0)
		result = download_receive_body(download);
	if (result == 0 && is_whole(download))
		result = confirm(download);
	if (result != 0)
		return result;
	if (download->range)
		result = download_finish_range(download);
	else if (download->at < download->end)
		result = download_body_failed(download, -ENODATA);
	if (result == 0 && download->end < download->expected)
		result = ask_for_rest(download);
	return result;
}

/* Whether an answer that was to continue brought nothing that a later call could continue from. */
static bool has_brought_nothing(const struct download *download)
{
	return size_round_down(download->done, BLOCK) <= download->question.here;
}

/*
 * What is wrong with an answer that continues may be wrong each time: then all of the file is asked
 * for. What ends early is not, and is continued by a later call.
 */
static int after_failure(struct download *download, int result)
{
	if (download->question.here == 0 || download->target.has_lost)
		return result;
	download_close_range(download);
	if (result == -ESTALE)
		result = download_start_over(download, "what is here is not what the server has");
	else if (result == -EMSGSIZE)
		result = download_start_over(download, "the server sends more than it announced");
	else if (has_brought_nothing(download) &&
		 (result == -ENODATA || result == -EPROTO || result == -ECONNRESET))
		result = download_ask_again(download, "the server does not go on when asked to");
	else
		return result;
	return result < 0 ? result : DOWNLOAD_ASK;
}

/* For the first answer of which bytes are taken, and for one that brings all of the file anew. */
static int open_target(struct download *download)
{
	struct target *target = &download->target;
	int result;

	if (target->is_ours)
		return download->done > 0 ? 0 : target_start_over(target, download->error);
	result = target_create(target,
			       &(struct intervals){download->done > 0, {{0, download->done}}},
			       download->error);
	if (result < 0)
		return result;
	tell_what_is_aside(download);
	download->result->bill.public.page_cache_before_bytes =
		download_resident(download, download->done);
	download->saved_ms = loop_now_ms(download->loop);
	return 0;
}

/* Of a file whose bytes are on the disk, lest it outlasts them. */
static void remember_origin(struct download *download)
{
	const struct origin origin = {
		.url = origin_url(download->url_text),
		.place = origin_place(&download->url),
		.validator = download->validator,
	};

	if (!download->options->no_sync)
		origin_remember(&origin, download->target.file->fd);
}

int download_to_file(struct download *download)
{
	struct target *target = &download->target;
	bool has_all = false;
	int result = open_target(download);

	if (result == 0) {
		result = fill_target(download);
		if (result < 0)
			result = after_failure(download, result);
	}
	if (result == DOWNLOAD_ASK)
		return result;
	if (result == 0) {
		has_all = true;
		remember_origin(download);
		result = target_commit(target, download_done(download), download->error);
	}
	if (result < 0)
		keep_part(download, has_all || result == -ECANCELED);
	return result;
}

int download_to_nothing(struct download *download)
{
	return fill_target(download);
}
