/* SPDX-License-Identifier: MIT */
/*
 * A file that became longer while it came may only have been added to, as logs are, or it may be
 * another one by now. No header tells these two apart. So a few stretches of what came are fetched
 * once more and compared with what is here: of a file that was written anew the beginning differs.
 */
#include "base/size.h"
#include "fetch/download.h"
#include "http/range.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SAMPLE_BYTES = 64 << 10, SAMPLES = 4 };

static bool is_the_range(const struct http_response *head, uint64_t offset, size_t length)
{
	struct http_content_range range;

	return head->status == 206 && head->has_content_length && head->content_length == length &&
	       http_content_range_parse(head->content_range, &range) && range.has_range &&
	       range.offset == offset && range.length == length;
}

static uint64_t offset_of(const struct sample *sample)
{
	return (sample->written - sample->length) / (SAMPLES - 1) * sample->index;
}

/* What came, written, so that it can be read. */
static int flush(struct download *download)
{
	struct sample *sample = &download->sample;
	int result;

	if (!download->landing)
		return 0;
	if (!sample->data && !(sample->data = malloc(SAMPLE_BYTES)))
		return -ENOMEM;
	result = download->body.range ? landing_range_flush(download->body.range) : 0;
	if (result == -EAGAIN)
		return download_wait_job(download);
	sample->written = download->asking.expected;
	sample->length = size_min(sample->written, SAMPLE_BYTES);
	sample->phase = SAMPLE_ASK;
	return result < 0 ? result : sample->length > 0;
}

static int ask(struct download *download)
{
	struct sample *sample = &download->sample;
	uint64_t offset = offset_of(sample);
	char fields[80];

	snprintf(fields, sizeof(fields), "Range: bytes=%llu-%llu\r\n", (unsigned long long)offset,
		 (unsigned long long)(offset + sample->length - 1));
	sample->phase = SAMPLE_HEAD;
	sample->filled = 0;
	return exchange_begin(&download->exchange, "GET", NULL, fields) < 0 ? -ENOMEM : 1;
}

static int take_head(struct download *download)
{
	struct sample *sample = &download->sample;
	int result = exchange_step(&download->exchange);

	if (result == -EAGAIN)
		return download_wait_exchange(download);
	if (result == 0 &&
	    !is_the_range(&download->exchange.head, offset_of(sample), sample->length))
		result = -EPROTO;
	sample->phase = SAMPLE_BODY;
	return result < 0 ? result : 1;
}

static int receive(struct download *download)
{
	struct http_client *client = &download->exchange.client;
	struct sample *sample = &download->sample;
	size_t count = size_min(client->filled - client->used, sample->length - sample->filled);
	int64_t came = 1;

	memcpy(sample->data + sample->filled, client->input + client->used, count);
	client->used += count;
	sample->filled += count;
	if (sample->filled < sample->length)
		came = http_client_receive(client);
	else
		sample->phase = SAMPLE_COMPARE;
	if (came == -EAGAIN)
		return download_wait(download, "waiting for data");
	exchange_mark_active(&download->exchange);
	return came > 0 ? 1 : came < 0 ? (int)came : -ENODATA;
}

/* From its end on, which is what `filled` says. */
static int compare(struct download *download)
{
	struct sample *sample = &download->sample;
	size_t from = sample->length - sample->filled;
	int count = body_is_here(download, offset_of(sample) + from, sample->data + from,
				 sample->filled);

	if (count <= 0)
		return count;
	sample->filled -= (size_t)count;
	if (sample->filled == 0) {
		sample->index++;
		sample->phase = SAMPLE_ASK;
	}
	return 1;
}

/* 1: there is more to do; 0: it is not the same; -EAGAIN; or -errno. */
static int step(struct download *download)
{
	switch (download->sample.phase) {
	case SAMPLE_FLUSH:
		return flush(download);
	case SAMPLE_ASK:
		return ask(download);
	case SAMPLE_HEAD:
		return take_head(download);
	case SAMPLE_BODY:
		return receive(download);
	case SAMPLE_COMPARE:
		return compare(download);
	}
	return -EINVAL;
}

int download_is_same_so_far(struct download *download)
{
	int result = 1;

	while (result == 1 && download->sample.index < SAMPLES)
		result = step(download);
	return result;
}

void sample_close(struct download *download)
{
	free(download->sample.data);
	download->sample = (struct sample){0};
}
