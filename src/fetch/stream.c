/* SPDX-License-Identifier: MIT */
/* Invariants: a stream that is open has a stretch of the dealer's, or is about to take one; its
 * range begins where that did. */
#include "fetch/stream.h"

#include "base/clock.h"
#include "base/container.h"
#include "base/error.h"
#include "base/size.h"
#include "fetch/download.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	LEAST = 4 << 20,        /* that is worth a request */
	PIECE_FIRST = 16 << 20, /* asked for at once, and twice as much the next time, */
	PIECE_MAX = 256 << 20,  /* so that little is on its way where others take over */
	TURN_BYTES = 8 << 20,
	ROUND_MS = 1000,
	TRIED = 64 << 10, /* bytes that a connection brings which was worth it */
};

struct stream {
	struct download *download;
	unsigned place; /* among the dealer's */
	enum { STREAM_ASK, STREAM_HEAD, STREAM_BODY, STREAM_FLUSH } phase;
	struct exchange exchange;
	struct sluice_error error;
	struct loop_task task;
	uint64_t waits_since_ns; /* for the network; 0: it does not */
	struct landing_range *range;
	const char *url;                   /* from where, */
	const struct validator *validator; /* and by what */
	uint64_t piece;                    /* what is asked for next, at most */
	uint64_t brought;                  /* by this connection */
	bool is_lost;                      /* the connection, or what it was to bring */
	bool is_refused;                   /* there is no use in another one */
	bool was_network;                  /* that failed */
	bool is_stopped;                   /* what it has is written, and no more asked for */
};

static struct dealer_stretch *stretch_of(const struct stream *stream)
{
	return &stream->download->dealer.streams[stream->place];
}

static void wake(void *owner)
{
	struct stream *stream = owner;

	loop_task_queue(stream->download->loop, &stream->task);
}

static void on_exchange(struct exchange *exchange)
{
	wake(container_of(exchange, struct stream, exchange));
}

/* How a step ends after which nothing more comes: what came is written first. */
static int lose(struct stream *stream, bool is_refused)
{
	stream->is_lost = true;
	stream->is_refused = is_refused;
	stream->phase = STREAM_FLUSH;
	return 0;
}

/*
 * A mirror that is of no use, and will not be, is dropped, and another place asked; but not the one
 * that the body is at, which judges for itself.
 */
static int lose_place(struct stream *stream)
{
	struct download *download = stream->download;
	bool can_drop = strcmp(stream->url, download->url) != 0 &&
			strcmp(stream->url, mirrors_pick(download, 0)) != 0 &&
			stream->exchange.verdict.kind != POLICY_AGAIN;

	return lose(stream, !can_drop || !mirrors_drop(download, stream->url, stream->error.text));
}

/* Asking */

/* Streams, the body among them. */
static unsigned wanted(const struct download *download)
{
	const struct streams *streams = &download->streams;
	unsigned fixed = download->options.streams, wanted = fixed ? fixed : streams->growth.wanted;

	/* Each place has one at least. */
	if (wanted < download->mirrors.count)
		wanted = download->mirrors.count;
	return streams->most > 0 && streams->most < wanted ? streams->most : wanted;
}

static int begin(struct stream *stream)
{
	const struct dealer_stretch *stretch = stretch_of(stream);
	char fields[384];
	int length =
		snprintf(fields, sizeof(fields), "Range: bytes=%llu-%llu\r\n",
			 (unsigned long long)stretch->at, (unsigned long long)stretch->asked - 1);

	if (stream->validator)
		snprintf(fields + length, sizeof(fields) - (size_t)length, "If-Range: %s\r\n",
			 stream->validator->text);
	stream->phase = STREAM_HEAD;
	return exchange_begin(&stream->exchange, "GET", NULL, fields);
}

/* The whole stretch, or a piece of it that leaves enough for another. */
static void choose_piece(struct stream *stream)
{
	struct dealer_stretch *stretch = stretch_of(stream);

	stretch->asked = stretch->end;
	if (stretch->end - stretch->at > stream->piece + LEAST)
		stretch->asked = size_round_down(stretch->at + stream->piece, DEALER_BLOCK);
	stream->piece = size_min(2 * stream->piece, PIECE_MAX);
}

