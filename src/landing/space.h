/* SPDX-License-Identifier: MIT */
/* The room that a file gets on the disk, and in the page cache. Waits for the disk. */
#ifndef SLUICE_LANDING_SPACE_H
#define SLUICE_LANDING_SPACE_H

#include "landing/intervals.h"
#include "path/file.h"

/*
 * Takes the room for the bytes from `from` on, below `to`: allocated blocks let writes run side by
 * side, as a write that makes the file longer runs alone. 0, or -errno where there is not enough.
 */
int space_take(const struct path_file *file, uint64_t from, uint64_t to);
/* The file is at least this long. What is not written is a hole. */
int space_stretch(const struct path_file *file, uint64_t size);
/* Whether anything from offset on was in the page cache when the file was opened, or may be. */
bool space_has_pages(const struct path_file *file, uint64_t offset);
/* Takes what is clean of these bytes out of it. */
void space_drop_pages(const struct path_file *file, const struct intervals *bytes);

#endif
