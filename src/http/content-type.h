/* SPDX-License-Identifier: MIT */
/* What kind of file a name stands for (RFC 9110 8.3). Pure; the file itself is never looked into.
 */
#ifndef SLUICE_HTTP_CONTENT_TYPE_H
#define SLUICE_HTTP_CONTENT_TYPE_H

/* The media type for a file name, from its extension; application/octet-stream where unknown. */
const char *http_content_type(const char *name);

#endif
