/* SPDX-License-Identifier: MIT */
/* Where a server's lines go: a file, a terminal, or a pipe whose reader may sleep. */
#ifndef SLUICE_CMD_LINE_FILE_H
#define SLUICE_CMD_LINE_FILE_H

#include <stdbool.h>
#include <stdint.h>

struct line_file {
	int fd;
	const bool *is_ending; /* set by a signal handler, atomically */
	bool can_wait;         /* a pipe, say: write(2) may wait for its reader */
	bool is_torn;          /* it ends in a part of a line */
	bool is_stuck;         /* at the end, its reader took nothing for a second */
	int code;              /* errno of the first line that failed, or 0 */
	uint64_t lost;         /* lines that are not there, or not whole */
};

void line_file_open(struct line_file *file, int fd, const bool *is_ending);
/* Waits until it is written; once the program is ending, for a second at most. Whether it is. */
bool line_file_write(struct line_file *file, const char *line);

#endif
