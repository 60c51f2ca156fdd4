/* SPDX-License-Identifier: MIT */
/* Checks whether a file being sent is unchanged, and waits where that cannot be decided yet. */
#ifndef SLUICE_RANGE_LOOK_H
#define SLUICE_RANGE_LOOK_H

#include "loop/loop.h"
#include "path/file.h"

struct range_look {
	void (*again)(struct range_look *look); /* look once more */
	/* private */
	struct loop *loop;
	struct path_file *file;
	struct loop_timer timer;
	unsigned doubts;
	struct range_look_apart *apart; /* under way */
	int64_t seen;                   /* its result; with has_seen */
	bool has_seen;
};

/* file is borrowed until range_look_close. */
void range_look_open(struct range_look *look, struct loop *loop, struct path_file *file);
/* 0: it is, or it only grew; -ESTALE: it is not; -EAGAIN: until `again`; other -errno. */
int range_look(struct range_look *look);
void range_look_close(struct range_look *look); /* any number of times */

#endif
