/* SPDX-License-Identifier: MIT */
/*
 * A get as a whole: from a URL to a file that is whole and on the disk, or to a part that can be
 * continued. Non-blocking, on a loop.
 */
#ifndef SLUICE_FETCH_GET_H
#define SLUICE_FETCH_GET_H

#include "base/pace.h"
#include "fetch/pool.h"
#include "landing/batch.h"
#include "loop/loop.h"
#include "sluice.h"

/*
 * Finds out where the bytes go, and opens that; options may be NULL. A small file lands in the
 * batch, unless that is NULL. 0 or -errno.
 */
int get_open(struct sluice_get **get, const char *url, const struct sluice_get_options *options,
	     struct batch *batch, sluice_get_done_fn *done, void *argument,
	     struct sluice_error *error);
/*
 * Begins, on connections of the pool, too, and at the pace that others share, unless these are
 * NULL. done runs inside loop_run.
 */
void get_start(struct sluice_get *get, struct loop *loop, struct pool *pool, struct pace *pace);
/* Of a get that has ended, or could not begin: for sluice_get_result_free. */
struct sluice_get_result *get_take_result(struct sluice_get *get);
/* In any state. Files stay as they are, as if the process had been killed. NULL is allowed. */
void get_close(struct sluice_get *get);

#endif