/* The places that have the file share it: a fast one gets more of it from the dealer. */
static int choose_place(struct stream *stream)
{
	struct download *download = stream->download;
	bool is_own;

	stream->url = mirrors_pick(download, stream->place);
	is_own = strcmp(stream->url, download->url) == 0;
	stream->validator = is_own || !download->checked.expected.algorithm
				    ? &download->asking.validator
				    : NULL;
	return is_own ? exchange_set_url(&stream->exchange, stream->url)
		      : exchange_go_to(&stream->exchange, stream->url);
}

static int ask(struct stream *stream)
{
	const struct streams *streams = &stream->download->streams;
	int result = 0;

	if (streams->count + streams->is_beside > wanted(stream->download)) {
		stream->is_stopped = true;
		stream->phase = STREAM_FLUSH;
		return 0;
	}
	choose_piece(stream);
	if (!exchange_is_reusable(&stream->exchange)) {
		stream->brought = 0;
		result = choose_place(stream);
	}
	if (result == 0)
		result = begin(stream);
	return result < 0 ? lose(stream, true) : 0;
}

static bool is_what_was_asked(const struct stream *stream)
{
	const struct http_response *head = &stream->exchange.head;
	const struct dealer_stretch *stretch = stretch_of(stream);
	const struct question question = {
		.is_part = true,
		.from = stretch->at,
		.here = stretch->at,
		.size = stream->download->dealer.size,
		.validator = stream->validator,
	};
	struct verdict verdict = verdict_of(&question, head);

	/* Somebody may have taken the end of the stretch meanwhile, but not of what was asked. */
	return head->status == 206 && verdict.kind == VERDICT_TAKE &&
	       verdict.first == stretch->at && verdict.end == stretch->asked && !head->chunked &&
	       !download_is_encoded(stream->download, &stream->exchange);
}

static int open_range(struct stream *stream)
{
	struct download *download = stream->download;
	const struct dealer_stretch *stretch = stretch_of(stream);

	if (stream->range)
		return 0;
	return landing_range_open(&stream->range, download->landing,
				  &stream->exchange.client.channel, stretch->at,
				  stretch->end - stretch->at, wake, stream, &stream->error);
}

static int take_head(struct stream *stream)
{
	struct exchange *exchange = &stream->exchange;
	int result = exchange_step(exchange);

	if (result == -EAGAIN)
		return result;
	if (result == 0 && exchange->verdict.kind == POLICY_FOLLOW) {
		result = exchange_follow(exchange);
		return result == 0 && begin(stream) == 0 ? 0 : lose(stream, true);
	}
	if (result < 0) {
		stream->was_network = result != -EPROTO;
		return stream->brought < TRIED ? lose_place(stream) : lose(stream, false);
	}
	if (!is_what_was_asked(stream)) {
		error_set(&stream->error, ESTALE, "%s has another file, or sends no parts of it",
			  stream->url);
		return lose_place(stream);
	}
	if (open_range(stream) < 0)
		return lose(stream, true);
	stream->phase = STREAM_BODY;
	return 0;
}

/* Taking */

/* What came with the head, then straight from the connection. */
static int64_t receive(struct stream *stream, uint64_t most)
{
	struct http_client *client = &stream->exchange.client;
	size_t length = size_min(client->filled - client->used, most);
	int64_t count;

	if (length == 0)
		return landing_range_step(stream->range, most);
	count = landing_range_push(stream->range, client->input + client->used, length);
	if (count > 0)
		client->used += (size_t)count;
	return count;
}

/* What could not be written ends the download; what did not come, or was broken by TLS's measure,
 * is asked for again. */
static int fail(struct stream *stream, int64_t code)
{
	bool is_network = policy_is_connections((int)code);

	stream->was_network = is_network;
	if (!is_network)
		stream->download->streams.failed = (int)code;
	return lose(stream, !is_network || stream->brought < TRIED);
}

static int wait(struct stream *stream)
{
	int result;

	if (!landing_range_waits_for_socket(stream->range)) {
		exchange_mark_active(&stream->exchange);
		return -EAGAIN;
	}
	streams_wait(&stream->waits_since_ns);
	result = exchange_wait(&stream->exchange, "waiting for data");
	return result == -EAGAIN ? result : fail(stream, result);
}

