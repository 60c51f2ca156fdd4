/* SPDX-License-Identifier: MIT */
/* URLs and request targets. See url.h. */
#include "http/url.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "http/credentials.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_control(unsigned char byte)
{
	return byte < 0x20 || byte == 0x7f;
}

/* Whether a target may hold the byte as it is; '#' would be a fragment, which is never sent. */
static bool is_target_byte(char byte)
{
	return !is_control((unsigned char)byte) && byte != ' ' && byte != '#';
}

static bool is_dot_segment(const char *segment, size_t length)
{
	return (length == 1 && segment[0] == '.') ||
	       (length == 2 && segment[0] == '.' && segment[1] == '.');
}

static bool has_dot_segment(const char *path)
{
	while (*path) {
		size_t length = strcspn(path, "/");

		if (is_dot_segment(path, length))
			return true;
		path += length;
		path += *path == '/';
	}
	return false;
}

static bool has_only_target_bytes(struct http_text target)
{
	for (size_t i = 0; i < target.length; i++)
		if (!is_target_byte(target.data[i]))
			return false;
	return true;
}

/* Leaves the path of an origin-form or absolute-form target, from its slash; false for others. */
static bool cut_to_path(struct http_text *target)
{
	if (http_text_cut(target, "http://")) {
		while (target->length && target->data[0] != '/' && target->data[0] != '?') {
			target->data++;
			target->length--;
		}
		if (!target->length || target->data[0] == '?')
			*target = http_text_of("/");
	}
	*target = http_text_cut_until(target, '?');
	return target->length && target->data[0] == '/';
}

int http_target_path(struct http_text target, char *path, size_t size)
{
	size_t used = 0;

	if (!target.data || !has_only_target_bytes(target) || !cut_to_path(&target))
		return 400;
	while (target.length) {
		int byte = http_text_cut_decoded(&target);

		if (byte <= 0)
			return 400;
		if (byte == '/' && (!used || path[used - 1] == '/'))
			continue;
		if (used + 1 >= size)
			return 414;
		path[used++] = (char)byte;
	}
	if (!size)
		return 414;
	path[used] = '\0';
	return has_dot_segment(path) ? 400 : 200;
}

void http_percent_encode(struct buffer *out, const char *name)
{
	for (; *name; name++)
		if (http_is_unreserved_byte(*name) || *name == '/')
			buffer_append(out, name, 1);
		else
			buffer_printf(out, "%%%02X", (unsigned char)*name);
}

static int refuse(struct sluice_error *error, const char *reason, struct http_text culprit)
{
	char printable[160];

	return error_set(error, EINVAL, "%s: \"%s\"", reason,
			 http_text_printable(culprit, printable, sizeof(printable)));
}

static bool copy_text(char *out, size_t size, struct http_text text)
{
	if (text.length >= size)
		return false;
	memcpy(out, text.data, text.length);
	out[text.length] = '\0';
	return true;
}

/*
 * The address between brackets. RFC 6874 writes a link-local address's interface after "%25"; '%'
 * alone is what people type, and curl takes both.
 */
static int set_ipv6(struct http_url *url, struct http_text literal, struct sluice_error *error)
{
	struct http_text zone = literal;
	struct http_text address = http_text_cut_until(&zone, '%');
	unsigned char bytes[16];
	size_t length;

	if (!copy_text(url->host, sizeof(url->host), address) ||
	    inet_pton(AF_INET6, url->host, bytes) != 1)
		return refuse(error, "not an IPv6 address", literal);
	inet_ntop(AF_INET6, bytes, url->host, sizeof(url->host)); /* one spelling of it */
	url->host_is_ipv6 = true;
	if (!zone.length)
		return 0;
	if (!http_text_cut(&zone, "%25"))
		http_text_cut(&zone, "%");
	for (size_t i = 0; i < zone.length; i++)
		if (!http_is_unreserved_byte(zone.data[i]))
			return refuse(error, "not the name of an interface", zone);
	length = strlen(url->host);
	if (!zone.length || length + 1 + zone.length >= sizeof(url->host))
		return refuse(error, "not an IPv6 address", literal);
	url->host[length] = '%';
	copy_text(url->host + length + 1, sizeof(url->host) - length - 1, zone);
	return 0;
}

static int set_name(struct http_url *url, struct http_text name, struct sluice_error *error)
{
	if (!name.length)
		return refuse(error, "the URL has no host", name);
	for (size_t i = 0; i < name.length; i++)
		if (!http_is_unreserved_byte(name.data[i]))
			return refuse(error, "not a host name", name);
	if (!copy_text(url->host, sizeof(url->host), name))
		return refuse(error, "the host name is too long", name);
	for (char *at = url->host; *at; at++)
		if (*at >= 'A' && *at <= 'Z')
			*at = (char)(*at - 'A' + 'a');
	return 0;
}

