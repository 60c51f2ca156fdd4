/* SPDX-License-Identifier: MIT */
/*
 * A small file that comes whole, to a name that nothing has: gathered in memory, without part and
 * journal, and landed with others in a batch. The connection is free before the disk has it. What
 * is lost on the way is fetched again, and what a batch cannot do is done as with other files.
 */
#include "base/error.h"
#include "base/size.h"
#include "base/sys.h"
#include "fetch/download.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SMALL = 256 << 10 };

/* At a rate bytes are counted as they come. */
static bool has_rate(const struct download *download)
{
	const struct rate *rate = &download->rate;

	return rate->own.rate > 0 || (rate->shared && rate->shared->rate > 0);
}

static bool is_wanted(const struct download *download)
{
	return !has_rate(download) && !download->options.sparse && download->batch &&
	       batch_can(download->batch) && download->output.is_new && !download->output.path &&
	       !download->landing;
}

static const char *name_of(const struct download *download)
{
	const char *slash = strrchr(download->output.file, '/');

	return slash ? slash + 1 : download->output.file;
}

static int open_directory(struct download *download, struct batch_directory **directory)
{
	const char *file = download->output.file;
	char path[sizeof(download->output.file)];

	snprintf(path, sizeof(path), "%.*s", (int)(name_of(download) - file), file);
	return batch_directory_open(download->batch, path, directory);
}

/* What has a digest by the server's word is hashed by a landing. */
bool download_is_small(const struct download *download)
{
	const struct http_response *head = &download->exchange.head;
	const struct asking *asking = &download->asking;

	return is_wanted(download) && asking->is_all && asking->end == asking->expected &&
	       asking->expected <= SMALL && !head->chunked && !head->repr_digest.data &&
	       !head->content_digest.data;
}

static int begin(struct download *download)
{
	struct small *small = &download->small;
	int result;

	small->file = calloc(1, sizeof(*small->file));
	if (!small->file)
		return error_set_errno(&download->error, ENOMEM, "download");
	small->file->data = malloc(download->asking.expected + 1);
	result = small->file->data ? open_directory(download, &small->file->directory) : -ENOMEM;
	if (result < 0)
		return error_set_errno(&download->error, -result, "cannot open the directory of %s",
				       download->output.file);
	small->length = download->asking.expected;
	small->phase = SMALL_GATHER;
	if (small->file->directory->is_checked)
		return 0;
	result = output_check_directory(download, small->file->directory->fd);
	small->file->directory->is_checked = result == 0;
	return result;
}

/* What came with the head. */
static void take_input(struct download *download)
{
	struct http_client *client = &download->exchange.client;
	struct small *small = &download->small;
	size_t count = size_min(client->filled - client->used, small->length - small->filled);

	memcpy(small->file->data + small->filled, client->input + client->used, count);
	client->used += count;
	small->filled += count;
}

static int gather(struct download *download)
{
	struct channel *channel = &download->exchange.client.channel;
	struct small *small = &download->small;

	take_input(download);
	while (small->filled < small->length) {
		int64_t count = channel_receive(channel, small->file->data + small->filled,
						small->length - small->filled);

		if (count == -EAGAIN)
			return download_wait(download, "waiting for data");
		if (count <= 0)
			return body_failed(download, count == 0 ? -ENODATA : count);
		exchange_mark_active(&download->exchange);
		small->filled += (size_t)count;
	}
	small->phase = SMALL_GIVE;
	return 0;
}

static void on_landed(void *owner, int result)
{
	struct download *download = owner;

	download->small.file = NULL;
	download->small.result = result;
	download->small.phase = SMALL_LANDED;
	download_wake(download);
}

/* Out of the socket, and into the page cache. */
static void count_bytes(struct download *download)
{
	struct tally *tally = &download->body.tally;
	uint64_t length = download->small.length;

	tally_add(tally, path_recv_readwrite.name, length);
	tally->cpu_copied_bytes += path_recv_readwrite.cpu_copies * length;
	tally->device_moved_bytes += path_recv_readwrite.disk_moves * length;
}

static int give(struct download *download)
{
	struct small *small = &download->small;
	struct batch_file *file = small->file;
	const char *name = name_of(download); /* NAME_STEM bytes at most */

	count_bytes(download);
	file->done = on_landed;
	file->owner = download;
	file->length = small->length;
	file->no_sync = download->options.no_sync;
	file->keep_cached = download->options.keep_cached;
	memcpy(file->name, name, strlen(name) + 1);
	file->stamp_argument = stamp_new(download);
	file->stamp = file->stamp_argument ? stamp_file : NULL;
	small->phase = SMALL_LANDING;
	batch_add(download->batch, file);
	if (!*download->bill.path)
		exchange_give_back(&download->exchange);
	/* Hundreds may wait for the disk. */
	exchange_end_limit(&download->exchange);
	loop_timer_cancel(download->loop, &download->report);
	if (download->options.received && !batch_is_full(download->batch))
		download->options.received(download->options.argument);
	return 0;
}

/* As other files: all of it once more. */
static int land_otherwise(struct download *download)
{
	int result;

	small_close(download);
	download->body.tally = (struct tally){0};
	exchange_set_limit(&download->exchange, download_limit(download));
	download_report(download);
	result = output_open_landing(download);
	return result < 0 ? result : DOWNLOAD_ASK;
}

int download_small(struct download *download)
{
	struct small *small = &download->small;
	int result = 0;

	if (small->phase == SMALL_NONE)
		result = begin(download);
	if (result == 0 && small->phase == SMALL_GATHER)
		result = gather(download);
	if (result == 0 && small->phase == SMALL_GIVE)
		result = give(download);
	if (result == 0 && small->phase == SMALL_LANDING)
		return -EAGAIN;
	if (result == 0 && small->result < 0)
		return land_otherwise(download);
	return result;
}

void small_close(struct download *download)
{
	struct small *small = &download->small;

	if (small->file && small->phase == SMALL_LANDING) {
		small->file->owner = NULL;
	} else if (small->file) {
		batch_directory_close(small->file->directory);
		free(small->file->data);
		free(small->file);
	}
	*small = (struct small){0};
}
