/* SPDX-License-Identifier: MIT */
/* What kind of file a name stands for (RFC 9110 8.3). Pure; the file itself is never looked into.
 */
#ifndef SLUICE_HTTP_CONTENT_TYPE_H
#define SLUICE_HTTP_CONTENT_TYPE_H

#include "http/media-types.h"

/*
 * The media type for a file name, from its extension: by our own table, else by the system's; else
 * application/octet-stream.
 */
const char *http_content_type(const struct media_types *system, const char *name);

#endif
