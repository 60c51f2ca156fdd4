/* SPDX-License-Identifier: MIT */
/*
 * sluice_get: from a URL to a file that is whole and on the disk, or to a part that can be
 * continued.
 *
 * One thread, one loop of its own, one exchange at a time; every wait goes through `wait_for`,
 * which is where the time limit, the progress report and the wish to stop are seen to.
 */
#include "base/cleanup.h"
#include "base/error.h"
#include "base/meter.h"
#include "base/size.h"
#include "base/sys.h"
#include "base/text.h"
#include "host/socket.h"
#include "http/client.h"
#include "http/condition.h"
#include "http/range.h"
#include "stream/recv.h"
#include "transfer/target.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	REDIRECTS_MAX = 10,
	TIMEOUT_SECONDS = 30,
	REPORT_MS = 100, /* how often progress is reported */
	SAVE_MS = 2000,  /* how often the journal is brought up to date */
};

struct download {
	const struct sluice_get_options *options;
	struct sluice_get_result *result;
	struct sluice_error *error;
	const struct path_recv *path; /* NULL: the plan chooses */
	bool keeps_nothing;           /* path discard */
	const char *url_text;
	struct http_url url, referrer;
	struct loop *loop;
	struct http_client client;
	struct http_response head;
	struct target target;
	struct stream_recv *stream;
	struct http_chunked *chunked;
	struct meter meter;
	struct loop_op save;
	uint64_t save_offset, saved_ms;
	int64_t save_result;
	bool is_saving, is_saved, is_woken;
	uint64_t expected; /* size of the whole file; UINT64_MAX: not known */
	uint64_t resume, written_to_fd;
	uint64_t active_ms, reported_ms; /* when there was progress last, and a report */
};

/* Waiting */

static uint64_t done_bytes(const struct download *download)
{
	return download->stream ? stream_recv_offset(download->stream) : download->written_to_fd;
}

static int report(struct download *download)
{
	const struct sluice_get_options *options = download->options;
	struct sluice_progress progress = {done_bytes(download), download->expected, 0};
	struct sluice_bill bill;

	if (!options->progress)
		return 0;
	meter_read(&download->meter, &bill);
	progress.seconds = bill.seconds;
	download->reported_ms = loop_now_ms(download->loop);
	return options->progress(options->argument, &progress)
		       ? 0
		       : error_set(download->error, ECANCELED, "interrupted");
}

static unsigned timeout_seconds(const struct download *download)
{
	return download->options->timeout_seconds ? download->options->timeout_seconds
						  : TIMEOUT_SECONDS;
}

/* One turn of the loop. 0, or -errno with error when the download is to end. */
static int wait_for(struct download *download, const char *what)
{
	uint64_t now;
	int result = loop_run(download->loop, REPORT_MS);

	if (result < 0)
		return error_set_errno(download->error, -result, "event loop");
	now = loop_now_ms(download->loop);
	if (now - download->reported_ms >= REPORT_MS)
		result = report(download);
	if (result == 0 && now - download->active_ms >= timeout_seconds(download) * 1000)
		return error_set(download->error, ETIMEDOUT, "%s:%s: no %s for %u s",
				 download->url.host, download->url.port, what,
				 timeout_seconds(download));
	return result;
}

static int wait_for_socket(struct download *download, const char *what)
{
	int result = 0;

	while (result == 0 && !download->client.is_ready)
		result = wait_for(download, what);
	download->client.is_ready = false;
	return result;
}

static void mark_active(struct download *download)
{
	download->active_ms = loop_now_ms(download->loop);
}

static void on_wake(void *owner)
{
	struct download *download = owner;

	download->is_woken = true;
	mark_active(download);
}

static int wait_for_stream(struct download *download)
{
	int result = 0;

	if (stream_recv_waits_for_socket(download->stream))
		return wait_for_socket(download, "data");
	while (result == 0 && !download->is_woken)
		result = wait_for(download, "progress of the disk");
	download->is_woken = false;
	return result;
}

