/* SPDX-License-Identifier: MIT */
/*
 * What is asked for, and what the answer means for what is here already: exchanges until bytes come
 * that are of use.
 */
#include "base/error.h"
#include "base/size.h"
#include "fetch/download.h"
#include "http/coding.h"
#include "http/date.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum {
	OVERS_MAX =
		2, /* how often a run starts over: a server that is wrong each time must end it */
	OVERLAP = 64 << 10,
};

/* The question */

static uint64_t overlap(const struct dealer *dealer)
{
	uint64_t here = dealer->streams[0].at;

	return here - size_min(dealer_before(dealer, here), OVERLAP);
}

static void ask_for_next(struct download *download)
{
	dealer_take(&download->dealer, 0, 0);
	download_question_rest(download, overlap(&download->dealer));
}

/*
 * The last bytes that are here are asked for again and compared. A validator is only as good as the
 * server, and means nothing at another URL, where a redirect may lead (RFC 9110 8.8.3).
 */
void download_question(struct download *download, const struct origin *origin)
{
	const struct landing_found *found = landing_found(download->landing);
	struct asking *asking = &download->asking;

	if (origin)
		asking->origin = *origin;
	asking->has_origin = origin;
	asking->validator = asking->origin.validator;
	asking->question.validator = &asking->validator;
	if (found->there.count == 0)
		return;
	asking->validator = found->validator;
	asking->resume = intervals_total(&found->there);
	dealer_open(&download->dealer, found->size, &found->there);
	ask_for_next(download);
}

void download_question_rest(struct download *download, uint64_t from)
{
	struct asking *asking = &download->asking;
	const struct dealer *dealer = &download->dealer;
	uint64_t end = dealer->streams[0].end;

	asking->question = (struct question){
		.is_part = true,
		.from = from,
		.end = end == dealer->size ? UINT64_MAX : end,
		.here = dealer->streams[0].at,
		.size = dealer->size,
		.validator = &asking->validator,
	};
	asking->has_asked_again = false;
	body_has(download, from, dealer->streams[0].at);
}

bool download_question_can_go_on(const struct download *download)
{
	const struct asking *asking = &download->asking;
	bool has_size = download->output.fd < 0 ? download->dealer.size > 0
						: asking->expected != UINT64_MAX;

	return has_size && *asking->validator.text && !asking->is_spoilt &&
	       !download->output.keeps_nothing && !download_wants_part(download);
}

/* Behind what a descriptor has. */
static void ask_for_what_follows(struct download *download)
{
	uint64_t written = download->body.written_to_fd;

	download->asking.question = (struct question){
		.is_part = written > 0,
		.from = written,
		.end = UINT64_MAX,
		.here = written,
		.size = download->asking.expected,
		.validator = &download->asking.validator,
	};
}

void download_question_again(struct download *download)
{
	struct asking *asking = &download->asking;
	struct dealer *dealer = &download->dealer;

	asking->phase = ASK_PAUSE;
	asking->question = (struct question){.validator = &asking->validator};
	asking->has_asked_again = false;
	if (!download_question_can_go_on(download)) {
		if (download_done(download) > 0 && !asking->why_over)
			asking->why_over = "what has come cannot be continued";
		return;
	}
	asking->is_over = false;
	asking->why_over = NULL;
	if (download->output.fd >= 0) {
		ask_for_what_follows(download);
		return;
	}
	dealer_give_back(dealer, 0);
	if (dealer->here.count > 0)
		ask_for_next(download);
}

static void add_part(const struct sluice_get_options *options, struct buffer *text)
{
	buffer_printf(text, "Range: bytes=%llu-", (unsigned long long)options->range_offset);
	if (options->range_length > 0)
		buffer_printf(
			text, "%llu",
			(unsigned long long)(options->range_offset + options->range_length - 1));
	buffer_text(text, "\r\n");
}

/* What is wanted of the file, and on which condition. */
static void add_question(const struct question *question, struct buffer *text)
{
	const struct validator *validator = question->validator;

	if (question->is_part) {
		buffer_printf(text, "Range: bytes=%llu-", (unsigned long long)question->from);
		if (question->end != UINT64_MAX)
			buffer_printf(text, "%llu", (unsigned long long)question->end - 1);
		if (validator)
			buffer_printf(text, "\r\nIf-Range: %s", validator->text);
		buffer_text(text, "\r\n");
	} else if (question->is_by_range)
		buffer_text(text, "Range: bytes=0-\r\n");
	else if (question->is_conditional)
		buffer_printf(text, "%s: %s\r\n",
			      validator->is_date ? "If-Modified-Since" : "If-None-Match",
			      validator->text);
}

