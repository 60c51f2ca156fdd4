/* SPDX-License-Identifier: MIT */
#include "http/filename.h"

#include "base/digest.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { EXTENSION_MAX = 32 };

bool http_filename_is(struct http_text name)
{
	for (size_t i = 0; i < name.length; i++) {
		unsigned char byte = (unsigned char)name.data[i];

		if (byte < 0x20 || byte == 0x7f || byte == '/')
			return false;
	}
	return name.length && !http_text_is(name, ".") && !http_text_is(name, "..");
}

/* What is behind the last dot before `end`, with the dot; nothing where it is long. */
static size_t find_dot(struct http_text name, size_t end)
{
	size_t dot = end;

	while (dot > 0 && end - dot < EXTENSION_MAX && name.data[dot - 1] != '.')
		dot--;
	return dot > 1 && name.data[dot - 1] == '.' ? dot - 1 : end;
}

/* ".iso", ".tar.gz" */
static struct http_text extension_of(struct http_text name)
{
	size_t dot = find_dot(name, name.length), before = find_dot(name, dot);

	if (dot - before == 4 && memcmp(name.data + before, ".tar", 4) == 0)
		dot = before;
	return (struct http_text){name.data + dot, name.length - dot};
}

void http_filename_fit(char fit[HTTP_FILENAME], struct http_text name)
{
	struct http_text extension = extension_of(name);
	size_t cut = HTTP_FILENAME - 1 - strlen("~0123456789abcdef") - extension.length;

	if (name.length < HTTP_FILENAME) {
		memcpy(fit, name.data, name.length);
		fit[name.length] = '\0';
		return;
	}
	while (((unsigned char)name.data[cut] & 0xc0) == 0x80)
		cut--;
	snprintf(fit, HTTP_FILENAME, "%.*s~%016" PRIx64 "%.*s", (int)cut, name.data,
		 digest_add(DIGEST_START, name.data, name.length), (int)extension.length,
		 extension.data);
}
