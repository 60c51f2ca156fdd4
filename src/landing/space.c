/* SPDX-License-Identifier: MIT */
#include "landing/space.h"

#include "base/sys.h"
#include "cache/residency.h"

#include <errno.h>

int space_take(const struct path_file *file, uint64_t from, uint64_t to)
{
	int result = from < to ? sys_fallocate(file->fd, 0, from, to - from) : 0;

	/* Only a lack of room is an error: other file systems just cannot preallocate. */
	return result == -ENOSPC || result == -EDQUOT || result == -EFBIG ? result : 0;
}

int space_stretch(const struct path_file *file, uint64_t size)
{
	struct statx now;
	int result = sys_statx(file->fd, STATX_SIZE, &now);

	return result < 0 || now.stx_size >= size ? result : sys_ftruncate(file->fd, size);
}

bool space_has_pages(const struct path_file *file, uint64_t offset)
{
	uint64_t size = file->status.stx_size;

	return offset < size &&
	       cache_residency(file->fd, offset, size - offset).state != CACHE_COLD;
}

void space_drop_pages(const struct path_file *file, const struct intervals *bytes)
{
	for (unsigned i = 0; i < bytes->count; i++)
		cache_drop(file->fd, bytes->at[i].from, bytes->at[i].to - bytes->at[i].from);
}
