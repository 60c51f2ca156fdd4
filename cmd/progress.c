/* SPDX-License-Identifier: MIT */
#include "progress.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { FIGURES = 56 }; /* columns beside the bar */

void progress_open(struct progress *progress)
{
	progress->is_terminal = isatty(STDERR_FILENO);
	progress->is_shown = false;
}

static int columns(void)
{
	struct winsize size;

	return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

static void print_bar(double share, int width)
{
	char bar[128];
	int full;

	if (width < 4)
		return;
	width = width > (int)sizeof(bar) - 1 ? (int)sizeof(bar) - 1 : width;
	full = (int)(share * width);
	memset(bar, ' ', (size_t)width);
	memset(bar, '#', (size_t)full);
	fprintf(stderr, "[%.*s] ", width, bar);
}

static void print_time_left(double seconds)
{
	unsigned long left = (unsigned long)(seconds + 0.5);

	if (seconds < 360000)
		fprintf(stderr, "%lu:%02lu:%02lu left", left / 3600, left / 60 % 60, left % 60);
}

void progress_show(struct progress *progress, const struct sluice_progress *state)
{
	double done = (double)state->done_bytes, total = (double)state->total_bytes;
	double moved = (double)(state->done_bytes - state->resumed_bytes);
	double rate = state->seconds > 0 ? moved / state->seconds : 0;

	if (!progress->is_terminal)
		return;
	progress->is_shown = true;
	fputs("\r\033[K", stderr);
	if (state->total_bytes == UINT64_MAX || total == 0) {
		fprintf(stderr, "%.1f MB  %.2f GB/s", done / 1e6, rate / 1e9);
		return;
	}
	print_bar(done / total, columns() - FIGURES);
	fprintf(stderr, "%3.0f %% of %.1f MB  %.2f GB/s  ", 100 * done / total, total / 1e6,
		rate / 1e9);
	if (rate > 0)
		print_time_left((total - done) / rate);
}

void progress_clear(struct progress *progress)
{
	if (progress->is_shown)
		fputs("\r\033[K", stderr);
	progress->is_shown = false;
}
