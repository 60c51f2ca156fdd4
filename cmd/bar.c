/* SPDX-License-Identifier: MIT */
#include "bar.h"

#include <langinfo.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static unsigned columns(FILE *out)
{
	struct winsize size;

	if (!isatty(fileno(out)) || strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
		return 0;
	return ioctl(fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

unsigned bar_room(FILE *out, unsigned figures)
{
	unsigned all = columns(out), room;

	/* The last column stays free: some terminals wrap as soon as it is written. */
	if (all < figures + BAR_WIDTH_MIN + 1)
		return 0;
	room = all - figures - 1;
	return room < BAR_WIDTH_MAX ? room : BAR_WIDTH_MAX;
}

const char *bar_text(char text[BAR_TEXT], double share, unsigned width)
{
	static const char parts[][4] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"};
	unsigned eighths;
	char *end = text;

	if (width > BAR_WIDTH_MAX)
		width = BAR_WIDTH_MAX;
	if (!(share > 0)) /* not a number, too */
		share = 0;
	eighths = (unsigned)((share < 1 ? share : 1) * width * 8 + 0.5);
	if (share > 0 && width > 0 && eighths == 0)
		eighths = 1;
	for (*end = '\0'; eighths > 0; eighths -= eighths < 8 ? eighths : 8)
		end = stpcpy(end, parts[eighths < 8 ? eighths : 8]);
	return text;
}
