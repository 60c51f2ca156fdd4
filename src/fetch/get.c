/* SPDX-License-Identifier: MIT */
/* Invariants: phases go forward, but for GET_BODY, which may have another question to ask. */
#include "fetch/get.h"

#include "base/container.h"
#include "base/options.h"
#include "base/size.h"
#include "base/text.h"
#include "fetch/download.h"
#include "http/credentials.h"
#include "http/field.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum get_phase { GET_OUTPUT, GET_LOOK, GET_ASK, GET_BODY, GET_BILL, GET_ENDED };

/* What the public result points into. */
struct get_result {
	struct sluice_get_result public;
	char file[sizeof(((struct output *)0)->file)];
	struct bill bill, server_bill;
};

struct sluice_get {
	struct download download;
	enum get_phase phase;
	sluice_get_done_fn *done;
	void *argument;
	int code;
	struct get_result *result;
};

static void explain(struct download *download)
{
	const struct sluice_get_options *options = &download->options;
	const struct body *body = &download->body;
	struct buffer lines = {0};

	if (!options->explain)
		return;
	if (download->landing)
		landing_explain(download->landing, &lines);
	if (lines.length == 0 && download->is_small && download->small.length > 0)
		buffer_printf(&lines,
			      "bytes 0-%llu by readwrite: a small file, written together with "
			      "others\n",
			      (unsigned long long)download->small.length - 1);
	if (lines.length == 0 && body->written_to_fd > 0)
		buffer_printf(&lines,
			      "bytes 0-%llu by readwrite: the output is not a regular file\n",
			      (unsigned long long)body->written_to_fd - 1);
	if (lines.length > 0 && body->tls_version)
		buffer_printf(&lines, "decrypted here, by OpenSSL: %s, %s\n", body->tls_version,
			      body->tls_suite);
	for (char *at = lines.data, *line; (line = text_next_line(&at));)
		options->explain(options->argument, line);
	buffer_free(&lines);
}

static void fill_result(struct sluice_get *get)
{
	struct download *download = &get->download;
	const struct asking *asking = &download->asking;
	struct get_result *result = get->result;
	struct sluice_get_result *public = &result->public;
	struct tally *tally = &download->body.tally;

	memcpy(result->file, download->output.file, sizeof(result->file));
	public->status = asking->status;
	public->streams = download->streams.used;
	if (public->streams == 0 && download->body.written_to_fd > 0)
	public->streams = 1;
	public->is_skipped = download->output.is_skipped;
	public->resumed_from_bytes = asking->has_answer ? asking->resume : 0;
	result->bill.public.page_cache_before_bytes = download->to_file.resident;
	meter_read(&download->meter, &result->bill);
	if (download->exchange.has_card)
		tally->device_moved_bytes += tally->bytes;
	tally_to_bill(tally, &result->bill);
	result->bill.public.tls_version = download->body.tls_version;
	result->bill.public.tls_suite = download->body.tls_suite;
}

/* All but the server's bill: nothing of it is ours. */
static void end_download(struct sluice_get *get, int code)
{
	struct download *download = &get->download;

	get->code = code;
	get->phase = code == 0 ? GET_BILL : GET_ENDED;
	if (download->landing && landing_file(download->landing))
		get->result->bill.public.page_cache_after_bytes =
			download_resident(download, download_done(download));
	streams_close(download);
	explain(download);
	body_close(download);
	small_close(download);
	landing_close(download->landing);
	download->landing = NULL;
	download_close_output(download);
	fill_result(get);
}

static void finish(struct sluice_get *get)
{
	struct download *download = &get->download;
	struct get_result *result = get->result;

	if (download->bill.has_bill) {
		bill_copy(&result->server_bill, &download->bill.answer.bill.public);
		result->public.server_bill = &result->server_bill.public;
		result->public.server_was_alone = download->bill.answer.is_alone;
	}
	if (get->code == 0)
		download->error = (struct sluice_error){0};
	/* With the body of an answer that is of no use, a connection is of none. */
	if (get->code == 0 && !*download->bill.path)
		exchange_give_back(&download->exchange);
	else
		exchange_disconnect(&download->exchange);
	loop_timer_cancel(download->loop, &download->report);
	get->done(get->argument, get->code, &result->public, &download->error);
}