/* What an earlier call began was newer. */
static bool wants_newer(const struct asking *asking)
{
	return asking->has_newer && !asking->question.is_part;
}

static void add_time(time_t time, struct buffer *text)
{
	char date[HTTP_DATE_SIZE];

	http_date_format(date, time);
	buffer_printf(text, "If-Modified-Since: %s\r\n", date);
}

static int begin_exchange(struct download *download)
{
	struct asking *asking = &download->asking;
	struct exchange *exchange = &download->exchange;
	struct buffer fields = {0};
	int result;

	if (download->options.server_bill)
		buffer_text(&fields, "Prefer: " HTTP_BILL_PREFERENCE "\r\n");
	else if (download->output.keeps_nothing)
		buffer_text(&fields, "Connection: close\r\n");
	/* A validator means something where it came from. */
	if (!asking->question.is_part && !asking->question.is_by_range)
		asking->question.is_conditional =
			asking->has_origin && !asking->has_newer &&
			asking->origin.place == origin_place(&exchange->url);
	add_question(&asking->question, &fields);
	if (wants_newer(asking))
		add_time(asking->newer_than, &fields);
	if (download_wants_part(download))
		add_part(&download->options, &fields);
	result = fields.failed
			 ? error_set_errno(&download->error, ENOMEM, "the request")
			 : exchange_begin(exchange, "GET", NULL, fields.data ? fields.data : "");
	buffer_free(&fields);
	return result;
}

static int begin(struct download *download)
{
	struct asking *asking = &download->asking;
	int result = exchange_go_to(&download->exchange, mirrors_url(download));

	asking->question.validator = mirrors_know_by_digest(download) ? NULL : &asking->validator;
	asking->phase = ASK_EXCHANGE;
	return result < 0 ? result : begin_exchange(download);
}

/* A failure behind a redirect is the other place's. */
static void name_redirect(struct download *download)
{
	const struct exchange *exchange = &download->exchange;
	struct buffer text = {0};
	char host[HTTP_URL_HOST];

	if (!*exchange->before.host || download->error.code == ECANCELED)
		return;
	http_url_host(&exchange->url, host);
	buffer_printf(&text, "%s://%s%s", http_url_scheme(&exchange->url), host,
		      exchange->url.target);
	if (!text.failed)
		error_append(&download->error, " (redirected to %s)", text.data);
	buffer_free(&text);
}

/* What the answer means */

bool download_is_encoded(const struct download *download, const struct exchange *exchange)
{
	struct http_text encoding = exchange->head.content_encoding;

	return !http_coding_keeps(encoding, download->url) &&
	       !http_coding_keeps(encoding, exchange->url.target) &&
	       !http_coding_keeps(encoding, download->output.file);
}

static int refuse_encoded(struct download *download)
{
	char printable[64];

	return error_set(&download->error, EPROTO,
			 "the server sends the file encoded (%s), although it was asked not to; to "
			 "keep it so, name the output as such files are named: NAME.gz",
			 http_text_printable(download->exchange.head.content_encoding, printable,
					     sizeof(printable)));
}

static bool had_part(const struct download *download)
{
	return download->landing && landing_found(download->landing)->had_part;
}

/* All of the file comes: what an earlier call left is of no use. */
static void take_all(struct download *download)
{
	const struct http_response *head = &download->exchange.head;
	struct asking *asking = &download->asking;

	if (asking->question.is_part)
		asking->why_over = validator_is_in(&asking->validator, head)
					   ? "the server does not continue downloads"
					   : "the file has changed on the server";
	else if (had_part(download) && !asking->why_over)
		asking->why_over = "the part that is there cannot be continued";
	asking->resume = 0;
	asking->overs += asking->is_over;
	asking->is_over = asking->is_spoilt = false;
	asking->question = (struct question){0};
	asking->has_origin = false;
	validator_read(&asking->validator, head, time(NULL));
}

/* All of the file comes, and what is here of it need not come again. */
static bool keeps_what_is_here(struct download *download, const struct verdict *verdict)
{
	const struct http_response *head = &download->exchange.head;
	struct asking *asking = &download->asking;
	const struct dealer *dealer = &download->dealer;

	if (asking->is_spoilt || dealer->size == 0 || dealer->here.count == 0 ||
	    verdict->first != 0 || verdict->end != dealer->size || verdict->size != dealer->size ||
	    !validator_is_in(&asking->validator, head) || !landing_can_resume(download->landing))
		return false;
	download_question_rest(download, overlap(dealer));
	asking->why_over = NULL;
	asking->is_over = false;
	return asking->has_no_ranges = true;
}

