/* SPDX-License-Identifier: MIT */
/*
 * Names of files that come from elsewhere: one component of a path, which names a file and nothing
 * else, and fits a file system. Pure.
 */
#ifndef SLUICE_HTTP_FILENAME_H
#define SLUICE_HTTP_FILENAME_H

#include "base/buffer.h"
#include "http/text.h"

#define HTTP_FILENAME 256

/* Whether it is one: not empty, not "." or "..", without '/', NUL and control characters. */
bool http_filename_is(struct http_text name);
/*
 * One that is longer than 255 bytes is cut, between two characters of UTF-8, and keeps its
 * extension; a digest of the whole tells it from another that begins alike.
 */
void http_filename_fit(char fit[HTTP_FILENAME], struct http_text name);

/*
 * The name that a Content-Disposition has (RFC 6266): filename*, else filename. False where it has
 * none that can be used: one that begins with a dot would hide the file, or configure a program.
 */
bool http_filename_of_disposition(struct http_text field, char name[HTTP_FILENAME]);

#endif
