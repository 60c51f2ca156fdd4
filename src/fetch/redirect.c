/* SPDX-License-Identifier: MIT */
/* Where an exchange's requests go: to a URL, and on to where its answers redirect. */
#include "base/cleanup.h"
#include "base/error.h"
#include "fetch/exchange.h"
#include "http/credentials.h"

#include <errno.h>
#include <string.h>

enum { REDIRECTS_MAX = 10 };

int exchange_go_to(struct exchange *exchange, const char *url)
{
	exchange_disconnect(exchange);
	http_url_free(&exchange->before);
	http_url_free(&exchange->url);
	exchange->redirects = 0;
	return http_url_parse(&exchange->url, url, exchange->error);
}

int exchange_set_url(struct exchange *exchange, const char *url)
{
	int result = exchange_go_to(exchange, url);

	if (result == 0) {
		http_url_origin(&exchange->url, exchange->first_origin);
		strcpy(exchange->first_host, exchange->url.host);
	}
	return result;
}

static void name_bad_location(struct exchange *exchange, const struct sluice_error *why, int result)
{
	struct http_text location = exchange->head.location;
	_cleanup_free_ char *text = strndup(location.data, location.length);
	_cleanup_free_ char *plain = text ? http_credentials_cut(text) : NULL;
	char printable[sizeof(why->text)];

	error_set(exchange->error, -result, "the server redirects to %s: %s",
		  http_text_printable(http_text_of(plain), printable, sizeof(printable)),
		  why->text);
	error_as(exchange->error, SLUICE_ERROR_PROTOCOL, result);
}

/* What was to be encrypted stays so. */
static int refuse_plain(struct exchange *exchange)
{
	if (!exchange->before.is_tls || exchange->url.is_tls)
		return 0;
	return error_as(exchange->error, SLUICE_ERROR_PROTOCOL,
			error_set(exchange->error, EPERM,
				  "%s redirects to http, without encryption: if that is all right, "
				  "ask for it by that URL",
				  exchange->before.host));
}

int exchange_follow(struct exchange *exchange)
{
	struct http_text location = exchange->head.location;
	struct sluice_error why;
	int result;

	if (exchange->redirects++ == REDIRECTS_MAX)
		return error_as(
			exchange->error, SLUICE_ERROR_PROTOCOL,
			error_set(exchange->error, ELOOP, "more than %d redirects", REDIRECTS_MAX));
	if (!location.data)
		return error_set(exchange->error, EPROTO,
				 "the server redirects without saying where to");
	http_url_free(&exchange->before);
	exchange->before = exchange->url;
	result = http_url_resolve(&exchange->url, &exchange->before, location, &why);
	if (result < 0) {
		name_bad_location(exchange, &why, result);
		http_url_free(&exchange->before); /* it has been named */
	}
	exchange_disconnect(exchange);
	return result == 0 ? refuse_plain(exchange) : result;
}
