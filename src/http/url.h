/* SPDX-License-Identifier: MIT */
/* URLs and request targets (RFC 3986, RFC 9112 3.2). Pure. */
#ifndef SLUICE_HTTP_URL_H
#define SLUICE_HTTP_URL_H

#include "base/buffer.h"
#include "http/filename.h"
#include "http/text.h"
#include "sluice.h"

/*
 * The file path a request target names, relative to the served directory: decoded once, the query
 * cut off, without the leading slash, NUL-terminated in path ("" for the directory itself; a
 * trailing slash is kept; repeated slashes become one). Takes origin-form and absolute-form.
 * Returns 200; 400 for bad percent-encoding, NUL, control characters that are not percent-encoded,
 * or a "." or
 * ".." segment in any encoding; 414 when it does not fit in size.
 */
int http_target_path(struct http_text target, char *path, size_t size);

/* Appends name with everything but unreserved characters and '/' percent-encoded. */
void http_percent_encode(struct buffer *out, const char *name);

/* Signed URLs of stores have 1 to 8 KiB; a head that holds a Location may have 64. */
#define HTTP_URL_TARGET_MAX ((size_t)32 << 10)

struct http_url {
	char host[256]; /* in lower case; an IPv6 address without brackets */
	char port[6];   /* decimal; "80" or "443" where the URL has none */
	bool is_tls;    /* https */
	bool host_is_ipv6;
	char *target; /* path and query: begins with '/', no fragment, spaces etc. encoded */
};

/*
 * Parses an absolute http:// or https:// URL, and leaves its credentials out: see
 * http/credentials.h. Other schemes, a bad port, control characters and an overlong URL are -EINVAL
 * with an error that names the URL's fault; -ENOMEM. What url held before is not looked at; where
 * it fails there is nothing to free.
 */
int http_url_parse(struct http_url *url, const char *text, struct sluice_error *error);
/* Resolves a Location, which may have no credentials (absolute, //host, /path, relative path,
 * ?query) against base, another URL.
 */
int http_url_resolve(struct http_url *url, const struct http_url *base, struct http_text location,
		     struct sluice_error *error);
void http_url_free(struct http_url *url);

#define HTTP_URL_HOST (sizeof(((struct http_url *)0)->host) + sizeof("[]:65535"))

const char *http_url_scheme(const struct http_url *url); /* "http" or "https" */

/* The Host header's value: host, brackets for IPv6, and the port where it is not the scheme's. */
void http_url_host(const struct http_url *url, char text[HTTP_URL_HOST]);
/* The same, always with the port: what a proxy is to connect to (RFC 9110 9.3.6). */
void http_url_authority(const struct http_url *url, char text[HTTP_URL_HOST]);

#define HTTP_URL_ORIGIN (HTTP_URL_HOST + sizeof("https://"))

/* Scheme, host and port (RFC 6454 4), to be compared: what is meant for one goes to no other. */
void http_url_origin(const struct http_url *url, char text[HTTP_URL_ORIGIN]);

/*
 * The file name a URL suggests: the last path segment, decoded once, and cut where it is too long
 * (http/filename.h). Returns -EINVAL with error when there is none, or it is no name of a file.
 */
int http_url_filename(const struct http_url *url, char name[HTTP_FILENAME],
		      struct sluice_error *error);

#endif
