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
	bool has_origin, has_time, has_name; /* has_name: it may be found before it is synced */
	time_t time;
};

/* The origin has the file's time in it. */
void stamp_file(void *argument, int fd)
{
	const struct stamp *stamp = argument;

	if (stamp->has_time)
		(void)sys_set_modified(fd, (struct timespec){.tv_sec = stamp->time});
	if (stamp->has_time && stamp->has_origin && stamp->has_name)
		(void)sys_fsync(fd);
	if (stamp->has_origin)
		origin_remember(&stamp->origin, fd);
}

void *stamp_new(const struct download *download)
{
	const struct asking *asking = &download->asking;
	struct stamp *new = malloc(sizeof(*new));

	if (!new)
		return NULL;
	*new = (struct stamp){
		.origin.url = origin_url(download->url),
		.origin.place = origin_place(&download->exchange.url),
		.origin.validator = asking->validator,
		/* It must not outlast bytes that are not on the disk. */
		.has_origin = !download->options.no_sync,
		.has_time = download->options.keep_time && asking->has_modified,
		.has_name = !download->is_small,
		.time = asking->modified,
	};
	return new;
}

void download_stamp(struct download *download)
{
	void *new = stamp_new(download);

	if (new)
		landing_stamp(download->landing, stamp_file, new);
}
