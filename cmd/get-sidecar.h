/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CMD_GET_SIDECAR_H
#define SLUICE_CMD_GET_SIDECAR_H

#include "get.h"

struct sidecar {
	char *url, *shown; /* without user and password */
	int fd;            /* what it has, in memory */
};

/* Of the file at this URL. 0 or -errno. */
int sidecar_open(struct sidecar *sidecar, const char *url, struct sluice_error *error);
/* Makes options for a get of the file those of one of its sidecar. */
void sidecar_set(const struct sidecar *sidecar, struct sluice_get_options *options);
/* When it has come. name: the file's, for a sidecar of several lines. */
int sidecar_read(const struct sidecar *sidecar, const char *name, struct get_digest *found,
		 struct sluice_error *error);
void sidecar_close(struct sidecar *sidecar);

#endif
