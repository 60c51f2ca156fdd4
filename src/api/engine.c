/* SPDX-License-Identifier: MIT */
/* The public face of the event loop. */
#include "api/engine.h"

#include "base/error.h"

#include <errno.h>
#include <stdlib.h>

int sluice_engine_open(struct sluice_engine **out, struct sluice_error *error)
{
	struct sluice_engine *engine = calloc(1, sizeof(*engine));
	int result;

	if (!engine)
		return error_set_errno(error, ENOMEM, "engine");
	result = loop_open(&engine->loop, LOOP_AUTO, error);
	if (result < 0)
		free(engine);
	else
		*out = engine;
	return result;
}

void sluice_engine_close(struct sluice_engine *engine)
{
	if (!engine)
		return;
	loop_close(engine->loop);
	free(engine);
}

int sluice_engine_run(struct sluice_engine *engine, int timeout_ms)
{
	return loop_run(engine->loop, timeout_ms);
}

int sluice_engine_fd(struct sluice_engine *engine)
{
	return loop_fd(engine->loop);
}

const char *sluice_engine_backend(const struct sluice_engine *engine)
{
	return loop_name(engine->loop);
}
