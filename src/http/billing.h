/* SPDX-License-Identifier: MIT */
/*
 * The server's side of http/bill.h: measures one answer for a client that asked for it, and keeps
 * its bill until the connection gives another one or ends. Nobody else's request finds it.
 *
 * While nobody else is served, the figures are the whole process's, helper threads included, and
 * so exact. Else they are those of the worker's thread, which has others' work in it and lacks what
 * helper threads did; the bill says so by !is_alone.
 */
#ifndef SLUICE_HTTP_BILLING_H
#define SLUICE_HTTP_BILLING_H

#include "base/meter.h"
#include "http/bill.h"

struct connection;

struct billing {
	char path[HTTP_BILL_PATH];
	struct meter process, thread;
	uint64_t others; /* turns that other connections had had before */
	bool is_done;
	struct http_bill bill;
};

/* A request has been taken: starts where it wants a bill. */
void billing_start(struct connection *connection);
/* The answer is known, and its head holds the path of the bill: looks at the page cache. */
void billing_begin(struct connection *connection);
/* The answer is sent, whole or not. */
void billing_finish(struct connection *connection);
/* The bill as text for free(3), where path (as from http_target_path) is that of one that is kept;
 * else NULL. */
char *billing_find(const struct connection *connection, const char *path);

#endif
