/* SPDX-License-Identifier: MIT */
/*
 * The places that have the file: the URL itself, and its mirrors. Where one fails, the next goes
 * on. A mirror counts for the same file where the size is the same and the strong ETag is, or where
 * a digest will tell at the end; any other is dropped, as is a place that cannot get better. The
 * pause is for when all have failed.
 *
 * The URL's own secrets are sent to its own origin, wherever else is asked.
 */
#include "base/cleanup.h"
#include "base/error.h"
#include "fetch/download.h"
#include "http/credentials.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int add(struct download *download, const char *url)
{
	struct mirrors *mirrors = &download->mirrors;
	struct http_url parsed;
	_cleanup_free_ char *plain = http_credentials_cut(url);
	int result = http_url_parse(&parsed, url, &download->error);

	http_url_free(&parsed);
	if (result < 0)
		return result;
	if (!plain)
		return error_set_errno(&download->error, ENOMEM, "download");
	if (strcmp(plain, url) != 0)
		return error_set(&download->error, EINVAL,
				 "a mirror takes no user name and no password");
	if (mirrors->count == MIRRORS_MAX)
		return error_set(&download->error, E2BIG, "more than %d mirrors", MIRRORS_MAX - 1);
	mirrors->urls[mirrors->count++] = plain;
	mirrors->total = mirrors->count;
	plain = NULL;
	return 0;
}

int mirrors_open(struct download *download)
{
	const char *const *url = download->options.mirrors;
	struct mirrors *mirrors = &download->mirrors;
	int result = 0;

	if (!url || !*url)
		return 0;
	mirrors->urls[0] = strdup(download->url);
	if (!mirrors->urls[0])
		return error_set_errno(&download->error, ENOMEM, "download");
	mirrors->count = mirrors->total = 1;
	for (; result == 0 && *url; url++)
		result = add(download, *url);
	return result;
}

void mirrors_close(struct download *download)
{
	struct mirrors *mirrors = &download->mirrors;

	while (mirrors->total > 0)
		free(mirrors->urls[--mirrors->total]);
	mirrors->count = 0;
}

const char *mirrors_url(const struct download *download)
{
	const struct mirrors *mirrors = &download->mirrors;

	return mirrors->count > 0 ? mirrors->urls[mirrors->at] : download->url;
}

bool mirrors_is_at_one(const struct download *download)
{
	return strcmp(mirrors_url(download), download->url) != 0;
}

bool mirrors_know_by_digest(const struct download *download)
{
	return mirrors_is_at_one(download) && download->checked.expected.algorithm;
}

/* Whether another place may have what this one has not. */
static bool is_of_the_place(const struct download *download)
{
	switch (download->error.kind) {
	case SLUICE_ERROR_HTTP:
	case SLUICE_ERROR_DNS:
	case SLUICE_ERROR_NETWORK:
	case SLUICE_ERROR_TIMEOUT:
	case SLUICE_ERROR_ENDED:
	case SLUICE_ERROR_PROTOCOL:
	case SLUICE_ERROR_CHANGED:
		return true;
	default:
		return false;
	}
}

/* That what comes from elsewhere is of the same file. */
static bool can_know(const struct download *download)
{
	const struct validator *validator = &download->asking.validator;

	return download_done(download) == 0 || download->checked.expected.algorithm ||
	       (*validator->text && !validator->is_date);
}

/* Its text stays, which streams may have in use. */
static void drop(struct mirrors *mirrors, unsigned index)
{
	char *url = mirrors->urls[index];

	mirrors->count--;
	memmove(&mirrors->urls[index], &mirrors->urls[index + 1],
		(mirrors->count - index) * sizeof(*mirrors->urls));
	mirrors->urls[mirrors->count] = url;
	if (index < mirrors->at)
		mirrors->at--;
	mirrors->at %= mirrors->count;
}

const char *mirrors_pick(const struct download *download, unsigned place)
{
	const struct mirrors *mirrors = &download->mirrors;

	return mirrors->count > 0 ? mirrors->urls[(mirrors->at + place) % mirrors->count]
				  : download->url;
}

bool mirrors_drop(struct download *download, const char *url, const char *why)
{
	struct mirrors *mirrors = &download->mirrors;
	char line[sizeof(download->error.text) + 32];

	for (unsigned i = 0; mirrors->count > 1 && i < mirrors->count; i++)
		if (strcmp(mirrors->urls[i], url) == 0) {
			drop(mirrors, i);
			snprintf(line, sizeof(line), "%s, and is asked no more", why);
			download_note(download, line);
			return true;
		}
	return false;
}

bool mirrors_go_on(struct download *download, bool may_pass)
{
	struct mirrors *mirrors = &download->mirrors;
	char line[sizeof(download->error.text) + 600];
	bool is_round;

	if (mirrors->count < 2 || !is_of_the_place(download) || !can_know(download))
		return false;
	if (may_pass)
		mirrors->at = (mirrors->at + 1) % mirrors->count;
	else
		drop(mirrors, mirrors->at);
	is_round = may_pass && ++mirrors->failed >= mirrors->count;
	if (is_round) {
		mirrors->failed = 0;
		return false;
	}
	snprintf(line, sizeof(line), "%s%s: on from %.500s", download->error.text,
		 may_pass ? "" : ", and is asked no more", mirrors_url(download));
	download_note(download, line);
	return true;
}
