/* SPDX-License-Identifier: MIT */
/*
 * Invariant: while lines are shown the cursor is at the end of the last of them. The columns are
 * asked for each time: a terminal that became narrower has broken the lines.
 */
#include "progress.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static const double interval = 0.1; /* seconds */

static double now(void)
{
	return (double)clock_ns() / 1e9;
}

void progress_open(struct progress *progress)
{
	const char *terminal = getenv("TERM");

	*progress = (struct progress){
		.can_draw = isatty(STDERR_FILENO) && terminal && *terminal &&
			    strcmp(terminal, "dumb") != 0,
	};
}

bool progress_is_due(const struct progress *progress)
{
	return progress->can_draw && now() - progress->drawn >= interval;
}

static struct winsize size_of_terminal(void)
{
	struct winsize size = {0};

	(void)ioctl(STDERR_FILENO, TIOCGWINSZ, &size);
	if (size.ws_col == 0)
		size.ws_col = 80;
	if (size.ws_row == 0)
		size.ws_row = 24;
	return size;
}

static void clear(struct progress *progress, unsigned columns)
{
	unsigned rows = progress_rows(progress->widths, progress->count, columns);

	if (rows > 1)
		fprintf(stderr, "\033[%uA", rows - 1);
	if (rows > 0)
		fputs("\r\033[J", stderr);
	progress->count = 0;
}

void progress_clear(struct progress *progress)
{
	if (progress->count == 0)
		return;
	clear(progress, size_of_terminal().ws_col);
	fflush(stderr);
}

static void put(struct progress *progress, const char *line, unsigned width)
{
	fprintf(stderr, "%s%s", progress->count > 0 ? "\n" : "", line);
	progress->widths[progress->count++] = width;
}

void progress_draw(struct progress *progress, const struct progress_file *files, unsigned count,
		   const struct progress_whole *whole)
{
	struct winsize size = size_of_terminal();
	unsigned most = size.ws_row > 2 ? size.ws_row - 2u : 1;
	char line[PROGRESS_LINE], out[PROGRESS_LINE * PROGRESS_LINES];

	if (!progress->can_draw)
		return;
	if (most > PROGRESS_LINES - 1)
		most = PROGRESS_LINES - 1;
	setvbuf(stderr, out, _IOFBF, sizeof(out)); /* in one write, or it flickers */
	clear(progress, size.ws_col);
	for (unsigned i = 0; i < count && i < most; i++)
		put(progress, line, progress_file_line(line, size.ws_col, &files[i]));
	if (whole)
		put(progress, line, progress_whole_line(line, size.ws_col, whole));
	fflush(stderr);
	setvbuf(stderr, NULL, _IONBF, 0);
	progress->drawn = now();
}

void progress_show(struct progress *progress, const struct sluice_progress *state)
{
	double moved = (double)(state->done_bytes - state->resumed_bytes);
	const struct progress_file file = {
		.name = "",
		.done_bytes = state->done_bytes,
		.total_bytes = state->total_bytes,
		.rate = state->seconds > 0 ? moved / state->seconds : 0,
	};

	progress_draw(progress, &file, 1, NULL);
}
