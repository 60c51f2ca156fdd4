/* SPDX-License-Identifier: MIT */
/*
 * The body of an answer: by a receive path straight from the socket, or through the client's buffer
 * where it has to be decoded or compared, or goes to a descriptor; and to the disk.
 *
 * Invariant: what was received into the client's buffer is taken (data, left) before more is.
 */
#include "base/container.h"
#include "base/error.h"
#include "base/size.h"
#include "base/sys.h"
#include "channel/tls.h"
#include "fetch/download.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	PIECE = 64 << 10,     /* that is compared in one go */
	SKIP = 1 << 20,       /* received in vain rather than to ask again */
	TURN_BYTES = 8 << 20, /* before others on the engine have a turn */
};

static void wake(void *owner)
{
	download_wake(owner);
}

void body_has(struct download *download, uint64_t from, uint64_t here)
{
	download->body.compared = from;
	download->body.done = here;
}

/* All of the file is this body's for now. To a descriptor it goes in order anyway. */
static void deal(struct download *download)
{
	static const struct intervals nothing;
	const struct asking *asking = &download->asking;
	bool is_dealt = download->output.fd < 0 && asking->expected != UINT64_MAX;

	dealer_open(&download->dealer, is_dealt ? asking->expected : 0, &nothing);
	dealer_take(&download->dealer, 0, 0);
}

/* Others may have taken the end of the stretch. */
static void limit(struct download *download)
{
	struct body *body = &download->body;

	if (download->dealer.size > 0)
		body->end = size_min(body->answer_end, download->dealer.streams[0].end);
}

void body_begin(struct download *download)
{
	const struct asking *asking = &download->asking;
	const struct channel *channel = &download->exchange.client.channel;
	struct body *body = &download->body;

	body->tls_version = tls_version(channel);
	body->tls_suite = tls_suite(channel);
	if (asking->is_all) {
		body->compared = body->done = 0;
		deal(download);
	}
	body->at = asking->first;
	body->end = body->answer_end = asking->end;
	limit(download);
	streams_have_answer(download);
	download->dealer.streams[0].asked = body->answer_end;
	body->left = 0;
	body->has_ended = body->has_come = body->is_confirmed = false;
	http_chunked_close(body->chunked);
	body->chunked = NULL;
}

bool body_goes_on(struct download *download)
{
	struct body *body = &download->body;
	bool goes_on = body->at == body->end && body->end < body->answer_end &&
		       dealer_extend(&download->dealer, 0);

	if (goes_on)
		limit(download);
	return goes_on;
}

bool body_takes_next(struct download *download)
{
	struct body *body = &download->body;
	struct dealer *dealer = &download->dealer;
	uint64_t within = download->asking.has_no_ranges ? UINT64_MAX : SKIP;
	bool has_more = download->exchange.client.channel.in >= 0 && body->at < body->answer_end;

	if (has_more && dealer_take_ahead(dealer, 0, within) &&
	    dealer->streams[0].at < body->answer_end) {
		dealer->streams[0].asked = body->answer_end;
		body_has(download, dealer->streams[0].at, dealer->streams[0].at);
		limit(download);
		return true;
	}
	dealer_give_back(dealer, 0);
	if (has_more)
		exchange_disconnect(&download->exchange);
	return false;
}

/* What came is of no use. */
void body_forget(struct download *download)
{
	download->body.done = 0;
}

int body_open_range(struct download *download)
{
	struct body *body = &download->body;
	uint64_t end = body->answer_end;
	uint64_t length = end == UINT64_MAX ? UINT64_MAX : end - body->done;

	return landing_range_open(&body->range, download->landing,
				  &download->exchange.client.channel, body->done, length, wake,
				  download, &download->error);
}

/* Waits */

static int wait_for_range(struct download *download)
{
	if (!landing_range_waits_for_socket(download->body.range))
		return download_wait_job(download);
	streams_wait(&download->body.waits_since_ns);
	return download_wait(download, "waiting for data");
}

/* Others on the loop have their turn. */
static int give_way(struct download *download)
{
	download_wake(download);
	return download_wait_job(download);
}

static void on_writable(struct loop_watch *watch, uint32_t events)
{
	download_wake(container_of(watch, struct download, body.watch));
}

