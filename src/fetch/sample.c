/* SPDX-License-Identifier: MIT */
/*
 * A file that became longer while it came may only have been added to, as logs are, or it may be
 * another one by now. No header tells these two apart. So a few stretches of what came are fetched
 * once more and compared with what is here: of a file that was written anew the beginning differs.
 */
#include "fetch/download.h"
#include "http/range.h"

#include "base/cleanup.h"
#include "base/size.h"

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

static int receive(struct download *download, char *data, size_t length)
{
	struct http_client *client = &download->client;

	while (length > 0) {
		size_t count = size_min(client->filled - client->used, length);
		int64_t came = 0;

		memcpy(data, client->input + client->used, count);
		client->used += count;
		data += count;
		length -= count;
		while (length > 0 && (came = http_client_receive(client)) == -EAGAIN)
			if (download_wait_socket(download, "waiting for data") < 0)
				return -ETIMEDOUT;
		if (length > 0 && came <= 0)
			return came < 0 ? (int)came : -ENODATA;
	}
	return 0;
}

/* 1: the server still has there what is here; 0: something else, or it does not say; or -errno. */
static int compare(struct download *download, uint64_t offset, size_t length, char *data)
{
	struct http_response head = {0};
	char fields[80];
	int result;

	snprintf(fields, sizeof(fields), "Range: bytes=%llu-%llu\r\n", (unsigned long long)offset,
		 (unsigned long long)(offset + length - 1));
	result = download_ask_aside(download, "GET", fields, &head);
	if (result == 0 && !is_the_range(&head, offset, length))
		result = -EPROTO;
	if (result == 0)
		result = receive(download, data, length);
	return result < 0 ? result : download_is_here(download, offset, data, length);
}

/* What came, written, so that it can be read. */
static int flush(struct download *download)
{
	int result;

	while ((result = range_recv_flush(download->range)) == -EAGAIN)
		if (download_wait_range(download) < 0)
			return -ETIMEDOUT;
	return result;
}

int download_is_same_so_far(struct download *download)
{
	_cleanup_free_ char *data = malloc(SAMPLE_BYTES);
	uint64_t written;
	size_t length;
	int result;

	if (!data || !download->range)
		return 0;
	result = flush(download);
	if (result < 0)
		return result;
	written = range_recv_settled(download->range);
	length = size_min(written, SAMPLE_BYTES);
	result = length > 0;
	for (unsigned i = 0; i < SAMPLES && result == 1; i++)
		result = compare(download, (written - length) / (SAMPLES - 1) * i, length, data);
	return result;
}
