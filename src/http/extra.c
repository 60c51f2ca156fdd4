/* SPDX-License-Identifier: MIT */
/* See extra.h. What was checked at the start is copied into every head as it stands. */
#include "http/extra.h"

#include "base/error.h"
#include "http/field.h"

#include <errno.h>
#include <string.h>

#define COUNT(array)  (sizeof(array) / sizeof((array)[0]))
#define EXTRA_MAX     ((size_t)8 << 10) /* of all fields: clients limit the length of a head */
#define PREFLIGHT_AGE "86400"

static const char exposed[] =
	"Access-Control-Expose-Headers: Accept-Ranges, Content-Length, Content-Range, ETag, "
	"Last-Modified, Location, Preference-Applied, Repr-Digest, Retry-After, Sluice-Bill\r\n";

/* A star stands for every field but Authorization; older browsers go by the names. */
static const char preflight[] =
	"Access-Control-Allow-Methods: GET, HEAD, OPTIONS\r\n"
	"Access-Control-Allow-Headers: *, Range, If-Range, If-Match, If-None-Match, "
	"If-Modified-Since, If-Unmodified-Since, Accept, Cache-Control, Prefer, "
	"Want-Repr-Digest\r\n"
	"Access-Control-Max-Age: " PREFLIGHT_AGE "\r\n";

static bool is_among(struct http_text name, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (http_text_is_nocase(name, names[i]))
			return true;
	return false;
}

/* Why a field of this name cannot be added, or NULL. */
static const char *why_not(struct http_text name)
{
	static const char *const own[] = {
		"accept-ranges",
		"allow",
		"connection",
		"content-encoding",
		"content-length",
		"content-range",
		"content-type",
		"date",
		"etag",
		"keep-alive",
		"last-modified",
		"location",
		"preference-applied",
		"proxy-connection",
		"repr-digest",
		"retry-after",
		"server",
		"sluice-bill",
		"te",
		"trailer",
		"transfer-encoding",
		"upgrade",
	};
	static const char *const cors[] = {
		"access-control-allow-headers", "access-control-allow-methods",
		"access-control-allow-origin",  "access-control-expose-headers",
		"access-control-max-age",
	};

	if (is_among(name, own, COUNT(own)))
		return "the server sets it itself";
	return is_among(name, cors, COUNT(cors)) ? "that is for CORS: name the origins there"
						 : NULL;
}

static int add_header(struct http_extra *extra, const char *header, struct sluice_error *error)
{
	static const char *const of_files[] = {"cache-control", "expires", "pragma",
					       "x-content-type-options"};
	struct http_text name, value;
	int result = http_field_parse(header, &name, &value, error);

	if (result < 0)
		return result;
	if (why_not(name))
		return http_field_refuse(header, why_not(name), error);
	http_field_add(is_among(name, of_files, COUNT(of_files)) ? &extra->file_fields
								 : &extra->fields,
		       name, value);
	if (extra->fields.length + extra->file_fields.length > EXTRA_MAX)
		return http_field_refuse(header, "together they are longer than 8 KiB", error);
	return 0;
}

/* Browsers leave out the port that the scheme implies. */
static void drop_implied_port(struct http_text *origin)
{
	struct http_text rest = *origin;
	const char *port = http_text_cut(&rest, "http://")    ? ":80"
			   : http_text_cut(&rest, "https://") ? ":443"
							      : NULL;
	size_t length = port ? strlen(port) : 0;

	if (length && rest.length > length &&
	    !memcmp(rest.data + rest.length - length, port, length))
		origin->length -= length;
}

/* scheme "://" host [ ":" port ], as a browser writes it (RFC 6454 6.2), or "null". */
static bool is_origin(struct http_text text)
{
	struct http_text scheme = http_text_cut_until(&text, ':');

	if (!text.length)
		return http_text_is(scheme, "null");
	for (size_t i = 0; i < text.length; i++)
		if (text.data[i] <= ' ' || text.data[i] == 0x7f ||
		    (i >= 3 && strchr("/?#@\",", text.data[i])))
			return false;
	return http_text_is_token(scheme) && http_text_cut(&text, "://") && text.length > 0;
}

static int add_origin(struct http_extra *extra, const char *origin, struct sluice_error *error)
{
	struct http_text text = http_text_of(origin);
	char printable[96];

	if (http_text_is(text, "*")) {
		extra->is_for_all = true;
		return 0;
	}
	if (!is_origin(text))
		return error_set(
			error, EINVAL,
			"CORS origin \"%s\": expected *, null, or SCHEME://HOST[:PORT] without "
			"a path",
			http_text_printable(text, printable, sizeof(printable)));
	drop_implied_port(&text);
	buffer_append(&extra->origins, text.data, text.length);
	buffer_append(&extra->origins, "", 1);
	return 0;
}

static void share(struct http_extra *extra)
{
	if (extra->is_for_all) {
		buffer_text(&extra->fields, "Access-Control-Allow-Origin: *\r\n");
		buffer_text(&extra->fields, exposed);
	} else if (extra->origins.length) {
		buffer_text(&extra->fields, "Vary: Origin\r\n");
	}
}

int http_extra_open(struct http_extra *extra, const char *const *headers, const char *const *cors,
		    struct sluice_error *error)
{
	int result = 0;

	*extra = (struct http_extra){0};
	for (; result == 0 && headers && *headers; headers++)
		result = add_header(extra, *headers, error);
	for (; result == 0 && cors && *cors; cors++)
		result = add_origin(extra, *cors, error);
	share(extra);
	if (result == 0 &&
	    (extra->fields.failed || extra->file_fields.failed || extra->origins.failed))
		result = error_set_errno(error, ENOMEM, "headers");
	if (result < 0)
		http_extra_close(extra);
	return result;
}

void http_extra_close(struct http_extra *extra)
{
	buffer_free(&extra->fields);
	buffer_free(&extra->file_fields);
	buffer_free(&extra->origins);
}

static bool may_read(const struct http_extra *extra, struct http_text origin)
{
	const char *at = extra->origins.data, *end = at + extra->origins.length;

	for (; at < end; at += strlen(at) + 1)
		if (http_text_is_nocase(origin, at))
			return true;
	return false;
}

void http_extra_write(const struct http_extra *extra, const struct http_request *request,
		      bool has_file, struct buffer *out)
{
	bool is_allowed = extra->is_for_all;

	if (extra->fields.length)
		buffer_append(out, extra->fields.data, extra->fields.length);
	if (has_file && extra->file_fields.length)
		buffer_append(out, extra->file_fields.data, extra->file_fields.length);
	if (!is_allowed && extra->origins.length && may_read(extra, request->origin)) {
		is_allowed = true;
		buffer_text(out, "Access-Control-Allow-Origin: ");
		buffer_append(out, request->origin.data, request->origin.length);
		buffer_text(out, "\r\n");
		buffer_text(out, exposed);
	}
	if (is_allowed && request->method == HTTP_OPTIONS)
		buffer_text(out, preflight);
}
