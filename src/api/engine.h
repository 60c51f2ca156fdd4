/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_API_ENGINE_H
#define SLUICE_API_ENGINE_H

#include "base/pace.h"
#include "fetch/pool.h"
#include "loop/loop.h"

struct sluice_engine {
	struct loop *loop;
	struct pool *pool; /* of its gets; NULL: there was none */
	struct pace pace;  /* of all its gets together */
};

#endif
