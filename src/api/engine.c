/* SPDX-License-Identifier: MIT */
/* The public face of the event loop. */
#include "api/engine.h"

#include "base/options.h"
#include "base/sigpipe.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int find_kind(const char *name, enum loop_kind *kind, struct sluice_error *error)
{
	static const struct {
		const char *name;
		enum loop_kind kind;
	} kinds[] = {{"auto", LOOP_AUTO}, {"io_uring", LOOP_URING}, {"epoll", LOOP_EPOLL}};

	*kind = LOOP_AUTO;
	if (!name)
		return 0;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		if (strcmp(kinds[i].name, name) == 0) {
			*kind = kinds[i].kind;
			return 0;
		}
	}
	return error_set(error, EINVAL, "no backend '%s': there are auto, io_uring and epoll",
			 name);
}

int sluice_engine_open(struct sluice_engine **out, const struct sluice_engine_options *options,
		       struct sluice_error *error)
{
	struct sluice_engine *engine;
	struct sluice_engine_options ours;
	enum loop_kind kind;
	int result = OPTIONS_TAKE(&ours, options, "sluice_engine_options", error);

	if (result == 0)
		result = find_kind(ours.backend, &kind, error);
	if (result < 0)
		return result;
	engine = calloc(1, sizeof(*engine));
	if (!engine)
		return error_set_errno(error, ENOMEM, "engine");
	result = loop_open(&engine->loop, kind, error);
	if (result < 0) {
		free(engine);
		return result;
	}
	pace_begin(&engine->pace, ours.bytes_per_second, loop_now_ms(engine->loop));
	*out = engine;
	return 0;
}

void sluice_engine_close(struct sluice_engine *engine)
{
	if (!engine)
		return;
	pool_close(engine->pool);
	batch_close(engine->batch);
	loop_close(engine->loop);
	free(engine);
}

int sluice_engine_run(struct sluice_engine *engine, int timeout_ms)
{
	int result;

	sigpipe_enter();
	result = loop_run(engine->loop, timeout_ms);
	sigpipe_leave();
	return result;
}

int sluice_engine_fd(struct sluice_engine *engine)
{
	return loop_fd(engine->loop);
}

const char *sluice_engine_backend(const struct sluice_engine *engine)
{
	return loop_name(engine->loop);
}
