/* SPDX-License-Identifier: MIT */
/* What a Content-Encoding says to a client that asked for none (RFC 9110 8.4). Pure. */
#ifndef SLUICE_HTTP_CODING_H
#define SLUICE_HTTP_CODING_H

#include "http/text.h"

#include <stdbool.h>

/*
 * Whether the bytes that come are the file's own. They are where there is no coding: none is named,
 * or something that is no coding, as stores keep it ("utf-8", "none", "aws-chunked"). And they are
 * where the coding is the file's own: the name (of the file, or a URL's path) ends as such files
 * do,
 * ".tar.gz" for gzip. Else they are the file's in another form.
 */
bool http_coding_keeps(struct http_text encoding, const char *name);

#endif
