/* SPDX-License-Identifier: MIT */
#include "fetch/origin.h"

#include "base/digest.h"
#include "base/sys.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define ATTRIBUTE "user.sluice.origin"

enum { TEXT = 512 };

/* A server cannot choose the URLs that a user gives. */
uint64_t origin_url(const char *url)
{
	return digest_add(DIGEST_START, url, strlen(url));
}

uint64_t origin_place(const struct http_url *url)
{
	char origin[HTTP_URL_ORIGIN];

	http_url_origin(url, origin);
	return digest_add(origin_url(origin), url->target, strcspn(url->target, "?"));
}

/* What changes when somebody else writes to the file. */
static void format_state(char text[64], const struct statx *status)
{
	snprintf(text, 64, "%" PRIu64 " %lld.%09u", (uint64_t)status->stx_size,
		 (long long)status->stx_mtime.tv_sec, status->stx_mtime.tv_nsec);
}

void origin_remember(const struct origin *origin, int fd)
{
	char text[TEXT], state[64];
	struct statx status;
	int length;

	if (!*origin->validator.text || sys_statx(fd, STATX_SIZE | STATX_MTIME, &status) < 0)
		return;
	format_state(state, &status);
	length = snprintf(text, sizeof(text), "1 %016" PRIx64 " %016" PRIx64 " %s %c%s",
			  origin->url, origin->place, state, origin->validator.is_date ? 'd' : 't',
			  origin->validator.text);
	if (length < TEXT)
		(void)sys_xattr_set(fd, ATTRIBUTE, text, (size_t)length);
}

static bool parse(struct origin *origin, const char *text, const char *state)
{
	size_t length = strlen(state);
	int end = 0;

	if (sscanf(text, "1 %16" SCNx64 " %16" SCNx64 " %n", &origin->url, &origin->place, &end) !=
		    2 ||
	    end == 0 || strncmp(text + end, state, length) != 0 || text[end + (int)length] != ' ')
		return false;
	text += end + (int)length + 1;
	return (*text == 't' && validator_set(&origin->validator, text + 1, "")) ||
	       (*text == 'd' && validator_set(&origin->validator, "", text + 1));
}

bool origin_recall(struct origin *origin, int folder, const char *name)
{
	char path[300], text[TEXT], state[64];
	struct statx status;
	int64_t length;

	*origin = (struct origin){0};
	if (sys_statx_link(folder, name, STATX_TYPE | STATX_SIZE | STATX_MTIME, &status) < 0 ||
	    !S_ISREG(status.stx_mode))
		return false;
	snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", folder, name);
	length = sys_xattr_of_link(path, ATTRIBUTE, text, sizeof(text) - 1);
	if (length <= 0)
		return false;
	text[length] = '\0';
	format_state(state, &status);
	return parse(origin, text, state) && *origin->validator.text;
}
