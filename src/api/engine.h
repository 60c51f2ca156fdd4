/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_API_ENGINE_H
#define SLUICE_API_ENGINE_H

#include "base/pace.h"
#include "fetch/pool.h"
#include "landing/batch.h"
#include "loop/loop.h"

struct sluice_engine {
	struct loop *loop;
	/* Of its gets; NULL: there was none. */
	struct pool *pool;
	struct batch *batch;
	struct pace pace; /* of all its gets together */
};

#endif