static void note(const struct download *download, const char *line)
{
	if (download->options->note)
		download->options->note(download->options->argument, line);
}

/* One exchange: connect, ask, read the head of the answer */

static int connect_to(struct download *download, const struct addrinfo *address)
{
	struct http_client *client = &download->client;
	int result =
		http_client_connect(client, download->loop, address->ai_addr, address->ai_addrlen);

	mark_active(download);
	while (result == 0 && (result = http_client_connected(client)) == -EAGAIN)
		result = wait_for_socket(download, "connection");
	if (result < 0)
		http_client_close(client);
	return result;
}

static int connect_any(struct download *download)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
				       .ai_flags = AI_NUMERICSERV | AI_ADDRCONFIG};
	const struct http_url *url = &download->url;
	struct addrinfo *found = NULL;
	int result = getaddrinfo(url->host, url->port, url->host_is_ipv6 ? NULL : &hints, &found);

	if (result != 0)
		return error_set(download->error, EHOSTUNREACH, "host %.180s: %s", url->host,
				 gai_strerror(result));
	result = -EHOSTUNREACH;
	for (struct addrinfo *at = found; at; at = at->ai_next) {
		result = connect_to(download, at);
		if (result == 0 || result == -ECANCELED)
			break;
	}
	freeaddrinfo(found);
	if (result < 0 && result != -ECANCELED && result != -ETIMEDOUT)
		return error_set_errno(download->error, -result, "connecting to %.180s:%s",
				       url->host, url->port);
	return result;
}

static int set_congestion(struct download *download)
{
	const char *name = download->options->congestion;
	int result;

	if (!name || strcmp(name, "auto") == 0)
		return 0;
	result = host_socket_set_congestion(download->client.fd, name);
	return result < 0 ? error_set_errno(download->error, -result, "congestion control '%.16s'",
					    name)
			  : 0;
}

static int send_request(struct download *download)
{
	struct buffer text = {0};
	char host[280];
	size_t sent = 0;
	int result;

	http_url_host(&download->url, host, sizeof(host));
	buffer_printf(&text,
		      "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: sluice/%s\r\nAccept: */*\r\n"
		      "Accept-Encoding: identity\r\nConnection: close\r\n",
		      download->url.target, host, SLUICE_VERSION);
	if (download->resume > 0)
		buffer_printf(&text, "Range: bytes=%llu-\r\nIf-Range: %s\r\n",
			      (unsigned long long)download->resume, download->target.journal.etag);
	buffer_text(&text, "\r\n");
	result = text.failed ? -ENOMEM : 0;
	while (result == 0 &&
	       (result = http_client_send(&download->client, &text, &sent)) == -EAGAIN)
		result = wait_for_socket(download, "room to send the request");
	buffer_free(&text);
	if (result < 0 && result != -ECANCELED && result != -ETIMEDOUT)
		error_set_errno(download->error, -result, "sending the request");
	return result;
}

static int read_head(struct download *download)
{
	bool is_final;
	int result;

	do {
		result = http_client_head(&download->client, &download->head, download->error);
		if (result == -EAGAIN) {
			result = wait_for_socket(download, "answer");
			is_final = false;
		} else {
			/* After a 1xx the real answer follows. */
			is_final = download->head.status >= 200;
		}
	} while (result == 0 && !is_final);
	mark_active(download);
	download->result->status = result == 0 ? download->head.status : 0;
	return result;
}

static int exchange(struct download *download)
{
	int result = connect_any(download);

	if (result == 0)
		result = set_congestion(download);
	if (result == 0)
		result = send_request(download);
	return result < 0 ? result : read_head(download);
}

