/* SPDX-License-Identifier: MIT */
/*
 * The body of an answer: by a receive path straight from the socket, or through the client's buffer
 * where it has to be decoded or compared, or goes to a descriptor; and to the disk.
 */
#include "base/cleanup.h"
#include "base/container.h"
#include "base/error.h"
#include "base/size.h"
#include "base/sys.h"
#include "fetch/download.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	SAVE_MS = 5000,   /* how often the journal is brought up to date */
	PIECE = 64 << 10, /* that is compared in one go */
};

int download_open_range(struct download *download)
{
	struct range_recv_options options = {
		.wake = download_wake,
		.owner = download,
		.forced = download->path,
		.tally = &download->tally,
		.keep_cached = download->options->keep_cached,
		.no_sync = download->options->no_sync,
	};
	uint64_t length = download->end == UINT64_MAX ? UINT64_MAX : download->end - download->done;

	return range_recv_open(&download->range, download->loop, download->target.file,
			       &download->client.channel, download->done, length, &options,
			       download->error);
}

int download_body_failed(struct download *download, int64_t code)
{
	char words[ERROR_WORDS];

	if (code == -ENODATA)
		return error_set(download->error, ENODATA,
				 "the connection ended after %llu of %llu bytes",
				 (unsigned long long)download_done(download),
				 (unsigned long long)download->expected);
	if (code == -EMSGSIZE)
		return error_set(download->error, EPROTO,
				 "the server sends more than it announced");
	if (code == -ENOSPC || code == -EDQUOT || code == -EFBIG)
		return error_set(
			download->error, (int)-code, "no room for %s: %s; %s and run again",
			download->target.part, error_words((int)-code, words),
			code == -EFBIG ? "see what limits it (ulimit -f, or the file system)"
				       : "free some");
	if (download->path && (code == -EINVAL || code == -EOPNOTSUPP))
		return error_set(download->error, EOPNOTSUPP,
				 "receive path %s cannot go on in %s: the file system refuses "
				 "it; leave the choice to the plan",
				 download->path->name, download->target.part);
	return error_set_errno(download->error, (int)-code, "receiving %s", download->target.part);
}

/* To a pipe or a terminal, which may take its time; an interrupt gets through. */
static int write_all(struct download *download, const char *data, size_t length)
{
	int result = 0;

	while (result == 0 && length > 0) {
		int64_t count = sys_write(download->output_fd, data, length);

		if (count == -EAGAIN)
			sys_poll(download->output_fd, POLLOUT, 100);
		if (count == -EAGAIN || count == -EINTR) {
			result = download_report(download);
		} else if (count < 0) {
			result = error_set_errno(download->error, (int)-count,
						 count == -EPIPE ? "writing the output, which "
								   "nobody reads any more"
								 : "writing the output");
		} else {
			data += count;
			length -= (size_t)count;
			download->written_to_fd += (uint64_t)count;
			/* Out of the socket, and into whatever the output is. */
			tally_add(&download->tally, "readwrite", (uint64_t)count);
			download->tally.cpu_copied_bytes +=
				(2 + download->client.channel.cpu_passes) * (uint64_t)count;
		}
	}
	download_mark_active(download);
	return result;
}

static void on_read(struct loop_op *op, int64_t result)
{
	struct download *download = container_of(op, struct download, read);

	download->is_reading = false;
	download->read_result = result;
}

/* From the part, without a time limit or the wish to stop: it ends by itself. */
static int64_t read_part(struct download *download, char *data, size_t length, uint64_t offset)
{
	download->is_reading = true;
	download->read.done = on_read;
	loop_read(download->loop, &download->read, download->target.file->fd, data, length, offset);
	while (download->is_reading)
		if (loop_run(download->loop, -1) < 0)
			return -EIO;
	return download->read_result;
}

bool download_is_here(struct download *download, uint64_t offset, const char *data, size_t length)
{
	_cleanup_free_ char *here = malloc(PIECE);

	while (here && length > 0) {
		size_t size = size_min(length, PIECE);
		int64_t count = read_part(download, here, size, offset);

		if (count <= 0 || memcmp(here, data, (size_t)count) != 0)
			return false;
		data += count;
		offset += (uint64_t)count;
		length -= (size_t)count;
	}
	return here;
}

