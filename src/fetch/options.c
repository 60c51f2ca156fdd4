/* SPDX-License-Identifier: MIT */
/* What the program wants: checked, and copied where it is needed later. */
#include "base/error.h"
#include "fetch/download.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define MEMBER(name) offsetof(struct sluice_get_options, name)

static const size_t texts[] = {
	MEMBER(congestion), MEMBER(http_proxy), MEMBER(https_proxy), MEMBER(no_proxy),
	MEMBER(ca_file),    MEMBER(pin),        MEMBER(certificate), MEMBER(certificate_key),
};

static char **text_of(struct sluice_get_options *options, size_t index)
{
	return (char **)((char *)options + texts[index]);
}

static int copy_texts(struct download *download)
{
	bool has_all = true;

	for (size_t i = 0; i < COUNT(texts); i++) {
		char **text = text_of(&download->options, i);
		bool is_set = *text;

		*text = *text ? strdup(*text) : NULL;
		has_all = has_all && is_set == (*text != NULL);
	}
	return has_all ? 0 : error_set_errno(&download->error, ENOMEM, "download");
}

static int check_proxy(const char *proxy, struct sluice_error *error)
{
	struct buffer lines = {0};
	struct http_url url;
	int result;

	if (!proxy || !*proxy)
		return 0;
	result = proxy_parse(&url, proxy, error);
	http_url_free(&url);
	if (result == 0)
		result = proxy_add_credentials(&lines, proxy, error);
	buffer_free(&lines);
	return result;
}

static int set_proxies(struct download *download)
{
	const struct sluice_get_options *options = &download->options;
	int result = check_proxy(options->http_proxy, &download->error);

	download->proxies = (struct proxies){
		.http = options->http_proxy,
		.https = options->https_proxy,
		.except = options->no_proxy,
	};
	download->exchange.proxies = &download->proxies;
	return result < 0 ? result : check_proxy(options->https_proxy, &download->error);
}

static int set_family(struct download *download)
{
	unsigned version = download->options.ip_version;

	if (version != 0 && version != 4 && version != 6)
		return error_set(&download->error, EINVAL, "IP version %u: expected 4 or 6",
				 version);
	download->exchange.family = version == 4 ? AF_INET : version == 6 ? AF_INET6 : AF_UNSPEC;
	return 0;
}

int download_own_options(struct download *download)
{
	int result = copy_texts(download);

	if (result == 0)
		result = set_proxies(download);
	return result < 0 ? result : set_family(download);
}

void download_free_options(struct download *download)
{
	for (size_t i = 0; i < COUNT(texts); i++)
		free(*text_of(&download->options, i));
}
