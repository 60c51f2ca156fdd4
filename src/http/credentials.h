/* SPDX-License-Identifier: MIT */
/*
 * USER:PASSWORD@ in a URL. It is taken out before anything else looks at the URL, so that it is in
 * no message, no journal and no request but those that it is meant for. Pure.
 */
#ifndef SLUICE_HTTP_CREDENTIALS_H
#define SLUICE_HTTP_CREDENTIALS_H

#include "base/buffer.h"
#include "http/text.h"
#include "sluice.h"

/*
 * The URL without them, for free(3); NULL without memory. Of a text that may be no URL, everything
 * goes that may be meant as a password.
 */
char *http_credentials_cut(const char *url);
/*
 * Adds a line for the URL's credentials, where it has them: "Authorization", say, and Basic (RFC
 * 7617). 0; or -EINVAL with error, which does not show them.
 */
int http_credentials_add(struct buffer *lines, const char *field, const char *url,
			 struct sluice_error *error);
/* Whether the URL has them, and they end where they seem to. -EINVAL with error: they do not. */
int http_credentials_check(const char *url, struct sluice_error *error);

#endif