static int push(struct download *download, const char *data, size_t length)
{
	int result = 0;

	while (result == 0 && length > 0) {
		int64_t count = range_recv_push(download->range, data, length);

		if (count == -EAGAIN) {
			result = download_wait_range(download);
		} else if (count < 0) {
			result = download_body_failed(download, count);
		} else {
			data += count;
			length -= (size_t)count;
		}
	}
	return result;
}

/* How many bytes from `at` on are here already, and are compared. */
static uint64_t overlap(const struct download *download)
{
	return download->at < download->done ? download->done - download->at : 0;
}

/* Takes all of the bytes, waiting where it has to. */
static int take(struct download *download, const char *data, size_t length)
{
	size_t known = size_min(length, overlap(download));
	int result = 0;

	if (length > download->end - download->at) {
		download_body_failed(download, -EMSGSIZE);
		return -EMSGSIZE;
	}
	if (known > 0 && !download_is_here(download, download->at, data, known))
		return -ESTALE;
	download->at += length;
	/* Out of the socket, and read to compare. */
	download->tally.cpu_copied_bytes += 2 * known;
	if (download->output_fd >= 0)
		result = write_all(download, data, length);
	else if (length > known)
		result = push(download, data + known, length - known);
	download_mark_active(download);
	return result;
}

/* On a helper thread: a loop never waits for a disk. */
static int64_t save(void *argument)
{
	struct download *download = argument;

	return target_save(&download->target, &(struct intervals){1, {{0, download->save_offset}}});
}

static void on_saved(struct loop_op *op, int64_t result)
{
	struct download *download = container_of(op, struct download, save);

	download->is_saving = false;
	if (result < 0)
		download->save_result = result;
}

static void start_save(struct download *download, uint64_t done)
{
	struct target *target = &download->target;

	download->saved_ms = loop_now_ms(download->loop);
	if (!target->is_ours || target->has_lost || !*target->journal.validator.text ||
	    done <= intervals_end(&target->saved))
		return;
	download->save_offset = done;
	download->is_saving = true;
	download->save.done = on_saved;
	loop_work(download->loop, &download->save, save, download);
}

/* Brings the journal up to date when the time has come. A sync that failed is told only once, so it
 * ends the download. */
static int save_now_and_then(struct download *download)
{
	if (download->save_result < 0)
		return download_body_failed(download, download->save_result);
	if (!download->is_saving && download->target.sync &&
	    loop_now_ms(download->loop) - download->saved_ms >= SAVE_MS)
		start_save(download, range_recv_settled(download->range));
	return 0;
}

/* Waits for what is being written, without a time limit or the wish to stop: it ends by itself. */
static void wait_for_save(struct download *download)
{
	while (download->is_saving)
		if (loop_run(download->loop, -1) < 0)
			break;
}

/* Straight from the socket by the chosen path. */
static int receive_body(struct download *download)
{
	int64_t count = 1;
	int result = 0;

	while (result == 0 && count != 0) {
		count = range_recv_step(download->range);
		result = save_now_and_then(download);
		if (result < 0)
			return result;
		if (count == -EAGAIN)
			result = download_wait_range(download);
		else if (count < 0)
			result = download_body_failed(download, count);
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
		int result = download_wait_socket(download, "waiting for data");

		if (result < 0)
			return result;
	}
	download_mark_active(download);
	if (count > 0 && download_report(download) < 0)
		return -ECANCELED;
	return count < 0 ? download_body_failed(download, count) : count;
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
			if (count == 0 && http_chunked_is_whole(download->chunked))
				return 0;
			if (count == 0)
				return error_set(download->error, ENODATA,
						 "the connection ended in the middle of a chunked "
						 "body, after %llu bytes",
						 (unsigned long long)download_done(download));
		}
		ended = http_chunked_decode(download->chunked, client->input + client->used,
					    client->filled - client->used, &used, &body);
		if (ended < 0)
			return error_set(download->error, EPROTO,
					 "the server's chunked body is malformed after %llu bytes",
					 (unsigned long long)download_done(download));
		client->used += used;
		if (body.length > 0)
			result = take(download, body.data, body.length);
		if (result == 0 && ended == 1)
			break;
	}
	return result;
}

