/* SPDX-License-Identifier: MIT */
/* The public get: fetch/'s on an engine; and the same, blocking, on an engine of its own. */
#include "fetch/get.h"
#include "api/engine.h"
#include "base/error.h"
#include "base/sigpipe.h"
#include "http/credentials.h"
#include "http/url.h"

int sluice_url_check(const char *text, struct sluice_error *error)
{
	struct http_url url;
	struct buffer lines = {0};
	int result = http_url_parse(&url, text, error);

	if (result == 0)
		result = http_credentials_add(&lines, "Authorization", text, error);
	buffer_free(&lines);
	http_url_free(&url);
	return result;
}

int sluice_url_filename(const char *text, char name[256], struct sluice_error *error)
{
	struct http_url url;
	int result = http_url_parse(&url, text, error);

	if (result == 0)
		result = http_url_filename(&url, name, error);
	http_url_free(&url);
	return result;
}

int sluice_get_open(struct sluice_get **out, struct sluice_engine *engine, const char *url,
		    const struct sluice_get_options *options, sluice_get_done_fn *done,
		    void *argument, struct sluice_error *error)
{
	struct sluice_get *get = NULL;
	int result;

	if (!engine->pool)
		engine->pool = pool_open(engine->loop);
	if (!engine->batch)
		engine->batch = batch_open(engine->loop);
	result = get_open(&get, url, options, engine->batch, done, argument, error);
	if (result < 0) {
		get_close(get);
		return result;
	}
	get_start(get, engine->loop, engine->pool, &engine->pace);
	*out = get;
	return 0;
}

void sluice_get_close(struct sluice_get *get)
{
	get_close(get);
}

struct end {
	bool has_ended;
	int code;
	struct sluice_error *error;
};

static void note_end(void *argument, int code, const struct sluice_get_result *result,
		     const struct sluice_error *error)
{
	struct end *end = argument;

	end->has_ended = true;
	end->code = code;
	if (end->error)
		*end->error = *error;
}

static int run_on(struct loop *loop, struct sluice_get *get, const struct end *end)
{
	int result = 0;

	get_start(get, loop, NULL, NULL);
	while (result == 0 && !end->has_ended)
		result = loop_run(loop, -1);
	return result < 0 ? error_set_errno(end->error, -result, "event loop") : end->code;
}

int sluice_get(const char *url, const struct sluice_get_options *options,
	       struct sluice_get_result **result, struct sluice_error *error)
{
	struct end end = {.error = error};
	struct sluice_get *get = NULL;
	struct loop *loop = NULL;
	/* The output is chosen before we have descriptors of our own. */
	int code = get_open(&get, url, options, NULL, note_end, &end, error);

	if (code == 0)
		code = loop_open(&loop, LOOP_AUTO, error);
	sigpipe_enter();
	if (code == 0)
		code = run_on(loop, get, &end);
	sigpipe_leave();
	if (result)
		*result = get ? get_take_result(get) : NULL;
	get_close(get);
	if (loop)
		loop_close(loop);
	return code;
}
