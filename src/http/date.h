/* SPDX-License-Identifier: MIT */
/*
 * HTTP dates (RFC 9110 5.6.7). Independent of locale and time zone: the C library's calendar calls
 * read TZ, and its file, on first use, and count leap seconds in some zones. Years outside 1..9999,
 * which a file's mtime may hold, are formatted as the nearest second inside.
 */
#ifndef SLUICE_HTTP_DATE_H
#define SLUICE_HTTP_DATE_H

#include "http/text.h"

#include <time.h>

#define HTTP_DATE_SIZE     30
#define HTTP_DATE_ISO_SIZE 21

void http_date_format(char text[HTTP_DATE_SIZE], time_t when);         /* IMF-fixdate */
void http_date_format_iso(char text[HTTP_DATE_ISO_SIZE], time_t when); /* 2024-02-29T23:59:59Z */

/*
 * Parses all three formats; the day's name must be one, but need not be the right one. RFC 850's
 * two-digit year is the one at most 50 years after `now`. A leap second counts as the next second.
 */
bool http_date_parse(struct http_text text, time_t now, time_t *when);

#endif