/* The rest of what came with the head, no more than belongs to the body. */
static int take_early_bytes(struct download *download)
{
	struct http_client *client = &download->client;
	size_t length = size_min(client->filled - client->used, download->end - download->at);

	client->used += length;
	return take(download, client->input + client->used - length, length);
}

/* What is here already, where the answer begins before its end. */
static int take_overlap(struct download *download)
{
	struct http_client *client = &download->client;
	int result = 0;

	while (result == 0 && overlap(download) > 0 && download->at < download->end) {
		int64_t count = receive(download);

		if (count <= 0)
			return count < 0 ? (int)count : download_body_failed(download, -ENODATA);
		client->used = size_min((uint64_t)count, download->end - download->at);
		result = take(download, client->input, client->used);
	}
	return result;
}

static int copy_to_fd(struct download *download)
{
	struct http_client *client = &download->client;
	int64_t count = 1;
	int result = 0;

	while (result == 0 && download->written_to_fd < download->expected && count > 0) {
		count = receive(download);
		if (count <= 0)
			break;
		client->used =
			size_min((uint64_t)count, download->expected - download->written_to_fd);
		result = take(download, client->input, client->used);
	}
	if (result == 0 && count < 0)
		return (int)count;
	if (result == 0 && count == 0 && download->expected != UINT64_MAX)
		return download_body_failed(download, -ENODATA);
	return result;
}

int download_receive_body(struct download *download)
{
	int result;

	if (download->head.chunked) {
		http_chunked_close(download->chunked);
		result = http_chunked_open(&download->chunked);
		return result < 0 ? error_set_errno(download->error, -result, "chunked body")
				  : decode_chunked(download);
	}
	result = take_early_bytes(download);
	if (result == 0)
		result = take_overlap(download);
	if (result < 0)
		return result;
	if (download->output_fd >= 0)
		return copy_to_fd(download);
	return download->range ? receive_body(download) : 0;
}

/* The bytes of this answer are on the disk. */
int download_finish_range(struct download *download)
{
	struct range_recv *range = download->range;
	int result = 0, waited = 0;

	if (download->end != UINT64_MAX && range_recv_offset(range) != download->end)
		return download_body_failed(download, -ENODATA);
	while (waited == 0 && (result = range_recv_finish(range)) == -EAGAIN)
		waited = download_wait_range(download);
	if (waited < 0)
		return waited;
	wait_for_save(download);
	/* All is written, so it was the sync that failed. */
	if (result < 0 && range_recv_settled(range) == range_recv_offset(range))
		download->target.has_lost = true;
	/* Only one of two syncs is told that it failed. */
	if (result == 0)
		result = (int)download->save_result;
	return result < 0 ? download_body_failed(download, result) : 0;
}

static void settle(struct download *download)
{
	while (range_recv_flush(download->range) == -EAGAIN)
		if (loop_run(download->loop, -1) < 0)
			break;
	wait_for_save(download);
}

/* What came is counted, and the next answer gets a range of its own. */
void download_close_range(struct download *download)
{
	if (!download->range)
		return;
	settle(download);
	download->done = range_recv_settled(download->range);
	if (download->options->explain)
		range_recv_explain(download->range, &download->lines);
	range_recv_close(download->range);
	download->range = NULL;
}

void download_save(struct download *download, uint64_t done)
{
	start_save(download, done);
	wait_for_save(download);
}

static int sync_output(struct download *download)
{
	download->is_saving = true;
	download->save.done = on_saved;
	loop_sync(download->loop, &download->save, download->output_fd, false);
	wait_for_save(download);
	return download->save_result < 0
		       ? error_set_errno(download->error, (int)-download->save_result, "syncing %s",
					 download->result->file)
		       : 0;
}

int download_to_fd(struct download *download)
{
	int result = download_receive_body(download);

	if (result == 0)
		result = download_confirm(download);
	if (result == -ESTALE)
		return error_set(download->error, ESTALE,
				 "the file was changed on the server while it came: what was "
				 "written may be of two files");
	return result == 0 && download->syncs_output_fd ? sync_output(download) : result;
}
