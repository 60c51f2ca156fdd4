/* SPDX-License-Identifier: MIT */
/*
 * Which proxy a URL is fetched through, by the variables that curl, wget and others go by. Pure:
 * tests/unit/test_proxy.c is the table.
 */
#ifndef SLUICE_FETCH_PROXY_H
#define SLUICE_FETCH_PROXY_H

#include "http/url.h"

struct proxies {
	const char *http, *https; /* URLs of the proxies for each scheme; NULL or empty: none */
	const char *except;       /* hosts that are fetched from directly: see proxy_excepts */
};

/* A proxy's URL, "http://" and its port or not; credentials are left out. 0; or as
 * http_url_parse. */
int proxy_parse(struct http_url *proxy, const char *text, struct sluice_error *error);
/* Adds the line that a request to the proxy has, where its URL has credentials. As
 * http_credentials_add. */
int proxy_add_credentials(struct buffer *lines, const char *text, struct sluice_error *error);
/* The one for this URL; NULL: none. */
const char *proxy_for(const struct proxies *proxies, const struct http_url *url);

/*
 * Whether a list, separated by commas or blanks, has the URL's host: "example.org" is that host and
 * all below it, as are ".example.org" and "*.example.org"; "192.0.2.1" and "[2001:db8::1]" are
 * addresses, "192.0.2.0/24" and "2001:db8::/32" networks. Behind each there may be a port; "*" is
 * every host. Names are not looked up.
 */
bool proxy_excepts(const char *list, const struct http_url *url);

/*
 * What the environment says. The upper case http_proxy is not read: a CGI program has the request's
 * field "Proxy" there. get: getenv(3).
 */
struct proxies proxy_environment(char *(*get)(const char *name));

#endif
