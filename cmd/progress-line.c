/* SPDX-License-Identifier: MIT */
/* What the lines say: pure. Where there are few columns, the least important goes first. */
#include "base/text.h"
#include "progress.h"

#include <stdio.h>
#include <string.h>

enum { NAME_MIN = 12, BAR_MIN = 8, BAR_MAX = 40, STRETCH_SECONDS = 3 };

void progress_measure(struct progress_rate *rate, double seconds, uint64_t bytes)
{
	double passed;

	if (seconds - rate->seconds[1] >= STRETCH_SECONDS) {
		rate->seconds[0] = rate->seconds[1];
		rate->bytes[0] = rate->bytes[1];
		rate->seconds[1] = seconds;
		rate->bytes[1] = (double)bytes;
	}
	passed = seconds - rate->seconds[0];
	rate->now = passed > 0 ? ((double)bytes - rate->bytes[0]) / passed : 0;
	if (rate->now < 0) /* it was started over */
		rate->now = 0;
}

/* Three digits and a unit. */
static void format_bytes(char text[16], double bytes)
{
	static const char units[][3] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
	unsigned unit = 0;

	while (bytes >= 999.5 && unit + 1 < sizeof(units) / sizeof(*units)) {
		bytes /= 1000;
		unit++;
	}
	snprintf(text, 16, "%.*f %s",
		 unit == 0 || bytes >= 99.95 ? 0
		 : bytes >= 9.995            ? 1
					     : 2,
		 bytes, units[unit]);
}

static void format_left(char text[32], double seconds)
{
	unsigned long left = (unsigned long)(seconds + 0.5);

	*text = '\0';
	if (seconds < 360000)
		snprintf(text, 32, "%lu:%02lu:%02lu left", left / 3600, left / 60 % 60, left % 60);
}

/* Text that is shown takes a column a character; few are wider. */
static unsigned columns_of(const char *text)
{
	unsigned columns = 0;

	for (; *text; text++)
		columns += ((unsigned char)*text & 0xc0) != 0x80;
	return columns;
}

/* Behind so many columns of it. */
static const char *skip(const char *text, unsigned columns)
{
	while (*text && (columns > 0 || ((unsigned char)*text & 0xc0) == 0x80)) {
		columns -= ((unsigned char)*text & 0xc0) != 0x80 && columns > 0;
		text++;
		while (((unsigned char)*text & 0xc0) == 0x80)
			text++;
	}
	return text;
}

/* Names differ at their ends as often as where they begin: the middle goes. */
static void cut_name(char text[PROGRESS_LINE], const char *name, unsigned width)
{
	unsigned columns, head = (width - 1) / 2, tail = width - 2 - head;
	char *rest;

	text_for_terminal(text, PROGRESS_LINE, name);
	columns = columns_of(text);
	if (columns <= width)
		return;
	rest = text + (skip(text, head) - text);
	memmove(rest + 2, skip(text, columns - tail), strlen(skip(text, columns - tail)) + 1);
	memcpy(rest, "..", 2);
}

/* Adds a piece, behind two blanks, if there is room. */
static void add(char line[PROGRESS_LINE], unsigned room, const char *piece)
{
	size_t length = strlen(line);
	unsigned gap = length > 0 ? 2 : 0;

	if (!*piece || columns_of(line) + gap + columns_of(piece) > room)
		return;
	snprintf(line + length, PROGRESS_LINE - length, "%s%s", length > 0 ? "  " : "", piece);
}

static void add_bar(char bar[BAR_MAX + 3], unsigned width, double share)
{
	unsigned inner = width - 2 < BAR_MAX ? width - 2 : BAR_MAX;

	bar[0] = '[';
	memset(bar + 1, ' ', inner);
	memset(bar + 1, '#', (unsigned)(share * inner));
	bar[inner + 1] = ']';
	bar[inner + 2] = '\0';
}

static double share_of(const struct progress_file *file)
{
	double share = (double)file->done_bytes / (double)file->total_bytes;

	return share < 1 ? share : 1;
}

/* What has been done, how fast, and how long it takes: as much of that as fits. */
static void format_figures(char figures[PROGRESS_LINE], unsigned room,
			   const struct progress_file *file)
{
	bool has_total = file->total_bytes != UINT64_MAX && file->total_bytes > 0;
	char size[16], rate[16], done[48], speed[32], left[32] = "", streams[32] = "";

	format_bytes(size, (double)(has_total ? file->total_bytes : file->done_bytes));
	format_bytes(rate, file->rate);
	snprintf(speed, sizeof(speed), "%s/s", rate);
	if (has_total)
		snprintf(done, sizeof(done), "%3.0f %% of %s", 100 * share_of(file), size);
	else
		snprintf(done, sizeof(done), "%s", size);
	if (has_total && file->rate > 0 && file->done_bytes <= file->total_bytes)
		format_left(left, (double)(file->total_bytes - file->done_bytes) / file->rate);
	if (file->streams > 1)
		snprintf(streams, sizeof(streams), "%u streams", file->streams);
	*figures = '\0';
	add(figures, room, done);
	add(figures, room, speed);
	add(figures, room, left);
	add(figures, room, streams);
}

unsigned progress_file_line(char line[PROGRESS_LINE], unsigned columns,
			    const struct progress_file *file)
{
	bool has_total = file->total_bytes != UINT64_MAX && file->total_bytes > 0;
	char figures[PROGRESS_LINE], name[PROGRESS_LINE] = "", bar[BAR_MAX + 3];
	unsigned room = columns > 1 ? columns - 1 : 1, left;

	if (room >= PROGRESS_LINE / 4)
		room = PROGRESS_LINE / 4;
	format_figures(figures, room, file);
	left = room - columns_of(figures);
	*line = '\0';
	if (left >= NAME_MIN + 2)
		cut_name(name, file->name, left - 2);
	add(line, room, name);
	left -= *line ? columns_of(line) + 2 : 0;
	if (has_total && left >= BAR_MIN + 4) {
		add_bar(bar, left - 2, share_of(file));
		add(line, room, bar);
	}
	add(line, room, figures);
	return columns_of(line);
}

unsigned progress_whole_line(char line[PROGRESS_LINE], unsigned columns,
			     const struct progress_whole *whole)
{
	unsigned room = columns > 1 ? columns - 1 : 1;
	char files[64], bytes[16], rate[16], speed[32], failed[32] = "";

	if (whole->files > 0)
		snprintf(files, sizeof(files), "%llu of %llu files",
			 (unsigned long long)whole->complete, (unsigned long long)whole->files);
	else
		snprintf(files, sizeof(files), "%llu files", (unsigned long long)whole->complete);
	format_bytes(bytes, (double)whole->done_bytes);
	format_bytes(rate, whole->rate);
	snprintf(speed, sizeof(speed), "%s/s", rate);
	if (whole->failed > 0)
		snprintf(failed, sizeof(failed), "%llu failed", (unsigned long long)whole->failed);
	*line = '\0';
	add(line, room, files);
	add(line, room, failed);
	add(line, room, bytes);
	add(line, room, speed);
	return columns_of(line);
}

unsigned progress_rows(const unsigned *widths, unsigned count, unsigned columns)
{
	unsigned rows = 0;

	for (unsigned i = 0; i < count; i++)
		rows += widths[i] > columns && columns > 0 ? (widths[i] + columns - 1) / columns
							   : 1;
	return rows;
}
