/* SPDX-License-Identifier: MIT */
/* The files that are measured on. They have no name, so that nothing is left whatever ends us. */
#include "base/cleanup.h"
#include "base/error.h"
#include "base/size.h"
#include "lab/media-private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#define LEFT_FREE (256 * MIB)
#define ITS_SIZE  GIB

/* For file systems without O_TMPFILE. */
static int named_for_a_moment(const char *folder)
{
	_cleanup_free_ char *path = NULL;
	int fd;

	if (asprintf(&path, "%s/.sluice-media-XXXXXX", folder) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	unlink(path);
	return fd;
}

int media_temp_file(const char *folder, struct sluice_error *error)
{
	int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd < 0 && errno != EACCES && errno != EROFS && errno != ENOSPC && errno != EDQUOT)
		fd = named_for_a_moment(folder);
	else if (fd < 0)
		fd = -errno;
	if (fd < 0)
		return error_set_errno(error, -fd, "no file can be made in %s", folder);
	return fd;
}

uint64_t media_file_size(uint64_t wanted, uint64_t free, uint64_t total)
{
	uint64_t left = total / 20 > LEFT_FREE ? total / 20 : LEFT_FREE;
	uint64_t room = free > left ? free - left : 0;

	if (wanted)
		return wanted <= room ? wanted : 0;
	wanted = size_round_down(size_min(ITS_SIZE, room / 4), MIB);
	return wanted >= LAB_MEDIA_SIZE_MIN ? wanted : 0;
}
