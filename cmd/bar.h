/* SPDX-License-Identifier: MIT */
/* Bars of block characters behind the figures of a table, where a person looks at it. */
#ifndef SLUICE_CMD_BAR_H
#define SLUICE_CMD_BAR_H

#include <stdio.h>

enum { BAR_WIDTH_MIN = 8, BAR_WIDTH_MAX = 60, BAR_TEXT = 3 * BAR_WIDTH_MAX + 1 };

/*
 * The columns for a bar on a line of `out` whose figures take that many: BAR_WIDTH_MIN to
 * BAR_WIDTH_MAX; 0 where there is no room, where out is no terminal, and where its characters are
 * not UTF-8.
 */
unsigned bar_room(FILE *out, unsigned figures);

/*
 * share (0 to 1) of width columns, to an eighth of a column; what is not 0 can be seen. Nothing
 * behind it, so it is the last thing on its line. "" for a width of 0. Returns text.
 */
const char *bar_text(char text[BAR_TEXT], double share, unsigned width);

#endif
