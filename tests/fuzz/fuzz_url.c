/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as a request target and as a redirect's Location: no path leaves the served directory,
 * and every URL that resolves is one that parses back to itself.
 */
#include "fuzz.h"

#include "http/url.h"

#include <errno.h>

static void check_segments(const char *path)
{
	CHECK(path[0] != '/' && !strstr(path, "//"));
	while (*path) {
		size_t length = strcspn(path, "/");

		CHECK(!(length == 1 && path[0] == '.'));
		CHECK(!(length == 2 && path[0] == '.' && path[1] == '.'));
		path += length + (path[length] == '/');
	}
}

static void check_target(struct http_text target)
{
	char path[128];
	int status = http_target_path(target, path, sizeof(path));

	CHECK(status == 200 || status == 400 || status == 414);
	if (status == 200) {
		CHECK(strlen(path) <= target.length);
		check_segments(path);
	}
}

static void check_filename(const struct http_url *url)
{
	char name[256];

	if (http_url_filename(url, name, NULL))
		return;
	CHECK(name[0] && !strchr(name, '/') && strcmp(name, ".") && strcmp(name, ".."));
	for (const char *at = name; *at; at++)
		CHECK((unsigned char)*at >= 0x20 && *at != 0x7f);
}

static void check_same(const struct http_url *a, const struct http_url *b)
{
	CHECK(!strcmp(a->host, b->host) && !strcmp(a->port, b->port));
	CHECK(!strcmp(a->target, b->target) && a->host_is_ipv6 == b->host_is_ipv6);
}

static void check_url(const struct http_url *url)
{
	struct buffer text = {0};
	struct http_url again;
	char field[HTTP_URL_HOST];

	CHECK(url->host[0] && strlen(url->target) <= HTTP_URL_TARGET_MAX);
	CHECK(url->target[0] == '/' && !strchr(url->target, '#'));
	for (const char *at = url->target; *at; at++)
		CHECK(*at > 0x20 && *at < 0x7f);
	http_url_host(url, field);
	buffer_printf(&text, "http://%s%s%s:%s%s", url->host_is_ipv6 ? "[" : "", url->host,
		      url->host_is_ipv6 ? "]" : "", url->port, url->target);
	CHECK(http_url_parse(&again, text.data, NULL) == 0);
	check_same(url, &again);
	http_url_free(&again);
	buffer_free(&text);
	check_filename(url);
}

static void check_location(struct http_text location)
{
	struct http_url base, url;
	struct sluice_error error;
	int result;

	CHECK(http_url_parse(&base, "http://h:81/a/b?c", NULL) == 0);
	result = http_url_resolve(&url, &base, location, &error);
	http_url_free(&base);
	if (result == 0) {
		check_url(&url);
		http_url_free(&url);
		return;
	}
	CHECK(error.code == EINVAL && error.text[0]);
	for (const char *at = error.text; *at; at++)
		CHECK(*at >= 0x20 && *at < 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = exact_copy(data, size);
	struct http_text text = {copy, size};

	check_target(text);
	check_location(text);
	free(copy);
	return 0;
}