/* Else what came is in no file that could be continued. */
static bool is_by_part(const struct download *download)
{
	return download->output.fd < 0 && !download->is_small;
}

static int take_to_output(struct download *download)
{
	if (download->output.fd >= 0)
		return download_to_fd(download);
	return download->is_small ? download_small(download) : download_to_file(download);
}

static int take_body(struct sluice_get *get)
{
	struct download *download = &get->download;
	int result = take_to_output(download);

	if (!is_by_part(download) && result < 0 && result != -EAGAIN) {
		small_close(download);
		if (download_try_again(download, result) == 0)
			result = DOWNLOAD_ASK;
	}
	if (result == DOWNLOAD_ASK) {
		get->phase = GET_ASK;
		return 0;
	}
	if (result != -EAGAIN)
		end_download(get, result);
	return result == -EAGAIN ? result : 0;
}

/* There may be something to continue after all, at another name: then it is asked for that. */
static int open_landing(struct sluice_get *get)
{
	struct download *download = &get->download;
	int result = output_open_landing(download);

	if (result < 0 || landing_found(download->landing)->there.count == 0)
		return result;
	download_question(download, NULL);
	get->phase = GET_ASK;
	return 0;
}

static int begin_body(struct sluice_get *get)
{
	struct download *download = &get->download;
	int result;

	get->phase = GET_BODY;
	body_begin(download);
	download->is_small = download_is_small(download);
	result = checked_begin(download);
	if (result == 0 && download->output.is_new && !download->is_small)
		result = open_landing(get);
	return result;
}

static int ask(struct sluice_get *get)
{
	struct download *download = &get->download;
	int result = download_ask(download);

	if (result == -EAGAIN)
		return result;
	if (result == 0 && !download->asking.is_unchanged) {
		result = begin_body(get);
		if (result < 0)
			end_download(get, result);
	} else if (result < 0 && download->landing && landing_is_begun(download->landing)) {
		/* What other answers brought stays. */
		download_give_up(download, result);
		get->phase = GET_BODY;
	} else {
		end_download(get, result);
	}
	return 0;
}

static int open_output(struct sluice_get *get)
{
	int result = download_open_output(&get->download);

	if (result == -EAGAIN)
		return result;
	get->phase = GET_LOOK;
	if (result < 0 || get->download.output.is_skipped)
		end_download(get, result);
	return 0;
}

/* Where the digest is given, what is there may be what is wanted. */
static int look(struct sluice_get *get)
{
	struct download *download = &get->download;
	int result = download_has_digest(download);

	if (result == -EAGAIN)
		return result;
	get->phase = GET_ASK;
	if (result == 1) {
		download->asking.is_unchanged = true;
		download->asking.status = 304;
	}
	if (result != 0)
		end_download(get, result < 0 ? result : 0);
	return 0;
}

static int fetch_bill(struct sluice_get *get)
{
	int result = download_fetch_bill(&get->download);

	if (result == 0)
		get->phase = GET_ENDED;
	return result;
}

static int (*const steps[])(struct sluice_get *get) = {
	[GET_OUTPUT] = open_output, [GET_LOOK] = look,       [GET_ASK] = ask,
	[GET_BODY] = take_body,     [GET_BILL] = fetch_bill,
};

static void run(struct download *download)
{
	struct sluice_get *get = container_of(download, struct sluice_get, download);
	int result = 0;

	if (get->phase == GET_ENDED)
		return;
	while (result == 0 && get->phase != GET_ENDED)
		result = steps[get->phase](get);
	if (get->phase == GET_ENDED)
		finish(get);
}

static void on_exchange(struct exchange *exchange)
{
	download_wake(container_of(exchange, struct download, exchange));
}

static int check_part(struct download *download)
{
	const struct sluice_get_options *options = &download->options;
	uint64_t end;

	if (!download_wants_part(download))
		return 0;
	if (!options->to_fd)
		return error_set(&download->error, EINVAL,
				 "a part of a file goes to a descriptor: set to_fd");
	if (!size_add(options->range_offset, options->range_length, &end) || end > INT64_MAX)
		return error_set(&download->error, EINVAL, "the range ends beyond any file");
	return 0;
}