/* A pipe or a terminal, which may take its time. */
static int wait_for_output(struct download *download)
{
	struct body *body = &download->body;
	int result = 0;

	body->watch.ready = on_writable;
	if (!body->is_watched)
		result =
			loop_watch_add(download->loop, &body->watch, download->output.fd, EPOLLOUT);
	if (result == -EEXIST)
		return error_set(&download->error, EBUSY,
				 "the output is that of another get on this engine, too: give each "
				 "its own descriptor");
	if (result < 0)
		return error_set_errno(&download->error, -result, "waiting for the output");
	body->is_watched = true;
	return download_wait_job(download);
}

/* What is here already is compared */

int body_is_here(struct download *download, uint64_t offset, const char *data, size_t length)
{
	struct body *body = &download->body;
	int64_t count;

	if (!body->here && !(body->here = malloc(PIECE)))
		return 0;
	/* Which may be read for longer than the landing has it. */
	if (!body->file)
		body->file = path_file_share(landing_file(download->landing));
	if (body->read.state == JOB_IDLE)
		loop_read(download->loop, job_begin(download, &body->read), body->file->fd,
			  body->here, size_min(length, PIECE), offset);
	/* It ends by itself: there is no time limit. */
	if (!job_end(&body->read, &count)) {
		exchange_mark_active(&download->exchange);
		return -EAGAIN;
	}
	return count > 0 && memcmp(body->here, data, (size_t)count) == 0 ? (int)count : 0;
}

/* How many bytes from `at` on are here already, and are compared. */
static uint64_t overlap(const struct body *body)
{
	return body->at < body->done ? body->done - body->at : 0;
}

static void consume(struct body *body, size_t count)
{
	body->at += count;
	body->data += count;
	body->left -= count;
}

/* What is here, and is not compared: a validator and the bytes behind it speak for it. */
static int skip(struct body *body)
{
	consume(body, size_min(body->left, body->compared - body->at));
	return 0;
}

static int compare(struct download *download)
{
	struct body *body = &download->body;
	int count =
		body_is_here(download, body->at, body->data, size_min(body->left, overlap(body)));

	if (count <= 0)
		return count < 0 ? count : -ESTALE;
	/* Out of the socket, and read to compare. */
	body->tally.cpu_copied_bytes += 2 * (uint64_t)count;
	consume(body, (size_t)count);
	return 0;
}

/* What is not here is taken */

static void advance(struct download *download)
{
	if (download->dealer.size > 0)
		dealer_advance(&download->dealer, 0, download->body.at);
}

/* A reader that has gone is no network that may come back. */
static int writing_failed(struct download *download, int code)
{
	int result =
		error_set_errno(&download->error, code,
				code == EPIPE ? "writing the output, which nobody reads any more"
					      : "writing the output");

	return download->error.kind == SLUICE_ERROR_NETWORK
		       ? error_as(&download->error, SLUICE_ERROR_FILE, result)
		       : result;
}

static int write_some(struct download *download)
{
	struct body *body = &download->body;
	int64_t count = sys_write(download->output.fd, body->data, body->left);

	if (count == -EAGAIN)
		return wait_for_output(download);
	if (count == -EINTR)
		return give_way(download);
	if (count < 0)
		return writing_failed(download, (int)-count);
	checked_add(download, body->data, (size_t)count);
	body->written_to_fd += (uint64_t)count;
	/* Out of the socket, and into whatever the output is. */
	tally_add(&body->tally, "readwrite", (uint64_t)count);
	body->tally.cpu_copied_bytes += 2 * (uint64_t)count;
	channel_account(&download->exchange.client.channel, &body->tally, (uint64_t)count);
	consume(body, (size_t)count);
	return 0;
}

static int push(struct download *download)
{
	struct body *body = &download->body;
	int64_t count = landing_range_push(body->range, body->data,
					   size_min(body->left, body->end - body->at));

	if (count == -EAGAIN)
		return wait_for_range(download);
	if (count < 0)
		return body_failed(download, count);
	consume(body, (size_t)count);
	advance(download);
	return 0;
}

