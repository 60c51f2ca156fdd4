/* SPDX-License-Identifier: MIT */
/* Proxies: --proxy, else what the environment says. */
#include "fetch/proxy.h"
#include "get.h"

#include <stdlib.h>

static int check(const char *text)
{
	struct sluice_error error;
	struct http_url proxy;
	int result = *text ? proxy_parse(&proxy, text, &error) : 0;

	if (result < 0)
		return command_misused("get: --%s", error.text);
	if (*text)
		http_url_free(&proxy);
	return EXIT_DONE;
}

/* As with curl, no_proxy holds for both: of the hosts in it many cannot be reached by a proxy. */
int get_choose_proxies(struct get *get)
{
	struct sluice_get_options *options = &get->options;
	const struct proxies found = proxy_environment(getenv);

	options->http_proxy = get->proxy ? get->proxy : found.http;
	options->https_proxy = get->proxy ? get->proxy : found.https;
	options->no_proxy = found.except;
	return get->proxy ? check(get->proxy) : EXIT_DONE;
}
