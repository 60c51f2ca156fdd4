/* SPDX-License-Identifier: MIT */
#include "tune/vmstat.h"

#include "base/sys.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static uint64_t counter(const char *text, const char *name)
{
	size_t length = strlen(name);

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, name, length) == 0 && line[length] == ' ')
			return strtoull(line + length, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE);
	}
	return 0;
}

int tune_vmstat_read(int fd, struct tune_vmstat *vmstat)
{
	char text[16 << 10];
	int64_t length = sys_pread(fd, text, sizeof(text) - 1, 0);

	if (length <= 0)
		return length < 0 ? (int)length : -ENODATA;
	text[length] = '\0';
	vmstat->dirty = counter(text, "nr_dirty");
	vmstat->writeback = counter(text, "nr_writeback");
	vmstat->written = counter(text, "nr_written");
	vmstat->dirty_threshold = counter(text, "nr_dirty_threshold");
	vmstat->background_threshold = counter(text, "nr_dirty_background_threshold");
	return 0;
}