/* What the program sends with each request to the URL's origin. */
static int set_fields(struct download *download, const char *url)
{
	struct buffer *fields = &download->fields;
	int result = 0;

	for (const char *const *field = download->options.headers; result == 0 && field && *field;
	     field++)
		result = http_field_add_to_request(fields, *field, &download->error);
	if (result == 0)
		result = http_credentials_check(url, &download->error);
	if (result > 0)
		result = http_field_is_in(fields->data, "Authorization")
				 ? error_set(&download->error, EINVAL,
					     "the URL has a user name, and there is a header "
					     "Authorization already")
				 : http_credentials_add(fields, "Authorization", url,
							&download->error);
	download->exchange.fields = fields->data;
	return result;
}

static int prepare(struct download *download, const char *url,
		   const struct sluice_get_options *options)
{
	int result =
		OPTIONS_TAKE(&download->options, options, "sluice_get_options", &download->error);

	if (result < 0) {
		download->options = (struct sluice_get_options){0};
		return result;
	}
	result = download_own_options(download);
	if (result < 0)
		return result;
	download->url = http_credentials_cut(url);
	if (!download->url)
		return error_set_errno(&download->error, ENOMEM, "download");
	result = check_part(download);
	if (result == 0)
		result = mirrors_open(download);
	if (result == 0)
		result = set_fields(download, url);
	if (result == 0)
		result = secure_open(&download->exchange.secure, &download->options,
				     &download->error);
	if (result == 0)
		result = exchange_set_url(&download->exchange, download->url);
	if (result == 0)
		result = download_choose_output(download);
	return result < 0 ? result : download_expect(download);
}

static void release(struct download *download)
{
	struct sluice_get *get = container_of(download, struct sluice_get, download);

	free(get->result);
	free(get);
}

static struct sluice_get *create(void)
{
	struct sluice_get *get = calloc(1, sizeof(*get));
	struct get_result *result = calloc(1, sizeof(*result));
	struct download *download = &get->download;

	if (!get || !result) {
		free(result);
		free(get);
		return NULL;
	}
	bill_init(&result->bill);
	result->public.file = result->file;
	result->public.bill = &result->bill.public;
	get->result = result;
	download->run = run;
	download->release = release;
	download->exchange.client.channel.in = -1;
	download->exchange.error = &download->error;
	download->exchange.wake = on_exchange;
	download->output.fd = -1;
	download->asking.expected = UINT64_MAX;
	download->to_file.resident = -1;
	return get;
}

int get_open(struct sluice_get **out, const char *url, const struct sluice_get_options *options,
	     struct batch *batch, sluice_get_done_fn *done, void *argument,
	     struct sluice_error *error)
{
	struct sluice_get_options ours;
	struct sluice_get *get;
	int result = OPTIONS_TAKE(&ours, options, "sluice_get_options", error);

	if (result < 0)
		return result;
	get = create();
	if (!get)
		return error_set_errno(error, ENOMEM, "download");
	get->done = done;
	get->download.batch = batch;
	get->argument = argument;
	landing_prepare();
	meter_start(&get->download.meter);
	result = prepare(&get->download, url, &ours);
	*out = get;
	if (result < 0) {
		end_download(get, result);
		if (error)
			*error = get->download.error;
	}
	return result;
}

void get_start(struct sluice_get *get, struct loop *loop, struct pool *pool, struct pace *pace)
{
	struct download *download = &get->download;

	download->loop = loop;
	download->exchange.loop = loop;
	download->exchange.pool = pool;
	download->exchange.congestion = download->options.congestion;
	exchange_set_limit(&download->exchange, download_limit(download));
	again_open(download);
	rate_open(download, pace);
	download_start(download);
}

struct sluice_get_result *get_take_result(struct sluice_get *get)
{
	struct get_result *result = get->result;

	get->result = NULL;
	return &result->public;
}

void get_close(struct sluice_get *get)
{
	if (get)
		download_free(&get->download);
}

void sluice_get_result_free(struct sluice_get_result *result)
{
	if (result)
		free(container_of(result, struct get_result, public));
}