/* Takes what was received, as far as it is wanted: 0 when that is done. */
static int take(struct download *download)
{
	struct body *body = &download->body;
	int result = 0;

	while (result == 0 && body->left > 0 && body->at < body->end) {
		if (body->at < body->compared)
			result = skip(body);
		else if (overlap(body) > 0)
			result = compare(download);
		else if (download->output.fd >= 0)
			result = write_some(download);
		else
			result = push(download);
		exchange_mark_active(&download->exchange);
	}
	return result;
}

/* Of a body whose length is known only at its end. */
static int check_end(struct download *download)
{
	uint64_t wanted = download->options.expected_bytes, came = download_done(download);

	if (wanted == 0 || download->asking.expected != UINT64_MAX || came == wanted)
		return 0;
	return error_set(&download->error, EPROTO, "%llu bytes came, and %llu were expected",
			 (unsigned long long)came, (unsigned long long)wanted);
}

static int begin_take(struct download *download, const char *data, size_t length)
{
	struct body *body = &download->body;
	int result = download->asking.expected == UINT64_MAX
			     ? download_check_limit(download, body->at + length)
			     : 0;

	if (result < 0)
		return result;
	if (length > body->answer_end - body->at) {
		body_failed(download, -EMSGSIZE);
		return -EMSGSIZE;
	}
	rate_moved(download, length);
	body->data = data;
	body->left = length;
	return 0;
}

/* Ways to receive */

/* Straight from the socket by the chosen path. */
static int receive_range(struct download *download)
{
	struct body *body = &download->body;
	int64_t count = 1, left = TURN_BYTES;

	while (count > 0 && left > 0 && body->at < body->end) {
		uint64_t most;
		int result = rate_allow(download, &most);

		if (result < 0)
			return result;
		count = landing_range_step(body->range, size_min(most, body->end - body->at));
		body->at = landing_range_offset(body->range);
		advance(download);
		result = download_check_limit(download, body->at);
		if (result < 0)
			return result;
		if (count > 0) {
			exchange_mark_active(&download->exchange);
			rate_moved(download, (uint64_t)count);
		}
		left -= count;
	}
	if (body->at == body->end)
		return 0;
	if (count == -EAGAIN)
		return wait_for_range(download);
	if (count < 0)
		return body_failed(download, count);
	return count == 0 ? 0 : give_way(download);
}

/* Through our own buffer: > 0, 0 at the end of the connection, or -errno with error. */
static int64_t receive(struct download *download)
{
	struct body *body = &download->body;
	uint64_t most;
	int64_t count;

	if (body->turn >= TURN_BYTES) {
		body->turn = 0;
		return give_way(download);
	}
	count = rate_allow(download, &most);
	if (count < 0)
		return count;
	count = http_client_receive(&download->exchange.client);
	if (count == -EAGAIN)
		return download_wait(download, "waiting for data");
	if (count == -ENODATA && body->chunked)
		return 0; /* it says itself whether it is whole */
	if (count < 0)
		return body_failed(download, count);
	exchange_mark_active(&download->exchange);
	body->turn += (uint64_t)count;
	return count;
}

static int chunked_failed(struct download *download, int code, const char *what)
{
	return error_set(&download->error, code, "%s after %llu bytes", what,
			 (unsigned long long)download_done(download));
}

/* Decodes as far as a piece of the body, or the end. */
static int decode(struct download *download)
{
	struct http_client *client = &download->exchange.client;
	struct body *body = &download->body;
	struct http_text piece;
	size_t used;
	int ended = http_chunked_decode(body->chunked, client->input + client->used,
					client->filled - client->used, &used, &piece);

	if (ended < 0)
		return chunked_failed(download, EPROTO, "the server's chunked body is malformed");
	client->used += used;
	body->has_ended = ended == 1;
	return piece.length > 0 ? begin_take(download, piece.data, piece.length) : 0;
}

/* The rest of the answer is others'. */
static bool has_enough(const struct body *body)
{
	return body->at == body->end && body->end < body->answer_end;
}