static bool is_redirect(unsigned status)
{
	return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

static int follow(struct download *download)
{
	download->referrer = download->url;
	return http_url_resolve(&download->url, &download->referrer, download->head.location,
				download->error);
}

/* Exchanges until an answer is not a redirect. */
static int ask(struct download *download)
{
	for (int redirects = 0;; redirects++) {
		int result = exchange(download);

		if (result < 0 || !is_redirect(download->head.status))
			return result;
		if (redirects == REDIRECTS_MAX)
			return error_set(download->error, ELOOP, "more than %d redirects",
					 REDIRECTS_MAX);
		if (!download->head.location.data)
			return error_set(download->error, EPROTO,
					 "the server redirects without saying where to");
		result = follow(download);
		http_client_close(&download->client);
		if (result < 0)
			return result;
	}
}

/* What the answer means */

static int refuse_status(struct download *download)
{
	unsigned status = download->head.status;

	return error_set(download->error,
			 status == 404   ? ENOENT
			 : status == 403 ? EACCES
					 : EPROTO,
			 "the server answered %u%s", status,
			 status == 404   ? " (not found): check the URL"
			 : status == 403 ? " (forbidden)"
			 : status == 401 ? " (a password is wanted, which sluice cannot give)"
			 : status >= 500 ? " (its own fault: try again later)"
					 : "");
}

/* A 206 must be just what was asked for. */
static int check_partial(struct download *download)
{
	const struct http_response *head = &download->head;
	const struct journal *journal = &download->target.journal;
	struct http_content_range range = {0};
	uint64_t resume = download->resume;

	if (resume == 0)
		return error_set(download->error, EPROTO,
				 "the server answered 206 to a request for the whole file");
	if (!head->content_range.data || !http_content_range_parse(head->content_range, &range) ||
	    !range.has_range)
		return error_set(download->error, EPROTO,
				 "the server answered 206 without saying which bytes");
	if (range.offset != resume || !range.has_size || range.size != journal->size ||
	    range.length != range.size - resume)
		return error_set(download->error, EPROTO,
				 "asked for bytes %llu-%llu/%llu, the server sends %llu-%llu",
				 (unsigned long long)resume, (unsigned long long)journal->size - 1,
				 (unsigned long long)journal->size,
				 (unsigned long long)range.offset,
				 (unsigned long long)(range.offset + range.length - 1));
	if (head->has_content_length && head->content_length != range.length)
		return error_set(download->error, EPROTO,
				 "the server's Content-Length %llu and its range of %llu bytes "
				 "contradict each other",
				 (unsigned long long)head->content_length,
				 (unsigned long long)range.length);
	if (head->etag.data && !http_text_is(head->etag, journal->etag))
		return error_set(
			download->error, EPROTO,
			"the server sends another version than was asked for; remove %.100s "
			"to start over",
			download->target.part);
	download->expected = range.size;
	return 0;
}

/* The whole file comes: what an earlier call left is of no use. */
static void start_over(struct download *download)
{
	const struct http_response *head = &download->head;
	struct journal *journal = &download->target.journal;

	if (download->resume > 0)
		note(download, "the file has changed on the server: starting over");
	else if (download->target.had_part)
		note(download, "the part that is there cannot be continued: starting over");
	download->resume = 0;
	download->expected = head->has_content_length ? head->content_length : UINT64_MAX;
	*journal = (struct journal){0};
	if (http_etag_is_strong(head->etag) && head->etag.length < sizeof(journal->etag) &&
	    head->has_content_length)
		memcpy(journal->etag, head->etag.data, head->etag.length);
	journal->size = download->expected;
}

/* After 416 the part is longer than the file, or of another file: ask again for all of it. */
static int ask_for_all(struct download *download)
{
	note(download, "the server has nothing behind what is here: starting over");
	http_client_close(&download->client);
	download->resume = 0;
	download->target.had_part = false;
	if (http_url_parse(&download->url, download->url_text, download->error) < 0)
		return -EINVAL;
	return ask(download);
}

static int understand(struct download *download)
{
	const struct http_response *head = &download->head;
	int result = 0;

	if (head->status == 416 && download->resume > 0)
		result = ask_for_all(download);
	if (result < 0)
		return result;
	if (head->status != 200 && head->status != 206)
		return refuse_status(download);
	if (head->content_encoding.data && !http_text_is_nocase(head->content_encoding, "identity"))
		return error_set(download->error, EPROTO,
				 "the server sends the file compressed although it was asked not "
				 "to; sluice would write something else than the file");
	if (head->status == 206)
		return check_partial(download);
	start_over(download);
	return 0;
}

/* The body into a file */

static int open_stream(struct download *download)
{
	struct stream_recv_options options = {
		.wake = on_wake,
		.owner = download,
		.forced = download->path,
		.bill = &download->result->bill,
		.keep_cached = download->options->keep_cached,
		.no_sync = download->options->no_sync,
	};
	uint64_t length = download->expected == UINT64_MAX ? UINT64_MAX
							   : download->expected - download->resume;

	return stream_recv_open(&download->stream, download->loop, download->target.file,
				download->client.fd, download->resume, length, &options,
				download->error);
}

static int write_all(int fd, const char *data, size_t length)
{
	while (length > 0) {
		int64_t count = sys_write(fd, data, length);

		if (count < 0 && count != -EINTR)
			return (int)count;
		if (count > 0) {
			data += count;
			length -= (size_t)count;
		}
	}
	return 0;
}

/* Takes all of the bytes, waiting where it has to. */
static int take(struct download *download, const char *data, size_t length)
{
	int result = 0;
	int64_t count;

	if (!download->stream) {
		result = write_all(download->options->output_fd, data, length);
		download->written_to_fd += length;
		bill_add(&download->result->bill, "readwrite", length);
		return result < 0 ? error_set_errno(download->error, -result, "writing the output")
				  : 0;
	}
	while (result == 0 && length > 0) {
		count = stream_recv_push(download->stream, data, length);
		if (count == -EAGAIN) {
			result = wait_for_stream(download);
		} else if (count < 0) {
			result = error_set_errno(download->error, (int)-count, "writing %.180s",
						 download->target.part);
		} else {
			data += count;
			length -= (size_t)count;
		}
	}
	return result;
}

/* Has the time come, and is there something, to bring the journal up to date? */
static void on_saved(struct loop_op *op, int64_t result)
{
	struct download *download =
		(struct download *)((char *)op - offsetof(struct download, save));

	download->is_saving = false;
	download->is_saved = true;
	download->save_result = result;
}

static void save_now_and_then(struct download *download)
{
	uint64_t now = loop_now_ms(download->loop);

	if (download->is_saved && download->save_result == 0)
		/* A journal that cannot be written costs a later call some bytes, not this one. */
		(void)target_save(&download->target, download->url_text, download->save_offset);
	download->is_saved = false;
	if (!download->target.file || !*download->target.journal.etag || download->is_saving ||
	    download->options->no_sync || now - download->saved_ms < SAVE_MS)
		return;
	download->saved_ms = now;
	download->save_offset = stream_recv_settled(download->stream);
	download->is_saving = true;
	download->save.done = on_saved;
	loop_sync(download->loop, &download->save, download->target.file->fd, true);
}

static int body_failed(struct download *download, int64_t code)
{
	if (code == -ENODATA)
		return error_set(download->error, ENODATA,
				 "the connection ended after %llu of %llu bytes",
				 (unsigned long long)done_bytes(download),
				 (unsigned long long)download->expected);
	if (code == -ENOSPC || code == -EDQUOT)
		return error_set(download->error, (int)-code,
				 "no room for %.150s: %s; free some and run again",
				 download->target.part, strerror((int)-code));
	return error_set_errno(download->error, (int)-code, "receiving %.180s",
			       download->target.part);
}

/* Straight from the socket by the chosen path. */
static int stream_body(struct download *download)
{
	int64_t count = 1;
	int result = 0;

	while (result == 0 && count != 0) {
		count = stream_recv_step(download->stream);
		save_now_and_then(download);
		if (count == -EAGAIN)
			result = wait_for_stream(download);
		else if (count < 0)
			result = body_failed(download, count);
		else
			mark_active(download);
		if (result == 0 && count > 0 &&
		    loop_now_ms(download->loop) - download->reported_ms >= REPORT_MS)
			result = report(download);
	}
	return result;
}

/* Through our own buffer: > 0, 0 at the end of the connection, or -errno with error. */
static int64_t receive(struct download *download)
{
	int64_t count;

	while ((count = http_client_receive(&download->client)) == -EAGAIN) {
		int result = wait_for_socket(download, "data");

		if (result < 0)
			return result;
	}
	mark_active(download);
	return count < 0 ? body_failed(download, count) : count;
}

static int decode_chunked(struct download *download)
{
	struct http_client *client = &download->client;
	struct http_text body;
	size_t used;
	int result = 0;

	while (result == 0) {
		int ended = 0;

		if (client->used == client->filled) {
			int64_t count = receive(download);

			if (count < 0)
				return (int)count;
			if (count == 0)
				return error_set(download->error, ENODATA,
						 "the connection ended in the middle of a chunked "
						 "body, after %llu bytes",
						 (unsigned long long)done_bytes(download));
		}
		ended = http_chunked_decode(download->chunked, client->input + client->used,
					    client->filled - client->used, &used, &body);
		if (ended < 0)
			return error_set(download->error, EPROTO, "malformed chunked body");
		client->used += used;
		if (body.length > 0)
			result = take(download, body.data, body.length);
		if (result == 0 && ended == 1)
			return 0;
	}
	return result;
}

/* The rest of what came with the head, no more than belongs to the body. */
static int take_early_bytes(struct download *download)
{
	struct http_client *client = &download->client;
	size_t length = client->filled - client->used;

	if (download->expected != UINT64_MAX)
		length = size_min(length, download->expected - download->resume);
	client->used += length;
	return take(download, client->input + client->used - length, length);
}

static int copy_to_fd(struct download *download)
{
	struct http_client *client = &download->client;
	int64_t count = 1;
	int result = 0;

	while (result == 0 && download->written_to_fd < download->expected && count > 0) {
		count = receive(download);
		if (count > 0)
			result = take(download, client->input,
				      size_min((uint64_t)count,
					       download->expected - download->written_to_fd));
	}
	if (result == 0 && count < 0)
		return (int)count;
	if (result == 0 && count == 0 && download->expected != UINT64_MAX)
		return body_failed(download, -ENODATA);
	return result;
}

static int receive_body(struct download *download)
{
	int result;

	if (download->head.chunked) {
		result = http_chunked_open(&download->chunked);
		return result < 0 ? error_set_errno(download->error, -result, "chunked body")
				  : decode_chunked(download);
	}
	result = take_early_bytes(download);
	if (result < 0)
		return result;
	return download->stream ? stream_body(download) : copy_to_fd(download);
}

static int finish_stream(struct download *download)
{
	int result;

	while ((result = stream_recv_finish(download->stream)) == -EAGAIN) {
		/* Large caches take long to reach the disk, and are no reason to give up. */
		mark_active(download);
		result = wait_for_stream(download);
		if (result < 0)
			return result;
	}
	return result < 0 ? body_failed(download, result) : 0;
}

/* Waits for what is being written, without a time limit or the wish to stop: it ends by itself. */
static void settle(struct download *download)
{
	while (stream_recv_flush(download->stream) == -EAGAIN || download->is_saving)
		if (loop_run(download->loop, -1) < 0)
			break;
}

static void keep_part(struct download *download)
{
	uint64_t kept;
	char line[320];

	if (!download->stream || !download->target.file)
		return;
	settle(download);
	kept = target_keep(&download->target, download->url_text,
			   stream_recv_settled(download->stream));
	if (kept > 0)
		snprintf(line, sizeof(line), "%.240s is kept: run again to continue at %llu bytes",
			 download->target.part, (unsigned long long)kept);
	else if (stream_recv_settled(download->stream) > 0)
		snprintf(line, sizeof(line),
			 "%.200s is kept, but cannot be continued: the server gives no strong ETag",
			 download->target.part);
	else {
		sys_unlink(download->target.folder, download->target.part);
		sys_unlink(download->target.folder, download->target.state);
		return;
	}
	note(download, line);
}

static int receive_to_file(struct download *download)
{
	int result = download->keeps_nothing
			     ? 0
			     : target_create(&download->target, download->resume, download->error);

	if (result == 0)
		result = open_stream(download);
	if (result == 0 && !download->keeps_nothing)
		(void)target_save(&download->target, download->url_text, download->resume);
	if (result == 0)
		result = receive_body(download);
	if (result == 0)
		result = finish_stream(download);
	if (result < 0)
		keep_part(download);
	else if (!download->keeps_nothing)
		result = target_commit(&download->target, !download->options->no_sync,
				       download->error);
	return result;
}

/* The whole */

static int choose_name(struct download *download)
{
	const char *output = download->options->output;
	char name[256];
	int result = 0;

	if (download->options->to_fd || download->keeps_nothing)
		return 0;
	if (!output) {
		result = http_url_filename(&download->url, name, download->error);
		output = name;
	}
	if (result < 0)
		return result;
	snprintf(download->result->file, sizeof(download->result->file), "%s", output);
	result = target_open(&download->target, output, download->error);
	download->resume = result == 0 ? download->target.journal.done : 0;
	download->result->resumed_from_bytes = 0;
	return result;
}

static int choose_path(struct download *download)
{
	const char *path = download->options->path;

	if (!path || strcmp(path, "auto") == 0)
		return 0;
	download->path = path_recv_find(path);
	if (!download->path)
		return error_set(download->error, EINVAL, "no receive path '%.32s'", path);
	download->keeps_nothing = !download->path->needs_file;
	return 0;
}

static int64_t resident_bytes(const struct download *download)
{
	struct path_file *file = download->target.file;
	struct cache_residency residency;

	if (!file)
		return -1;
	if (download->stream && stream_recv_offset(download->stream) == 0)
		return 0;
	residency = cache_residency(file->fd, 0, stream_recv_offset(download->stream));
	return residency.state == CACHE_UNKNOWN ? -1 : (int64_t)residency.resident_bytes;
}

static void explain(const struct download *download)
{
	struct buffer line = {0};

	if (!download->options->explain || !download->stream)
		return;
	stream_recv_explain(download->stream, &line);
	if (line.length > 0) {
		line.data[line.length - 1] = '\0';
		download->options->explain(download->options->argument, line.data);
	}
	buffer_free(&line);
}

static int run(struct download *download)
{
	int result = http_url_parse(&download->url, download->url_text, download->error);

	if (result == 0)
		result = choose_path(download);
	if (result == 0)
		result = loop_open(&download->loop, LOOP_AUTO, download->error);
	if (result == 0)
		result = choose_name(download);
	if (result == 0)
		result = ask(download);
	if (result == 0)
		result = understand(download);
	if (result < 0)
		return result;
	download->result->resumed_from_bytes = download->resume;
	return download->options->to_fd ? receive_body(download) : receive_to_file(download);
}

static void close_all(struct download *download)
{
	stream_recv_close(download->stream);
	http_chunked_close(download->chunked);
	http_client_close(&download->client);
	if (download->loop)
		loop_close(download->loop);
	target_close(&download->target);
}

int sluice_get(const char *url, const struct sluice_get_options *options,
	       struct sluice_get_result *result, struct sluice_error *error)
{
	static const struct sluice_get_options defaults;
	struct download *download = calloc(1, sizeof(*download));
	int code;

	*result = (struct sluice_get_result){.bill.page_cache_before_bytes = -1,
					     .bill.page_cache_after_bytes = -1};
	if (!download)
		return error_set_errno(error, ENOMEM, "download");
	download->options = options ? options : &defaults;
	download->result = result;
	download->error = error;
	download->url_text = url;
	download->expected = UINT64_MAX;
	download->client.fd = -1;
	download->target.folder = -1;
	meter_start(&download->meter);
	code = run(download);
	result->bill.page_cache_after_bytes = resident_bytes(download);
	explain(download);
	close_all(download);
	meter_read(&download->meter, &result->bill);
	free(download);
	return code;
}