static int set_port(struct http_url *url, struct http_text port, struct sluice_error *error)
{
	uint64_t number = url->is_tls ? 443 : 80;

	if (port.length && (!http_text_number(port, &number) || !number || number > 65535))
		return refuse(error, "not a port", port);
	snprintf(url->port, sizeof(url->port), "%u", (unsigned)number & 0xffffU);
	return 0;
}

static int set_authority(struct http_url *url, struct http_text authority,
			 struct sluice_error *error)
{
	struct http_text rest = authority;
	int result;

	/* Not ours, which is gone by now (RFC 9110 4.2.4). */
	if (authority.length && memchr(authority.data, '@', authority.length))
		return error_set(error, EINVAL,
				 "a URL from elsewhere may not have a user name or a password");
	if (http_text_cut(&rest, "[")) {
		result = set_ipv6(url, http_text_cut_until(&rest, ']'), error);
		if (!result && !http_text_cut(&rest, "]"))
			return refuse(error, "no ']' after the IPv6 address", authority);
	} else {
		result = set_name(url, http_text_cut_until(&rest, ':'), error);
	}
	if (result)
		return result;
	if (!http_text_cut(&rest, ":") && rest.length)
		return refuse(error, "not a host and port", authority);
	return set_port(url, rest, error);
}

/* RFC 3986's path and query characters; what else there is gets percent-encoded. */
static bool is_plain(struct http_text text)
{
	char byte = text.data[0];

	if (byte == '%')
		return http_text_cut_decoded(&text) >= 0;
	return http_is_unreserved_byte(byte) || strchr("!$&'()*+,;=:@/?", byte);
}

static int put_encoded(struct buffer *target, struct http_text text, struct sluice_error *error)
{
	for (; text.length; text.data++, text.length--) {
		if (is_control((unsigned char)text.data[0]))
			return refuse(error, "the URL contains a control character", text);
		if (is_plain(text))
			buffer_append(target, text.data, 1);
		else
			buffer_printf(target, "%%%02X", (unsigned char)text.data[0]);
		if (target->length > HTTP_URL_TARGET_MAX)
			return error_set(error, EINVAL, "the URL's path is longer than %zu bytes",
					 HTTP_URL_TARGET_MAX);
	}
	return 0;
}

/*
 * RFC 3986 5.2.4, in place: path begins with '/', and its query follows at `end`. "." and ".." go,
 * as does the segment before each "..". A path that ends in one of them ends in '/'.
 */
static void remove_dot_segments(char *path, size_t end)
{
	size_t in = 0, out = 0;

	while (in < end) {
		const char *slash = memchr(path + in + 1, '/', end - in - 1);
		size_t next = slash ? (size_t)(slash - path) : end;
		size_t length = next - in - 1;

		if (!is_dot_segment(path + in + 1, length)) {
			memmove(path + out, path + in, next - in);
			out += next - in;
		} else {
			if (length == 2)
				while (out && path[--out] != '/')
					;
			if (next == end)
				path[out++] = '/';
		}
		in = next;
	}
	memmove(path + out, path + end, strlen(path + end) + 1);
}

static int write_target(struct buffer *target, struct http_text directory,
			struct http_text reference, struct sluice_error *error)
{
	int result = put_encoded(target, directory, error);

	if (!target->length && (!reference.length || reference.data[0] != '/'))
		buffer_text(target, "/");
	if (result == 0)
		result = put_encoded(target, reference, error);
	if (result == 0 && target->failed)
		result = error_set_errno(error, ENOMEM, "the URL");
	return result;
}

/* Sets the target to directory (a path up to its last slash, or nothing) followed by reference. */
static int set_target(struct http_url *url, struct http_text directory, struct http_text reference,
		      struct sluice_error *error)
{
	struct buffer target = {0};
	int result = write_target(&target, directory, http_text_cut_until(&reference, '#'), error);

	if (result < 0) {
		buffer_free(&target);
		return result;
	}
	remove_dot_segments(target.data, strcspn(target.data, "?"));
	url->target = target.data;
	return 0;
}

/* "//host:port/path?query#fragment" after the slashes */
static int parse_after_slashes(struct http_url *url, struct http_text text,
			       struct sluice_error *error)
{
	struct http_text authority = text;
	int result;

	authority.length = 0;
	while (authority.length < text.length && !strchr("/?#", text.data[authority.length]))
		authority.length++;
	result = set_authority(url, authority, error);
	text.data += authority.length;
	text.length -= authority.length;
	return result ? result : set_target(url, (struct http_text){0}, text, error);
}

