/* SPDX-License-Identifier: MIT */
#include "path/zeros.h"

#include <string.h>

static bool is_zero(const char *data, size_t length)
{
	return data[0] == 0 && memcmp(data, data + 1, length - 1) == 0;
}

static size_t block(size_t length, size_t at)
{
	return length - at < ZEROS_BLOCK ? length - at : ZEROS_BLOCK;
}

/* Behind the blocks from `at` on that are zero. */
static size_t end_of_zeros(const char *data, size_t length, size_t at)
{
	while (at < length && is_zero(data + at, block(length, at)))
		at += block(length, at);
	return at;
}

size_t zeros_stretch(const char *data, size_t length, bool is_first, bool *are_zeros)
{
	size_t at = 0, end = end_of_zeros(data, length, 0);

	*are_zeros = end > 0 && (is_first || end == length || end >= ZEROS_LEAST);
	if (*are_zeros)
		return end;
	while (end < length) {
		at = end + block(length, end);
		end = end_of_zeros(data, length, at);
		if (end > at && (end == length || end - at >= ZEROS_LEAST))
			return at;
		if (end == at && at == length)
			return at;
	}
	return length;
}
