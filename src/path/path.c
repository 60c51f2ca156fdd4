/* SPDX-License-Identifier: MIT */
/* The tables of paths. */
#include "path/path.h"

#include "sluice.h"

#include <string.h>

const struct path_send *const path_sends[] = {
	&path_send_readwrite,
	&path_send_mmap,
	&path_send_sendfile,
	&path_send_splice,
	&path_send_zerocopy,
	&path_send_direct,
	NULL,
};

const struct path_recv *const path_recvs[] = {
	&path_recv_readwrite, &path_recv_splice,  &path_recv_dontcache,
	&path_recv_direct,    &path_recv_discard, NULL,
};

enum {
	SENDS = sizeof(path_sends) / sizeof(*path_sends) - 1,
	RECVS = sizeof(path_recvs) / sizeof(*path_recvs) - 1,
};

static const struct path_send *added_send;
static const struct path_recv *added_recv;

void path_add(const struct path_send *send, const struct path_recv *recv)
{
	added_send = send;
	added_recv = recv;
}

static const struct path_send *send_at(unsigned index)
{
	if (index < SENDS)
		return path_sends[index];
	return index == SENDS ? added_send : NULL;
}

static const struct path_recv *recv_at(unsigned index)
{
	if (index < RECVS)
		return path_recvs[index];
	return index == RECVS ? added_recv : NULL;
}

const struct path_send *path_send_find(const char *name)
{
	const struct path_send *path;

	for (unsigned i = 0; (path = send_at(i)); i++)
		if (strcmp(path->name, name) == 0)
			return path;
	return NULL;
}

const struct path_recv *path_recv_find(const char *name)
{
	const struct path_recv *path;

	for (unsigned i = 0; (path = recv_at(i)); i++)
		if (strcmp(path->name, name) == 0)
			return path;
	return NULL;
}

const char *sluice_send_path_name(unsigned index)
{
	const struct path_send *path = send_at(index);

	return path ? path->name : NULL;
}

const char *sluice_receive_path_name(unsigned index)
{
	const struct path_recv *path = recv_at(index);

	return path ? path->name : NULL;
}
