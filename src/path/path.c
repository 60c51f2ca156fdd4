/* SPDX-License-Identifier: MIT */
/* The table of paths. */
#include "path/path.h"

#include <string.h>

const struct path_send *const path_sends[] = {
	&path_send_readwrite,
	&path_send_sendfile,
	&path_send_direct,
	NULL,
};

const struct path_recv *const path_recvs[] = {
	&path_recv_readwrite,
	&path_recv_direct,
	&path_recv_discard,
	NULL,
};

const struct path_send *path_send_find(const char *name)
{
	for (const struct path_send *const *path = path_sends; *path; path++)
		if (strcmp((*path)->name, name) == 0)
			return *path;
	return NULL;
}

const struct path_recv *path_recv_find(const char *name)
{
	for (const struct path_recv *const *path = path_recvs; *path; path++)
		if (strcmp((*path)->name, name) == 0)
			return *path;
	return NULL;
}
