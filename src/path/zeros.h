/* SPDX-License-Identifier: MIT */
/* Which bytes of a buffer are zeros that a file need not have on the disk. Pure. */
#ifndef SLUICE_PATH_ZEROS_H
#define SLUICE_PATH_ZEROS_H

#include <stdbool.h>
#include <stddef.h>

enum {
	ZEROS_BLOCK = 4096,     /* in which they are looked for */
	ZEROS_LEAST = 64 << 10, /* that make a hole, unless they may go on beside the buffer */
};

/*
 * How many bytes, from the first on, go the same way: *are_zeros, into a hole; else to the disk.
 * is_first: the buffer begins here.
 */
size_t zeros_stretch(const char *data, size_t length, bool is_first, bool *are_zeros);

#endif
