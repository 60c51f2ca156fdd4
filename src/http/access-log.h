/* SPDX-License-Identifier: MIT */
/*
 * One line for each answered request:
 * PEER [TIME] "METHOD TARGET HTTP/1.x" STATUS BODY_BYTES SECONDS PATH=BYTES,... "NOTE"
 * and ' "USER"' where the client has shown who it is.
 */
#ifndef SLUICE_HTTP_ACCESS_LOG_H
#define SLUICE_HTTP_ACCESS_LOG_H

#include "http/worker.h"

struct access {
	const char *peer;
	const struct http_request *request;
	const struct response *response;
	uint64_t started_ns;
	const char *user; /* NULL: not known */
	const char *note; /* why it ended badly, or "" */
};

void access_log(const struct server_settings *settings, const struct access *access);
/* Writes and empties the lines about the answer so far. */
void access_explain(const struct server_settings *settings, const struct access *access,
		    struct buffer *lines);

#endif