/* What was asked for has come, or what is left of it. */
static int end_piece(struct stream *stream)
{
	const struct dealer_stretch *stretch = stretch_of(stream);

	if (stretch->asked > stretch->end || !stream->exchange.head.keep_alive)
		exchange_disconnect(&stream->exchange);
	stream->phase = stretch->at == stretch->end ? STREAM_FLUSH : STREAM_ASK;
	return 0;
}

static int take_body(struct stream *stream)
{
	struct dealer *dealer = &stream->download->dealer;
	const struct dealer_stretch *stretch = stretch_of(stream);
	int64_t count = 1, left = TURN_BYTES;
	uint64_t most;

	streams_go_on(stream->download, &stream->waits_since_ns);
	while ((most = size_min(stretch->asked, stretch->end) - stretch->at) > 0 && left > 0) {
		uint64_t allowed = rate_bytes(stream->download);

		if (allowed == 0) {
			exchange_mark_active(&stream->exchange);
			return -EAGAIN;
		}
		count = receive(stream, size_min(most, allowed));
		if (count <= 0)
			return count == -EAGAIN ? wait(stream) : fail(stream, count);
		dealer_advance(dealer, stream->place, landing_range_offset(stream->range));
		exchange_mark_active(&stream->exchange);
		rate_moved(stream->download, (uint64_t)count);
		stream->brought += (uint64_t)count;
		left -= count;
	}
	if (most == 0)
		return end_piece(stream);
	wake(stream); /* others have their turn */
	return -EAGAIN;
}

static int flush(struct stream *stream)
{
	struct download *download = stream->download;
	int result;

	if (!stream->range)
		return 0;
	result = landing_range_flush(stream->range);
	if (result == -EAGAIN)
		return result;
	if (result < 0)
		download->streams.failed = result;
	dealer_advance(&download->dealer, stream->place, landing_range_settled(stream->range));
	landing_range_close(stream->range);
	stream->range = NULL;
	return 0;
}

/* 1: there is nothing more for it to do. */
static int take_next(struct stream *stream)
{
	struct download *download = stream->download;
	int result = flush(stream);

	if (result < 0)
		return result;
	if (stream->is_lost)
		exchange_disconnect(&stream->exchange);
	stream->is_lost = false;
	dealer_give_back(&download->dealer, stream->place);
	if (stream->is_refused || stream->is_stopped || download->streams.failed ||
	    !dealer_take(&download->dealer, stream->place, LEAST))
		return 1;
	stream->phase = STREAM_ASK;
	return 0;
}

/* Open and close */

static void destroy(struct stream *stream)
{
	struct download *download = stream->download;

	download->streams.open[stream->place - 1] = NULL;
	download->streams.count--;
	loop_task_cancel(download->loop, &stream->task);
	landing_range_close(stream->range);
	exchange_close(&stream->exchange);
	free(stream);
}

static void end(struct stream *stream)
{
	struct download *download = stream->download;
	struct streams *streams = &download->streams;
	bool is_refused = stream->is_refused;
	bool was_network = stream->was_network;

	if (!is_refused && !stream->is_stopped)
		exchange_give_back(&stream->exchange);
	destroy(stream);
	if (is_refused) {
		streams->most = streams->count + streams->is_beside;
		streams->most += streams->most == 0;
		streams->was_network = was_network;
	}
	download_wake(download);
}

static int (*const steps[])(struct stream *stream) = {
	[STREAM_ASK] = ask,
	[STREAM_HEAD] = take_head,
	[STREAM_BODY] = take_body,
	[STREAM_FLUSH] = take_next,
};

static void on_task(struct loop_task *task)
{
	struct stream *stream = container_of(task, struct stream, task);
	int result = 0;

	while (result == 0)
		result = steps[stream->phase](stream);
	if (result != -EAGAIN)
		end(stream);
}

static bool open_one(struct download *download, unsigned index)
{
	struct streams *streams = &download->streams;
	struct stream *stream = calloc(1, sizeof(*stream));
	struct exchange *exchange = &stream->exchange;

	if (!stream || !dealer_take(&download->dealer, index + 1, LEAST)) {
		free(stream);
		return false;
	}
	stream->download = download;
	stream->place = index + 1;
	stream->url = download->url; /* until it asks */
	stream->piece = PIECE_FIRST;
	stream->task.run = on_task;
	exchange->loop = download->loop;
	exchange->wake = on_exchange;
	exchange->pool = download->exchange.pool;
	exchange->error = &stream->error;
	exchange->congestion = download->options.congestion;
	exchange->fields = download->fields.data;
	exchange->secure = download->exchange.secure;
	exchange->proxies = download->exchange.proxies;
	exchange->family = download->exchange.family;
	exchange->client.channel.in = -1;
	exchange_set_limit(exchange, download_limit(download));
	streams->open[index] = stream;
	streams->count++;
	wake(stream);
	return true;
}

