/* SPDX-License-Identifier: MIT */
/*
 * A growing file may be checked in the middle of a write that has set the time but not yet the
 * size: it is then given a moment. Any other change counts at once.
 *
 * On a file system that may hang a thread checks, and each check is valid for one step.
 */
#include "range/look.h"
#include "base/container.h"

#include "base/sys.h"

#include <errno.h>
#include <stdlib.h>

enum { DOUBT_MS = 10, DOUBTS_MAX = 10 };

/* Lives on when the range is gone before the file system answers. */
struct range_look_apart {
	struct loop_op op;
	struct range_look *look; /* NULL: nobody waits any more */
	struct path_file *file;
	struct statx now;
};

static int64_t ask(void *argument)
{
	struct range_look_apart *apart = argument;

	return sys_statx(apart->file->fd, STATX_SIZE | STATX_MTIME, &apart->now);
}

static void on_asked(struct loop_op *op, int64_t result)
{
	struct range_look_apart *apart = container_of(op, struct range_look_apart, op);
	struct range_look *look = apart->look;

	if (look) {
		look->seen = result < 0 ? result : path_file_judge(apart->file, &apart->now);
		look->has_seen = true;
		look->apart = NULL;
		look->again(look);
	}
	path_file_release(apart->file);
	free(apart);
}

static int ask_apart(struct range_look *look)
{
	struct range_look_apart *apart = calloc(1, sizeof(*apart));

	if (!apart)
		return -ENOMEM;
	*apart = (struct range_look_apart){
		.op.done = on_asked, .look = look, .file = path_file_share(look->file)};
	look->apart = apart;
	loop_work_apart(look->loop, &apart->op, ask, apart);
	return -EAGAIN;
}

/* As path_file_has_changed, or -EAGAIN. */
static int64_t has_changed(struct range_look *look)
{
	if (!look->file->may_hang)
		return path_file_has_changed(look->file);
	if (look->apart)
		return -EAGAIN;
	if (!look->has_seen)
		return ask_apart(look);
	look->has_seen = false;
	return look->seen;
}

static void on_timer(struct loop_timer *timer)
{
	struct range_look *look = container_of(timer, struct range_look, timer);

	look->again(look);
}

void range_look_open(struct range_look *look, struct loop *loop, struct path_file *file)
{
	look->loop = loop;
	look->file = file;
	look->timer.fire = on_timer;
	look->doubts = 0;
}

int range_look(struct range_look *look)
{
	int64_t changed = look->timer.is_set ? -EAGAIN : has_changed(look);

	if (changed <= 0) {
		look->doubts = changed == 0 ? 0 : look->doubts;
		return (int)changed;
	}
	if (!look->file->has_grown || look->doubts == DOUBTS_MAX)
		return -ESTALE;
	look->doubts++;
	loop_timer_set(look->loop, &look->timer, DOUBT_MS);
	return -EAGAIN;
}

void range_look_close(struct range_look *look)
{
	if (look->loop)
		loop_timer_cancel(look->loop, &look->timer);
	if (look->apart)
		look->apart->look = NULL;
	look->apart = NULL;
	look->has_seen = false;
}
