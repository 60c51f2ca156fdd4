/* SPDX-License-Identifier: MIT */
/*
 * The server's side of http/bill.h: measures one answer for a client that asked for it, and keeps
 * the bill until the connection has another one or ends. No other connection can reach it.
 *
 * While nobody else is served, the figures are those of the whole process, helper threads included,
 * and exact. Otherwise they are those of the worker's thread, which include other clients' work and
 * exclude helper threads; the bill says so by !is_alone.
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