/* The scheme before "//" or ':', where text has one (RFC 3986 3.1); else the absent text. */
static struct http_text scheme_of(struct http_text text)
{
	struct http_text rest = text;
	struct http_text scheme = http_text_cut_until(&rest, ':');

	for (size_t i = 0; i < scheme.length; i++)
		if (!http_is_unreserved_byte(scheme.data[i]) && scheme.data[i] != '+')
			return (struct http_text){0};
	return rest.length && scheme.length ? scheme : (struct http_text){0};
}

static int parse_url(struct http_url *url, struct http_text text, struct sluice_error *error)
{
	*url = (struct http_url){0};
	if (http_text_cut(&text, "http://"))
		return parse_after_slashes(url, text, error);
	url->is_tls = http_text_cut(&text, "https://");
	return url->is_tls ? parse_after_slashes(url, text, error)
			   : refuse(error, "not an http:// or https:// URL", text);
}

int http_url_parse(struct http_url *url, const char *text, struct sluice_error *error)
{
	_cleanup_free_ char *plain = http_credentials_cut(text);

	*url = (struct http_url){0};
	if (!plain)
		return error_set_errno(error, ENOMEM, "the URL");
	if (http_credentials_check(text, error) < 0)
		return -EINVAL;
	return parse_url(url, http_text_of(plain), error);
}

/* What of the base's target stays before a relative reference (RFC 3986 5.2.2, 5.2.3). */
static struct http_text kept_of(const struct http_url *base, struct http_text reference)
{
	struct http_text kept = {base->target, strcspn(base->target, "?")};

	if (!reference.length || reference.data[0] == '#')
		kept.length = strlen(base->target);
	else if (reference.data[0] == '/')
		kept.length = 0;
	else if (reference.data[0] != '?')
		while (kept.length && kept.data[kept.length - 1] != '/')
			kept.length--;
	return kept;
}

int http_url_resolve(struct http_url *url, const struct http_url *base, struct http_text location,
		     struct sluice_error *error)
{
	if (scheme_of(location).data)
		return parse_url(url, location, error);
	*url = (struct http_url){.is_tls = base->is_tls};
	if (http_text_cut(&location, "//"))
		return parse_after_slashes(url, location, error);
	*url = *base;
	url->target = NULL;
	return set_target(url, kept_of(base, location), location, error);
}

void http_url_free(struct http_url *url)
{
	free(url->target);
	*url = (struct http_url){0};
}

const char *http_url_scheme(const struct http_url *url)
{
	return url->is_tls ? "https" : "http";
}

static void write_host(const struct http_url *url, const char *port, char text[HTTP_URL_HOST])
{
	int length = (int)strlen(url->host);

	/* The interface means something on this machine only (RFC 6874 4). */
	if (url->host_is_ipv6)
		length = (int)strcspn(url->host, "%");
	snprintf(text, HTTP_URL_HOST, url->host_is_ipv6 ? "[%.*s]%s%s" : "%.*s%s%s", length,
		 url->host, *port ? ":" : "", port);
}

void http_url_host(const struct http_url *url, char text[HTTP_URL_HOST])
{
	const char *usual = url->is_tls ? "443" : "80";

	write_host(url, strcmp(url->port, usual) == 0 ? "" : url->port, text);
}

void http_url_authority(const struct http_url *url, char text[HTTP_URL_HOST])
{
	write_host(url, url->port, text);
}

void http_url_origin(const struct http_url *url, char text[HTTP_URL_ORIGIN])
{
	/* An interface is part of it: the same address is another host there. */
	snprintf(text, HTTP_URL_ORIGIN, "%s://%s:%s", http_url_scheme(url), url->host, url->port);
}

static bool decode(struct buffer *out, struct http_text text)
{
	while (text.length) {
		int byte = http_text_cut_decoded(&text);
		char plain = (char)byte;

		if (byte < 0)
			return false;
		buffer_append(out, &plain, 1);
	}
	return true;
}

int http_url_filename(const struct http_url *url, char name[HTTP_FILENAME],
		      struct sluice_error *error)
{
	struct http_text path = {url->target, strcspn(url->target, "?")};
	struct http_text segment = path;
	struct buffer plain = {0};
	int result = 0;

	while (segment.length && segment.data[segment.length - 1] != '/')
		segment.length--;
	segment = (struct http_text){path.data + segment.length, path.length - segment.length};
	if (!segment.length)
		return refuse(error, "the URL names no file", path);
	if (!decode(&plain, segment) ||
	    !http_filename_is((struct http_text){plain.data, plain.length}))
		result = refuse(error, "the last part of the URL is not a file name", path);
	else if (plain.failed)
		result = error_set_errno(error, ENOMEM, "the URL");
	else
		http_filename_fit(name, (struct http_text){plain.data, plain.length});
	buffer_free(&plain);
	return result;
}