static bool can_be_continued(const struct download *download)
{
	/* Where the size is not known, nobody could tell that a continued file is whole. */
	return *download->asking.validator.text && download->asking.expected != UINT64_MAX &&
	       download->output.fd < 0 && !download->output.keeps_nothing;
}

/* What a descriptor got is neither compared nor taken back. */
static int check_place(struct download *download, const struct verdict *verdict)
{
	uint64_t written = download->body.written_to_fd;

	if (written == 0 || verdict->first == written)
		return 0;
	return error_set(&download->error, EPROTO,
			 "the server does not go on where the output ends");
}

/* What the program said about the size. */
static int check_size(struct download *download, const struct verdict *verdict)
{
	uint64_t wanted = download->options.expected_bytes;
	uint64_t comes =
		download_wants_part(download) ? verdict->end - verdict->first : verdict->size;

	if (wanted > 0 && verdict->size != UINT64_MAX && verdict->size != wanted)
		return error_set(&download->error, EPROTO,
				 "the file has %llu bytes on the server, and %llu were expected",
				 (unsigned long long)verdict->size, (unsigned long long)wanted);
	return comes == UINT64_MAX ? 0 : download_check_limit(download, comes);
}

static int take(struct download *download, const struct verdict *verdict)
{
	struct asking *asking = &download->asking;
	int result = check_size(download, verdict);

	if (result < 0)
		return result;
	if (download_is_encoded(download, &download->exchange))
		return refuse_encoded(download);
	result = check_place(download, verdict);
	if (result < 0)
		return result;
	asking->is_all = !asking->question.is_part || download->exchange.head.status != 206;
	if (asking->is_all && keeps_what_is_here(download, verdict))
		asking->is_all = false;
	else if (asking->is_all)
		take_all(download);
	asking->first = verdict->first;
	asking->end = verdict->end;
	asking->expected = verdict->size;
	asking->keeps_alive = download->exchange.head.keep_alive;
	asking->has_modified = http_date_parse(download->exchange.head.last_modified, time(NULL),
					       &asking->modified);
	if (download_wants_part(download)) {
		asking->expected = verdict->end - verdict->first;
		return 1;
	}
	if (verdict->end == verdict->size || can_be_continued(download))
		return 1;
	return error_set(&download->error, EPROTO,
			 "the server sends %llu bytes of %llu, although all were asked for",
			 (unsigned long long)verdict->end, (unsigned long long)verdict->size);
}

static int ask_for_all(struct download *download, const char *why)
{
	struct asking *asking = &download->asking;

	if (download->body.written_to_fd > 0)
		return error_set(&download->error, EPROTO,
				 "%s, and what was written cannot be taken back", why);
	if (asking->overs == OVERS_MAX)
		return error_set(&download->error, EPROTO, "%s, again and again: try it later",
				 why);
	asking->is_over = true;
	asking->why_over = why;
	asking->question = (struct question){0};
	asking->has_origin = false;
	download->error.text[0] = '\0';
	return 0;
}

int download_start_over(struct download *download, const char *why)
{
	download->asking.is_spoilt = true;
	return ask_for_all(download, why);
}

int download_ask_again(struct download *download, const char *why)
{
	if (download->asking.has_asked_again)
		return ask_for_all(download, why);
	download->asking.has_asked_again = true;
	download->error.text[0] = '\0';
	return 0;
}

const char *download_why_over(struct download *download)
{
	const char *why = download->asking.why_over;

	download->asking.why_over = NULL;
	return why;
}

/* No answer to be had from a server that could be reached: it may be the range that it fails at. */
static bool may_be_the_range(const struct download *download, int result)
{
	const struct question *question = &download->asking.question;

	return download->exchange.is_connected && (question->is_part || question->is_conditional) &&
	       (result == -EPROTO || result == -ELOOP || result == -ECONNRESET ||
		result == -EPIPE || result == -ENODATA);
}

/* Some servers do not look at the condition, and send the file. */
static bool is_not_newer(struct download *download, int result)
{
	struct exchange *exchange = &download->exchange;

	if (result < 0 || !wants_newer(&download->asking) ||
	    !verdict_is_not_newer(download->asking.newer_than, &exchange->head, time(NULL)))
		return false;
	if (exchange->head.status != 304)
		exchange_disconnect(exchange);
	download->asking.status = 304;
	return true;
}

/* result: how the exchange ended. */
static struct verdict judge(const struct download *download, int result)
{
	const struct question *question = &download->asking.question;

