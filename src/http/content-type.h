/* SPDX-License-Identifier: MIT */
/* The media type of a file, from its name (RFC 9110 8.3). Pure; the content is never examined.
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
