/* SPDX-License-Identifier: MIT */
/*
 * A file that was seen growing may be looked at in the middle of a write, whose time is there and
 * whose size is not yet: then it gets a little time. Any other change is one at once.
 */
#include "stream/look.h"

#include <errno.h>

enum { DOUBT_MS = 10, DOUBTS_MAX = 10 };

static void on_timer(struct loop_timer *timer)
{
	struct stream_look *look =
		(struct stream_look *)((char *)timer - offsetof(struct stream_look, timer));

	look->again(look);
}

void stream_look_open(struct stream_look *look, struct loop *loop, struct path_file *file)
{
	look->loop = loop;
	look->file = file;
	look->timer.fire = on_timer;
	look->doubts = 0;
}

int stream_look(struct stream_look *look)
{
	int changed;

	if (look->timer.is_set)
		return -EAGAIN;
	changed = path_file_has_changed(look->file);
	if (changed <= 0) {
		look->doubts = 0;
		return changed;
	}
	if (!look->file->has_grown || look->doubts == DOUBTS_MAX)
		return -ESTALE;
	look->doubts++;
	loop_timer_set(look->loop, &look->timer, DOUBT_MS);
	return -EAGAIN;
}

void stream_look_close(struct stream_look *look)
{
	if (look->loop)
		loop_timer_cancel(look->loop, &look->timer);
}
