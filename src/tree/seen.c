/* SPDX-License-Identifier: MIT */
#include "tree/seen.h"

#include <stdlib.h>

enum { FIRST_ROOM = 1024 };

static struct seen_file *place_of(struct seen_file *files, size_t room, uint64_t device,
				  uint64_t inode)
{
	uint64_t hash = (inode * 31 + device) * 0x9e3779b97f4a7c15u;
	size_t at = (size_t)(hash >> 20) & (room - 1);

	while (files[at].inode && (files[at].inode != inode || files[at].device != device))
		at = (at + 1) & (room - 1);
	return &files[at];
}

/* Keeps half of the places empty. */
static bool make_room(struct seen *seen)
{
	size_t room = seen->room ? 2 * seen->room : FIRST_ROOM;
	struct seen_file *files;

	if (seen->count < seen->room / 2)
		return true;
	files = seen->count < SEEN_MAX ? calloc(room, sizeof(*files)) : NULL;
	if (!files)
		return false;
	for (size_t i = 0; i < seen->room; i++)
		if (seen->files[i].inode)
			*place_of(files, room, seen->files[i].device, seen->files[i].inode) =
				seen->files[i];
	free(seen->files);
	seen->files = files;
	seen->room = room;
	return true;
}

bool seen_before(struct seen *seen, uint64_t device, uint64_t inode)
{
	bool has_room = make_room(seen);
	struct seen_file *place;

	if (!seen->room) {
		seen->is_full = true;
		return false;
	}
	place = place_of(seen->files, seen->room, device, inode);
	if (place->inode)
		return true;
	if (!has_room) {
		seen->is_full = true;
		return false;
	}
	*place = (struct seen_file){device, inode};
	seen->count++;
	return false;
}

void seen_free(struct seen *seen)
{
	free(seen->files);
	*seen = (struct seen){0};
}