	if (result == 0 && question->is_part && download_is_encoded(download, &download->exchange))
		return (struct verdict){.kind = VERDICT_ASK_ALL,
					.why = "the server sends it encoded"};
	if (result == 0 && download_wants_part(download))
		return verdict_of_part(download->options.range_offset,
				       download->options.range_length, &download->exchange.head);
	if (result == 0)
		return verdict_of(question, &download->exchange.head);
	return (struct verdict){.kind = may_be_the_range(download, result) ? VERDICT_ASK_AGAIN
									   : VERDICT_FAILED,
				.why = "the server does not answer when asked to continue"};
}

static int refuse(struct download *download, const struct verdict *verdict)
{
	download->asking.phase = ASK_REFUSED;
	return verdict->why ? error_set(&download->error, EPROTO, "%s", verdict->why) : 0;
}

/* Not the range, but the moment. */
static bool is_momentary(const struct download *download, int result)
{
	unsigned status = result == 0 ? download->exchange.head.status : 0;

	return status == 408 || status == 425 || status == 429 || (status >= 502 && status <= 504);
}

/* Once more: after a pause, unless it may be that which is asked for. */
static int ask_once_more(struct download *download, int result, const char *why)
{
	bool waits = again_is_possible(download) &&
		     (is_momentary(download, result) || !again_doubts_range(download));

	if (!waits || result == -EPROTO || result == -ELOOP)
		return download_ask_again(download, why);
	return result < 0 ? result : refuse(download, &(struct verdict){.kind = VERDICT_REFUSE});
}

/* What is here is worth more than what a mirror has instead. */
static bool is_another_file(const struct download *download, const struct verdict *verdict)
{
	const struct http_response *head = &download->exchange.head;

	if (!download->asking.question.is_part || !mirrors_is_at_one(download))
		return false;
	return verdict->kind == VERDICT_ASK_ALL ||
	       (verdict->kind == VERDICT_TAKE && head->status != 206 &&
		!validator_is_in(&download->asking.validator, head));
}

static int act(struct download *download, int result)
{
	struct asking *asking = &download->asking;
	struct verdict verdict = {.kind = VERDICT_SAME};

	if (!is_not_newer(download, result))
		verdict = judge(download, result);
	asking->phase = ASK_NEXT;
	if (is_another_file(download, &verdict))
		return error_set(&download->error, ESTALE, "%s has another file",
				 mirrors_url(download));
	switch (verdict.kind) {
	case VERDICT_TAKE:
		return take(download, &verdict);
	case VERDICT_SAME:
		asking->is_unchanged = true;
		return 1;
	case VERDICT_REFUSE:
		return refuse(download, &verdict);
	case VERDICT_FAILED:
		return result;
	case VERDICT_ASK_AGAIN:
		return ask_once_more(download, result, verdict.why);
	case VERDICT_ASK_ALL:
		return ask_for_all(download, verdict.why);
	case VERDICT_ASK_RANGE:
		asking->question = (struct question){
			.validator = &asking->validator,
			.is_by_range = true,
		};
		return 0;
	}
	return -EINVAL;
}

static int step_exchange(struct download *download)
{
	struct exchange *exchange = &download->exchange;
	int result = exchange_step(exchange);

	if (result == -EAGAIN)
		result = download_wait_exchange(download);
	if (result == -EAGAIN)
		return result;
	if (result == 0)
		download->asking.status = exchange->head.status;
	else if (exchange->phase == EXCHANGE_ANSWERING)
		download->asking.status = 0;
	if (result == 0 && exchange->verdict.kind == POLICY_FOLLOW) {
		result = exchange_follow(exchange);
		if (result == 0)
			return begin_exchange(download);
	}
	return act(download, result);
}

static int pause(struct download *download)
{
	int result = download_pause(download);

	if (result == 0)
		download->asking.phase = ASK_NEXT;
	return result;
}

/* A failure that may pass is followed by a pause. */
static int after_failure(struct download *download, int result)
{
	name_redirect(download);
	download->asking.phase = ASK_NEXT;
	return download_try_again(download, result);
}

/* 0: there is more to do; 1: it is clear; -EAGAIN; or -errno with error. */
static int step(struct download *download)
{
	switch (download->asking.phase) {
	case ASK_NEXT:
		return begin(download);
	case ASK_PAUSE:
		return pause(download);
	case ASK_EXCHANGE:
		return step_exchange(download);
	case ASK_REFUSED:
		return download_refuse_status(download);
	}
	return -EINVAL;
}

int download_ask(struct download *download)
{
	int result;

	do {
		result = step(download);
		if (result < 0 && result != -EAGAIN)
			result = after_failure(download, result);
	} while (result == 0);
	if (result == -EAGAIN)
		return result;
	download->asking.has_answer = result == 1;
	if (result == 1)
		download_note_bill(download);
	return result < 0 ? result : 0;
}