/* Where the server is known to send parts of a file that does not change. */
static bool can_open(const struct download *download)
{
	return download->dealer.size > 0 && *download->asking.validator.text &&
	       !download->asking.has_no_ranges && !download->streams.failed;
}

void streams_have_answer(struct download *download)
{
	if (download->streams.was_network)
		download->streams.most = 0;
	download->streams.was_network = false;
}

/* How many there are to be */

static void begin_round(struct download *download)
{
	struct streams *streams = &download->streams;

	streams->began_ns = clock_ns();
	streams->bytes_before = download->body.tally.bytes;
	streams->streams = streams->count + streams->is_beside;
	streams->network_ns = 0;
	loop_timer_set(download->loop, &streams->timer, ROUND_MS);
}

static void on_round(struct loop_timer *timer)
{
	struct download *download = container_of(timer, struct download, streams.timer);
	struct streams *streams = &download->streams;
	uint64_t passed_ns = clock_ns() - streams->began_ns;
	unsigned now = streams->count + streams->is_beside;
	const struct growth_round round = {
		.streams = now < streams->streams ? now : streams->streams,
		.bytes = download->body.tally.bytes - streams->bytes_before,
		.milliseconds = passed_ns / 1000000,
		.waits_for_network = streams->network_ns > passed_ns / 2 * now,
		.is_local = !download->exchange.has_card,
	};

	/* Otherwise it is being asked, or all is here. */
	if (download_takes_bytes(download)) {
		growth_end_round(&streams->growth, &round);
		streams_open(download, streams->is_beside);
	}
	begin_round(download);
}

static void begin_growth(struct download *download)
{
	struct streams *streams = &download->streams;

	if (streams->growth.wanted > 0)
		return;
	growth_open(&streams->growth);
	if (download->options.streams > 0 || !can_open(download) ||
	    download->dealer.size < 2 * (uint64_t)LEAST)
		return;
	streams->timer.fire = on_round;
	begin_round(download);
}

void streams_wait(uint64_t *since_ns)
{
	*since_ns = clock_ns();
}

void streams_go_on(struct download *download, uint64_t *since_ns)
{
	if (*since_ns > 0)
		download->streams.network_ns += clock_ns() - *since_ns;
	*since_ns = 0;
}

void streams_open(struct download *download, bool is_beside)
{
	struct streams *streams = &download->streams;
	unsigned most;

	streams->is_beside = is_beside;
	begin_growth(download);
	most = wanted(download);
	/* A single one is the body, which knows what servers do. */
	for (unsigned i = 0; i < STREAMS_MAX && most > 1 && can_open(download); i++)
		if (streams->count + is_beside >= most ||
		    (!streams->open[i] && !open_one(download, i)))
			break;
	if (streams->count + is_beside > streams->used)
		streams->used = streams->count + is_beside;
}

int streams_stop(struct download *download)
{
	struct streams *streams = &download->streams;

	for (unsigned i = 0; i < STREAMS_MAX; i++) {
		struct stream *stream = streams->open[i];

		if (!stream || stream->is_stopped)
			continue;
		stream->is_stopped = true;
		stream->phase = STREAM_FLUSH;
		wake(stream);
	}
	return streams->count > 0 ? -EAGAIN : 0;
}

void streams_hand_over(struct download *download)
{
	for (unsigned i = 0; i < STREAMS_MAX; i++)
		if (download->streams.open[i]) {
			download->streams.open[i]->range = NULL;
			destroy(download->streams.open[i]);
		}
}

void streams_close(struct download *download)
{
	if (download->loop)
		loop_timer_cancel(download->loop, &download->streams.timer);
	for (unsigned i = 0; i < STREAMS_MAX; i++)
		if (download->streams.open[i])
			destroy(download->streams.open[i]);
}

void streams_wake(struct download *download)
{
	for (unsigned i = 0; i < STREAMS_MAX; i++)
		if (download->streams.open[i])
			wake(download->streams.open[i]);
}
