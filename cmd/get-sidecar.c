/* SPDX-License-Identifier: MIT */
/*
 * The sidecar of a file: URL.sha256, as many sites have it, fetched into memory first. It has the
 * digest alone, or a line as sha256sum prints it.
 */
#include "get-sidecar.h"

#include "base/error.h"
#include "base/sys.h"
#include "http/credentials.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { SIDECAR_MAX = 64 << 10 };

int sidecar_open(struct sidecar *sidecar, const char *url, struct sluice_error *error)
{
	static const char suffix[] = ".sha256";
	size_t path = strcspn(url, "?#");

	sidecar->url = malloc(strlen(url) + sizeof(suffix));
	sidecar->fd = memfd_create("sidecar", MFD_CLOEXEC);
	if (!sidecar->url || sidecar->fd < 0) {
		sidecar_close(sidecar);
		return error_set_errno(error, ENOMEM, "fetching the checksum");
	}
	memcpy(sidecar->url, url, path);
	strcpy(sidecar->url + path, suffix);
	strcat(sidecar->url, url + path);
	sidecar->shown = http_credentials_cut(sidecar->url);
	if (sidecar->shown)
		return 0;
	sidecar_close(sidecar);
	return error_set_errno(error, ENOMEM, "fetching the checksum");
}

void sidecar_set(const struct sidecar *sidecar, struct sluice_get_options *options)
{
	options->output = options->path = options->directory = options->digest = NULL;
	options->mirrors = NULL; /* they have the file */
	options->to_fd = true;
	options->output_fd = sidecar->fd;
	options->max_bytes = SIDECAR_MAX;
	options->server_bill = false;
	options->explain = NULL;
}

static bool is_only_line(const struct sums *sums)
{
	return sums->count == 1 && sums->bad == 0;
}

static bool parse(char *text, const char *name, struct digest *digest)
{
	const struct sums_line *line;
	size_t length = strlen(text);
	struct sums sums = {0};

	if (sums_parse_all(&sums, text, length, NULL, NULL) < 0)
		sums.count = 0;
	line = is_only_line(&sums) ? sums.lines : sums_find(&sums, name);
	if (line)
		*digest = line->digest;
	sums_free(&sums);
	if (line)
		return true;
	text += strspn(text, " \t\r\n");
	text[strcspn(text, " \t\r\n")] = '\0';
	return digest_parse(digest, text);
}

int sidecar_read(const struct sidecar *sidecar, const char *name, struct get_digest *found,
		 struct sluice_error *error)
{
	char text[SIDECAR_MAX + 1];
	int64_t count = sys_pread(sidecar->fd, text, SIDECAR_MAX, 0);
	struct digest digest;

	text[count < 0 ? 0 : count] = '\0';
	if (!parse(text, name, &digest))
		return error_set(error, EPROTO, "%s has no checksum of %s", sidecar->shown, name);
	get_digest_set(found, &digest);
	return 0;
}

void sidecar_close(struct sidecar *sidecar)
{
	if (sidecar->fd >= 0)
		sys_close(sidecar->fd);
	free(sidecar->url);
	free(sidecar->shown);
	*sidecar = (struct sidecar){.fd = -1};
}
