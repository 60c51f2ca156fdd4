/* SPDX-License-Identifier: MIT */
/*
 * sluice_get: from a URL to a file that is whole and on the disk, or to a part that can be
 * continued. One thread, one loop of its own, one exchange at a time.
 */
#include "base/container.h"
#include "base/options.h"
#include "base/sigpipe.h"
#include "base/sys.h"
#include "fetch/download.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int choose_path(struct download *download)
{
	const char *path = download->options->path;

	if (!path || strcmp(path, "auto") == 0)
		return 0;
	download->path = path_recv_find(path);
	if (!download->path)
		return error_set(download->error, EINVAL, "no receive path '%s'", path);
	download->keeps_nothing = !download->path->needs_file;
	return 0;
}

static void explain(struct download *download)
{
	struct buffer lines = {0};

	if (!download->options->explain)
		return;
	if (download->range)
		range_recv_explain(download->range, &download->lines);
	if (download->lines.length > 0)
		buffer_text(&lines, download->lines.data);
	else if (download->written_to_fd > 0)
		buffer_printf(&lines,
			      "bytes 0-%llu by readwrite: the output is not a regular file\n",
			      (unsigned long long)download->written_to_fd - 1);
	for (char *at = lines.data, *end; at && *at; at = end + 1) {
		end = strchr(at, '\n');
		*end = '\0';
		download->options->explain(download->options->argument, at);
	}
	buffer_free(&lines);
}

static int take_body(struct download *download)
{
	if (download->is_unchanged)
		return 0;
	if (download->output_fd >= 0)
		return download_to_fd(download);
	return download->keeps_nothing ? download_to_nothing(download) : download_to_file(download);
}

static int fetch(struct download *download)
{
	int result;

	do {
		result = download_ask(download);
		download->result->public.resumed_from_bytes = result == 0 ? download->resume : 0;
		if (result == 0)
			result = take_body(download);
	} while (result == DOWNLOAD_ASK);
	return result;
}

static int run(struct download *download)
{
	int result = http_url_parse(&download->url, download->url_text, download->error);

	if (result == 0)
		result = choose_path(download);
	/* Before we have descriptors of our own. */
	if (result == 0)
		result = download_choose_output(download);
	if (result == 0)
		result = loop_open(&download->loop, LOOP_AUTO, download->error);
	return result < 0 ? result : fetch(download);
}

static void close_all(struct download *download)
{
	range_recv_close(download->range);
	http_chunked_close(download->chunked);
	http_client_close(&download->client);
	if (download->loop)
		loop_close(download->loop);
	buffer_free(&download->lines);
	target_close(&download->target);
	if (download->owns_output_fd)
		sys_close(download->output_fd);
}

static void write_bill(struct download *download)
{
	struct bill *bill = &download->result->bill;

	meter_read(&download->meter, bill);
	if (download->has_card)
		download->tally.device_moved_bytes += download->tally.bytes;
	tally_to_bill(&download->tally, bill);
}

int sluice_url_check(const char *text, struct sluice_error *error)
{
	struct http_url url;

	return http_url_parse(&url, text, error);
}

int sluice_url_filename(const char *text, char name[256], struct sluice_error *error)
{
	struct http_url url;
	int result = http_url_parse(&url, text, error);

	return result < 0 ? result : http_url_filename(&url, name, error);
}

/* From here on the public part is whole. */
static void publish(struct get_result *result)
{
	struct sluice_get_result *public = &result->public;

	public->file = result->file;
	public->bill = &result->bill.public;
	public->server_bill = result->has_server_bill ? &result->server_bill.bill.public : NULL;
	public->server_was_alone = result->has_server_bill && result->server_bill.is_alone;
}

static int get(struct download *download, const char *url, struct sluice_error *error)
{
	struct sluice_error ignored;
	struct channel channel = {.in = -1};
	int code;

	download->error = error ? error : &ignored;
	download->url_text = url;
	download->expected = UINT64_MAX;
	download->client.channel.in = -1;
	download->output_fd = -1;
	download->target.folder = download->target.state_fd = -1;
	download->error->text[0] = '\0';
	bill_init(&download->result->bill);
	journal_prepare();
	meter_start(&download->meter);
	code = run(download);
	if (download->target.file)
		download->result->bill.public.page_cache_after_bytes =
			download_resident(download, download_done(download));
	explain(download);
	/* What is left in the client's buffer is no answer to what we have yet to ask. */
	if (code == 0 && *download->bill_path && download->client.used == download->client.filled)
		channel = http_client_take(&download->client);
	close_all(download);
	write_bill(download);
	if (channel.in >= 0) {
		download_fetch_bill(download, &channel);
		channel_close(&channel);
		sys_close(channel.in);
	}
	publish(download->result);
	return code;
}

int sluice_get(const char *url, const struct sluice_get_options *options,
	       struct sluice_get_result **out, struct sluice_error *error)
{
	struct sluice_get_options ours;
	struct download *download;
	struct get_result *result;
	int code = OPTIONS_TAKE(&ours, options, "sluice_get_options", error);

	if (out)
		*out = NULL;
	if (code < 0)
		return code;
	download = calloc(1, sizeof(*download));
	result = calloc(1, sizeof(*result));
	if (download && result) {
		download->options = &ours;
		download->result = result;
		sigpipe_enter();
		code = get(download, url, error);
		sigpipe_leave();
		if (out) {
			*out = &result->public;
			result = NULL;
		}
	} else {
		code = error_set_errno(error, ENOMEM, "download");
	}
	free(result);
	free(download);
	return code;
}

void sluice_get_result_free(struct sluice_get_result *result)
{
	if (result)
		free(container_of(result, struct get_result, public));
}
