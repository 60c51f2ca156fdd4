/* SPDX-License-Identifier: MIT */
/*
 * The protocol by which a client obtains the bill of an answer. Pure: no system calls.
 *
 * The client sends `Prefer: sluice-bill` (RFC 7240). The answer then has a field `Sluice-Bill` with
 * a path below /.well-known/ (RFC 8615), where the client can GET the bill as JSON, on the same
 * connection, until another answer there has such a field.
 */
#ifndef SLUICE_HTTP_BILL_H
#define SLUICE_HTTP_BILL_H

#include "base/bill.h"
#include "http/text.h"

#define HTTP_BILL_PREFERENCE "sluice-bill"
#define HTTP_BILL_DIRECTORY  "/.well-known/sluice/bill/"
#define HTTP_BILL_DIGITS     32
#define HTTP_BILL_PATH       (sizeof(HTTP_BILL_DIRECTORY) + HTTP_BILL_DIGITS)
#define HTTP_BILL_MAX        ((size_t)16 << 10) /* bytes of JSON */

/* Whether the value of a Prefer field has the preference. */
bool http_bill_is_preferred(struct http_text prefer);
/* Whether the value of a Sluice-Bill field is a path that such a bill can have. */
bool http_bill_is_path(struct http_text path);

/*
 * Of one answer. With is_alone the server served nobody else meanwhile, and CPU time, system calls
 * and context switches are all of the server's. Else they are those of the one thread that served
 * it: what others cost there is among them, and what helper threads did for it is not.
 */
struct http_bill {
	struct bill bill;
	bool is_alone;
};

/* The JSON text, for free(3); NULL without memory. */
char *http_bill_format(const struct http_bill *bill);
/*
 * Returns 0 or -EPROTO. Names come from a server: those of paths and system calls that are not
 * known here become "other".
 */
int http_bill_parse(struct http_bill *bill, const char *text, size_t length);

#endif
