/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_API_ENGINE_H
#define SLUICE_API_ENGINE_H

#include "loop/loop.h"

struct sluice_engine {
	struct loop *loop;
};

#endif
