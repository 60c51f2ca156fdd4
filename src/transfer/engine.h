/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_TRANSFER_ENGINE_H
#define SLUICE_TRANSFER_ENGINE_H

#include "loop/loop.h"

struct sluice_engine {
	struct loop *loop;
};

#endif