static int receive_chunked(struct download *download)
{
	struct http_client *client = &download->exchange.client;
	struct body *body = &download->body;
	int result = take(download);

	while (result == 0 && !body->has_ended && !has_enough(body)) {
		int64_t count = 1;

		if (client->used == client->filled)
			count = receive(download);
		if (count < 0)
			return (int)count;
		if (count == 0 && http_chunked_is_whole(body->chunked))
			return 0;
		if (count == 0)
			return chunked_failed(download, ENODATA,
					      "the connection ended in the middle of a chunked "
					      "body,");
		result = decode(download);
		if (result == 0)
			result = take(download);
	}
	return result;
}

/* What came with the head, or comes next, no more than belongs to the body. 1: it has ended. */
static int receive_piece(struct download *download)
{
	struct http_client *client = &download->exchange.client;
	struct body *body = &download->body;
	int64_t count = client->used < client->filled ? 1 : receive(download);
	size_t length;

	if (count < 0)
		return (int)count;
	if (count == 0)
		return body->answer_end == UINT64_MAX ? 1 : body_failed(download, -ENODATA);
	length = size_min(client->filled - client->used, body->end - body->at);
	client->used += length;
	return begin_take(download, client->input + client->used - length, length);
}

static bool comes_through_buffer(const struct download *download)
{
	const struct http_client *client = &download->exchange.client;
	const struct body *body = &download->body;

	return body->at < body->end &&
	       (client->used < client->filled || overlap(body) > 0 || download->output.fd >= 0);
}

static int receive_plain(struct download *download)
{
	int result = take(download);

	while (result == 0 && comes_through_buffer(download)) {
		result = receive_piece(download);
		if (result == 0)
			result = take(download);
	}
	if (result != 0)
		return result < 0 ? result : 0;
	return download->body.range ? receive_range(download) : 0;
}

static int receive_all(struct download *download)
{
	struct body *body = &download->body;
	int result;

	if (!download->exchange.head.chunked)
		return receive_plain(download);
	if (!body->chunked) {
		result = http_chunked_open(&body->chunked);
		if (result < 0)
			return error_set_errno(&download->error, -result, "chunked body");
	}
	return receive_chunked(download);
}

int body_receive(struct download *download)
{
	int result;

	streams_go_on(download, &download->body.waits_since_ns);
	limit(download);
	result = receive_all(download);
	if (result == 0)
		result = rate_settle(download);
	return result == 0 ? check_end(download) : result;
}

/* The end */

/* What came is counted, and the next answer gets a range of its own. */
int body_settle(struct download *download)
{
	struct body *body = &download->body;
	int result;

	if (!body->range)
		return 0;
	result = landing_range_flush(body->range);
	if (result == -EAGAIN)
		return result;
	body->done = landing_range_settled(body->range);
	landing_range_close(body->range);
	body->range = NULL;
	if (download->dealer.size > 0)
		dealer_advance(&download->dealer, 0, body->done);
	return result;
}

void body_hand_over(struct download *download)
{
	struct body *body = &download->body;

	if (body->range)
		body->done = landing_range_offset(body->range);
	body->range = NULL;
}

static int sync_output(struct download *download)
{
	struct body *body = &download->body;
	int64_t result;

	if (body->sync.state == JOB_IDLE)
		loop_sync(download->loop, job_begin(download, &body->sync), download->output.fd,
			  false);
	if (!job_end(&body->sync, &result))
		return -EAGAIN;
	return result < 0 ? error_set_errno(&download->error, (int)-result, "syncing %s",
					    download->output.file)
			  : 0;
}

int download_to_fd(struct download *download)
{
	struct body *body = &download->body;
	int result = 0;

	if (!body->has_come)
		result = body_receive(download);
	body->has_come |= result == 0;
	if (result == 0 && !body->is_confirmed)
		result = download_confirm(download);
	if (result == -ESTALE)
		return error_set(&download->error, ESTALE,
				 "the file was changed on the server during the download: what was "
				 "written may be of two files");
	if (result == 0 && !body->is_confirmed)
		result = checked_end(download);
	body->is_confirmed |= result == 0;
	return result == 0 && download->output.syncs_fd ? sync_output(download) : result;
}

void body_close(struct download *download)
{
	struct body *body = &download->body;

	landing_range_close(body->range);
	body->range = NULL;
	http_chunked_close(body->chunked);
	body->chunked = NULL;
	if (body->is_watched)
		loop_watch_remove(download->loop, &body->watch);
	body->is_watched = false;
}
