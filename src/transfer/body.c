/* SPDX-License-Identifier: MIT */
/*
 * The body of a download: by a receive path straight from the socket, or through the client's
 * buffer where it has to be decoded or goes to a descriptor; then to the disk and to its name.
 */
#include "base/error.h"
#include "base/size.h"
#include "base/sys.h"
#include "transfer/download.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { SAVE_MS = 2000 }; /* how often the journal is brought up to date */

static int open_stream(struct download *download)
{
	struct stream_recv_options options = {
		.wake = download_wake,
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
		result = write_all(download->output_fd, data, length);
		download->written_to_fd += length;
		bill_add(&download->result->bill, "readwrite", length);
		return result < 0 ? error_set_errno(download->error, -result, "writing the output")
				  : 0;
	}
	while (result == 0 && length > 0) {
		count = stream_recv_push(download->stream, data, length);
		if (count == -EAGAIN) {
			result = download_wait_stream(download);
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
		(void)target_save(&download->target, download->save_offset);
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
				 (unsigned long long)download_done(download),
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
			result = download_wait_stream(download);
		else if (count < 0)
			result = body_failed(download, count);
		else
			download_mark_active(download);
		if (result == 0 && count > 0)
			result = download_report(download);
	}
	return result;
}

/* Through our own buffer: > 0, 0 at the end of the connection, or -errno with error. */
static int64_t receive(struct download *download)
{
	int64_t count;

	while ((count = http_client_receive(&download->client)) == -EAGAIN) {
		int result = download_wait_socket(download, "data");

		if (result < 0)
			return result;
	}
	download_mark_active(download);
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
						 (unsigned long long)download_done(download));
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
		download_mark_active(download);
		result = download_wait_stream(download);
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

static void keep_part(struct download *download, bool was_interrupted)
{
	uint64_t done;
	char kept[320] = "";

	if (!download->stream || !download->target.file)
		return;
	settle(download);
	done = stream_recv_settled(download->stream);
	if (target_keep(&download->target, done, was_interrupted))
		snprintf(kept, sizeof(kept),
			 "; %.80s has the first %llu bytes: run again to continue",
			 download->target.part, (unsigned long long)done);
	else if (done > 0)
		snprintf(kept, sizeof(kept), "; %.80s %s: the server gave no strong ETag",
			 download->target.part,
			 was_interrupted ? "is left, but cannot be continued"
					 : "was removed, as it could not be continued");
	download_error_append(download, kept);
}

int download_to_file(struct download *download)
{
	int result = download->keeps_nothing
			     ? 0
			     : target_create(&download->target, download->resume, download->error);

	download->result->bill.page_cache_before_bytes =
		result == 0 && download->target.file ? download_resident(download, download->resume)
						     : -1;
	if (result == 0 && download->why_over && download->options->note)
		download->options->note(download->options->argument, download->why_over);
	if (result == 0)
		result = open_stream(download);
	if (result == 0 && !download->keeps_nothing)
		(void)target_save(&download->target, download->resume);
	if (result == 0)
		result = receive_body(download);
	if (result == 0)
		result = finish_stream(download);
	if (result < 0)
		keep_part(download, result == -ECANCELED);
	else if (!download->keeps_nothing)
		result = target_commit(&download->target, !download->options->no_sync,
				       download->error);
	return result;
}

int download_to_fd(struct download *download)
{
	return receive_body(download);
}
