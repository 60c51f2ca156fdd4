/* SPDX-License-Identifier: MIT */
/*
 * What a complete file keeps of its source when it gets its name: the server's time, where that is
 * wanted, and, so that a later call can ask whether it changed, where it came from.
 */
#include "base/sys.h"
#include "fetch/download.h"

#include <stdlib.h>

struct stamp {
	struct origin origin;
	bool has_origin, has_time;
	time_t time;
};

/* The origin has the file's time in it. */
static void stamp(void *argument, int fd)
{
	const struct stamp *stamp = argument;

	if (stamp->has_time)
		(void)sys_set_modified(fd, (struct timespec){.tv_sec = stamp->time});
	if (stamp->has_time && stamp->has_origin)
		(void)sys_fsync(fd);
	if (stamp->has_origin)
		origin_remember(&stamp->origin, fd);
}

void download_stamp(struct download *download)
{
	const struct asking *asking = &download->asking;
	struct stamp *new = malloc(sizeof(*new));

	if (!new)
		return;
	*new = (struct stamp){
		.origin.url = origin_url(download->url),
		.origin.place = origin_place(&download->exchange.url),
		.origin.validator = asking->validator,
		/* It must not outlast bytes that are not on the disk. */
		.has_origin = !download->options.no_sync,
		.has_time = download->options.keep_time && asking->has_modified,
		.time = asking->modified,
	};
	landing_stamp(download->landing, stamp, new);
}
