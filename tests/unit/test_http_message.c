/* SPDX-License-Identifier: MIT */
/* Requests: what is accepted, and exactly how the rest is refused. */
#include "http-text.h"

#include "http/message.h"

#include <errno.h>
#include <stdio.h>

#define HOST "Host: h\r\n"

struct request_case {
	const char *text;
	int expected;
};

static int parse(const char *text, size_t length, struct http_request *request, size_t *used)
{
	char *copy = exact_copy(text, length);
	int result = http_request_parse(request, copy, length, used);

	free(copy);
	return result;
}

static void check_statuses(const struct request_case *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct http_request request;
		size_t used;
		int result = parse(cases[i].text, strlen(cases[i].text), &request, &used);

		if (result != cases[i].expected)
			fail_msg("%d, not %d, for: %s", result, cases[i].expected, cases[i].text);
	}
}

static void request_fields(void **state)
{
	static const char text[] =
		"GET /a%20b?c HTTP/1.1\r\n"
		"hOST:  example.org:8080 \t\r\n"
		"Range: bytes=0-1\r\nIf-Range: \"r\"\r\nIf-Match: \"m\"\r\n"
		"If-None-Match: *\r\nIf-Modified-Since: yesterday\r\n"
		"If-Unmodified-Since: today\r\nAccept:\r\nX-Other: \xc3\xa4 b\r\n"
		"\r\nGET /next";
	struct http_request request;
	size_t used;

	assert_int_equal(http_request_parse(&request, text, sizeof(text) - 1, &used), 0);
	assert_int_equal(used, strlen(text) - strlen("GET /next"));
	assert_int_equal(request.method, HTTP_GET);
	assert_text(request.method_text, "GET");
	assert_text(request.target, "/a%20b?c");
	assert_int_equal(request.minor, 1);
	assert_true(request.keep_alive);
	assert_false(request.has_body);
	assert_text(request.host, "example.org:8080");
	assert_text(request.range, "bytes=0-1");
	assert_text(request.if_range, "\"r\"");
	assert_text(request.if_match, "\"m\"");
	assert_text(request.if_none_match, "*");
	assert_text(request.if_modified_since, "yesterday");
	assert_text(request.if_unmodified_since, "today");
	assert_text(request.accept, "");
	assert_non_null(request.accept.data);
}

static void request_absent_fields(void **state)
{
	static const char text[] = "HEAD * HTTP/1.0\r\n\r\n";
	struct http_request request;
	size_t used;

	assert_int_equal(http_request_parse(&request, text, sizeof(text) - 1, &used), 0);
	assert_int_equal(request.method, HTTP_HEAD);
	assert_int_equal(request.minor, 0);
	assert_false(request.keep_alive);
	assert_null(request.host.data);
	assert_null(request.range.data);
	assert_null(request.accept.data);
}

static void request_methods(void **state)
{
	static const struct {
		const char *text;
		int expected;
		enum http_method method;
	} cases[] = {
		{"GET / HTTP/1.1\r\n" HOST "\r\n", 0, HTTP_GET},
		{"HEAD / HTTP/1.1\r\n" HOST "\r\n", 0, HTTP_HEAD},
		{"OPTIONS * HTTP/1.1\r\n" HOST "\r\n", 0, HTTP_OPTIONS},
		{"POST / HTTP/1.1\r\n" HOST "\r\n", 0, HTTP_METHOD_KNOWN},
		{"DELETE / HTTP/1.1\r\n" HOST "\r\n", 0, HTTP_METHOD_KNOWN},
		{"CONNECT h:443 HTTP/1.1\r\n" HOST "\r\n", 0, HTTP_METHOD_KNOWN},
		{"BREW / HTTP/1.1\r\n" HOST "\r\n", 501, HTTP_METHOD_UNKNOWN},
		{"get / HTTP/1.1\r\n" HOST "\r\n", 501, HTTP_METHOD_UNKNOWN},
		{"GETS / HTTP/1.1\r\n" HOST "\r\n", 501, HTTP_METHOD_UNKNOWN},
		{"G / HTTP/1.1\r\n" HOST "\r\n", 501, HTTP_METHOD_UNKNOWN},
		{"DESCRIBE / HTTP/1.1\r\n" HOST "\r\n", 501, HTTP_METHOD_UNKNOWN},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct http_request request;
		size_t used;
		int result = parse(cases[i].text, strlen(cases[i].text), &request, &used);

		if (result != cases[i].expected || request.method != cases[i].method)
			fail_msg("%d, method %u for: %s", result, request.method, cases[i].text);
	}
}

static void request_lines(void **state)
{
	static const struct request_case cases[] = {
		{"GET / HTTP/2.0\r\n\r\n", 505},
		{"GET / HTTP/3.1\r\n\r\n", 505},
		{"GET / HTTP/1.2\r\n" HOST "\r\n", 505},
		{"GET / HTTP/0.9\r\n\r\n", 505},
		{"BREW / HTTP/2.0\r\n\r\n", 505},
		{"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
		{"GET /\r\n\r\n", 400},
		{"GET\r\n\r\n", 400},
		{"GET / HTTP/1.1 \r\n" HOST "\r\n", 400},
		{"GET / HTTP/1\r\n" HOST "\r\n", 400},
		{"GET / HTTP/1.10\r\n" HOST "\r\n", 400},
		{"GET / HTTP/a.1\r\n" HOST "\r\n", 400},
		{"GET / http/1.1\r\n" HOST "\r\n", 400},
		{"GET / HTTPS/1.1\r\n" HOST "\r\n", 400},
		{"GET / RTSP/1.0\r\n\r\n", 400},
		{"SOURCE / ICE/1.0\r\n\r\n", 400},
		{"GET  / HTTP/1.1\r\n" HOST "\r\n", 400},
		{"GET /  HTTP/1.1\r\n" HOST "\r\n", 400},
		{"GET /a b HTTP/1.1\r\n" HOST "\r\n", 400},
		{"GET\t/ HTTP/1.1\r\n" HOST "\r\n", 400},
		{" GET / HTTP/1.1\r\n" HOST "\r\n", 400},
		{"GET a HTTP/1.1\r\n" HOST "\r\n", 400},
		{"GET /\x01 HTTP/1.1\r\n" HOST "\r\n", 400},
		{"GET /\x7f HTTP/1.1\r\n" HOST "\r\n", 400},
		{"G@T / HTTP/1.1\r\n" HOST "\r\n", 400},
		{"\x16\x03\x01\x02", 400},
		{"GET http://h/ HTTP/1.1\r\n" HOST "\r\n", 0},
		{"GET /\xc3\xa4 HTTP/1.1\r\n" HOST "\r\n", 0},
		{"\r\n\r\nGET / HTTP/1.1\r\n" HOST "\r\n", 0},
		{"\nGET / HTTP/1.1\r\n" HOST "\r\n", 400},
	};

	check_statuses(cases, COUNT(cases));
}

static void request_header_syntax(void **state)
{
	static const struct request_case cases[] = {
		{"GET / HTTP/1.1\n" HOST "\r\n", 400},
		{"GET / HTTP/1.1\r\nHost: h\n\r\n", 400},
		{"GET / HTTP/1.1\r\n" HOST "\n", 400},
		{"GET / HTTP/1.1\r\nHost: h\rX: y\r\n\r\n", 400},
		{"GET / HTTP/1.1\r\n" HOST "X: y\r\r\n\r\n", 400},
		{"GET / HTTP/1.1\r\n" HOST " folded\r\n\r\n", 400},
		{"GET / HTTP/1.1\r\n" HOST "\tfolded\r\n\r\n", 400},
		{"GET / HTTP/1.1\r\n Host: h\r\n\r\n", 400},
		{"GET / HTTP/1.1\r\nHost : h\r\n\r\n", 400},
		{"GET / HTTP/1.1\r\n" HOST "X Y: z\r\n\r\n", 400},
		{"GET / HTTP/1.1\r\n" HOST "X\tY: z\r\n\r\n", 400},
		{"GET / HTTP/1.1\r\n" HOST ": z\r\n\r\n", 400},
		{"GET / HTTP/1.1\r\n" HOST "X\r\n\r\n", 400},
		{"GET / HTTP/1.1\r\n" HOST "X(: y\r\n\r\n", 400},
		{"GET / HTTP/1.1\r\n" HOST "X\xc3\xa4: y\r\n\r\n", 400},
		{"GET / HTTP/1.1\r\n" HOST "X: \x01\r\n\r\n", 400},
		{"GET / HTTP/1.1\r\n" HOST "X: \x7f\r\n\r\n", 400},
		{"GET / HTTP/1.1\r\n" HOST "X: a\tb\r\n\r\n", 0},
		{"GET / HTTP/1.1\r\n" HOST "X:\r\n\r\n", 0},
		{"GET / HTTP/1.1\r\n" HOST "X::\r\n\r\n", 0},
	};
	static const char nul[] = "GET / HTTP/1.1\r\n" HOST "X: \0\r\n\r\n";
	struct http_request request;
	size_t used;

	check_statuses(cases, COUNT(cases));
	assert_int_equal(parse(nul, sizeof(nul) - 1, &request, &used), 400);
}

static void request_hosts(void **state)
{
	static const struct request_case cases[] = {
		{"GET / HTTP/1.1\r\n\r\n", 400},
		{"GET / HTTP/1.0\r\n\r\n", 0},
		{"GET / HTTP/1.1\r\nHost:\r\n\r\n", 0},
		{"GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n", 400},
		{"GET / HTTP/1.1\r\nHost: a\r\nhost:\r\n\r\n", 400},
		{"GET / HTTP/1.1\r\nHost: a.b-c_d~e:80\r\n\r\n", 0},
		{"GET / HTTP/1.1\r\nHost: a:\r\n\r\n", 0},
		{"GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", 0},
		{"GET / HTTP/1.1\r\nHost: [::1]\r\n\r\n", 0},
		{"GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", 400},
		{"GET / HTTP/1.1\r\nHost: [::1]80\r\n\r\n", 400},
		{"GET / HTTP/1.1\r\nHost: []\r\n\r\n", 400},
		{"GET / HTTP/1.1\r\nHost: :80\r\n\r\n", 400},
		{"GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", 400},
		{"GET / HTTP/1.1\r\nHost: a:8:0\r\n\r\n", 400},
		{"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400},
		{"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
		{"GET / HTTP/1.1\r\nHost: u@h\r\n\r\n", 400},
		{"GET / HTTP/1.1\r\nHost: <h>\r\n\r\n", 400},
		{"GET / HTTP/1.1\r\nHost: h\xc3\xa4\r\n\r\n", 400},
	};

	check_statuses(cases, COUNT(cases));
}

static void request_framing(void **state)
{
	static const struct {
		const char *fields;
		int expected;
		bool has_body;
	} cases[] = {
		{"", 0, false},
		{"Content-Length: 0\r\n", 0, false},
		{"Content-Length: 1\r\n", 0, true},
		{"Content-Length: 18446744073709551615\r\n", 0, true},
		{"Content-Length: 18446744073709551616\r\n", 400, false},
		{"Content-Length: 99999999999999999999999\r\n", 400, false},
		{"Content-Length: -1\r\n", 400, false},
		{"Content-Length: +1\r\n", 400, false},
		{"Content-Length: 0x10\r\n", 400, false},
		{"Content-Length: 1 2\r\n", 400, false},
		{"Content-Length: 1, 1\r\n", 400, false},
		{"Content-Length: a\r\n", 400, false},
		{"Content-Length:\r\n", 400, false},
		{"Content-Length: 1\r\nContent-Length: 1\r\n", 400, false},
		{"Content-Length: 0\r\nContent-Length: 0\r\n", 400, false},
		{"Content-Length: 1\r\ncontent-length: 2\r\n", 400, false},
		{"Transfer-Encoding: chunked\r\n", 0, true},
		{"transfer-encoding: CHUNKED\r\n", 0, true},
		{"Transfer-Encoding: gzip\r\n", 501, false},
		{"Transfer-Encoding: identity\r\n", 501, false},
		{"Transfer-Encoding: gzip, chunked\r\n", 501, false},
		{"Transfer-Encoding: chunked, gzip\r\n", 400, false},
		{"Transfer-Encoding: xchunked\r\n", 501, false},
		{"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", 400, false},
		{"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", 400, false},
		{"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", 400, false},
		{"Content-Length: 0\r\nTransfer-Encoding: chunked\r\n", 400, false},
		/* What is taken of an answer is refused here: others may read it differently. */
		{"Content-Length : 5\r\n", 400, false},
		{"Content-Length\t: 5\r\n", 400, false},
		{"Content-Length:\r\n 5\r\n", 400, false},
		{"Content-Length: 5\r\n\t6\r\n", 400, false},
		{"X: y\r\n Content-Length: 5\r\n", 400, false},
		{" Content-Length: 5\r\n", 400, false},
		{"Content-Length: 5\n", 400, false},
		{"X: y\nContent-Length: 5\r\n", 400, false},
		{"X: y\rContent-Length: 5\r\n", 400, false},
		{"X: y\r\n\rContent-Length: 5\r\n", 400, false},
		{"\x0b"
		 "Content-Length: 5\r\n",
		 400, false},
		{"Content-Length\x0b: 5\r\n", 400, false},
		{"Content-Length\xa0: 5\r\n", 400, false},
		{"Content-Length: \x0b"
		 "5\r\n",
		 400, false},
		{"Content-Length: 5\x0c\r\n", 400, false},
		{"Content-Length: \"5\"\r\n", 400, false},
		{"Content-Length: 5;6\r\n", 400, false},
		{"Content-Length: 5,\r\n", 400, false},
		{"Content-Length: ,5\r\n", 400, false},
		{"Content-Length: 5.0\r\n", 400, false},
		{"Content-Length: 1_0\r\n", 400, false},
		{"Content-Length: 0b1\r\n", 400, false},
		{"Transfer-Encoding : chunked\r\n", 400, false},
		{"Transfer-Encoding\t: chunked\r\n", 400, false},
		{"Transfer-Encoding:\r\n chunked\r\n", 400, false},
		{"Transfer-Encoding: chun\r\n ked\r\n", 400, false},
		{"Transfer-Encoding: chunked\n", 400, false},
		{"X: y\rTransfer-Encoding: chunked\r\n", 400, false},
		{"\x0bTransfer-Encoding: chunked\r\n", 400, false},
		{"Transfer-Encoding\x0b: chunked\r\n", 400, false},
		{"Transfer-Encoding: \x0b"
		 "chunked\r\n",
		 400, false},
		{"Transfer-Encoding: \xa0"
		 "chunked\r\n",
		 501, false},
		{"Transfer-Encoding: \"chunked\"\r\n", 501, false},
		{"Transfer-Encoding: 'chunked'\r\n", 501, false},
		{"Transfer-Encoding: chunked;a=b\r\n", 501, false},
		{"Transfer-Encoding: chunked,\r\n", 400, false},
		{"Transfer-Encoding: , chunked\r\n", 501, false},
		{"Transfer-Encoding: identity, chunked\r\n", 501, false},
		{"Transfer-Encoding: chunked, identity\r\n", 400, false},
		{"Transfer-Encoding: chunked, chunked\r\n", 400, false},
		{"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n", 501, false},
		{"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", 400, false},
		{"Transfer-Encoding: \r\n", 501, false},
		{"Transfer-Encoding: identity\r\nContent-Length: 5\r\n", 501, false},
		{"Content-Length: 5\r\nTransfer-Encoding: identity\r\n", 501, false},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct http_request request;
		char text[256];
		size_t used;
		int result, length = snprintf(text, sizeof(text),
					      "PUT / HTTP/1.1\r\n" HOST "%s\r\n", cases[i].fields);

		result = parse(text, (size_t)length, &request, &used);
		if (result != cases[i].expected ||
		    (!result && request.has_body != cases[i].has_body))
			fail_msg("%d, has_body %d for: %s", result, request.has_body,
				 cases[i].fields);
	}
}

static void request_coding_in_http_1_0(void **state)
{
	static const struct request_case cases[] = {
		{"GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
	};

	check_statuses(cases, COUNT(cases));
}

static void request_repeated_fields(void **state)
{
	static const char *const names[] = {
		"Range",         "If-Range",          "If-Match",
		"If-None-Match", "If-Modified-Since", "If-Unmodified-Since"};
	static const char accepts[] = "GET / HTTP/1.1\r\n" HOST "Accept: a\r\nAccept: b\r\n\r\n";
	struct http_request request;
	size_t used;

	for (size_t i = 0; i < COUNT(names); i++) {
		char text[256];
		int length = snprintf(text, sizeof(text),
				      "GET / HTTP/1.1\r\n" HOST "%s: a\r\n%s: a\r\n\r\n", names[i],
				      names[i]);

		assert_int_equal(parse(text, (size_t)length, &request, &used), 400);
	}
	assert_int_equal(http_request_parse(&request, accepts, sizeof(accepts) - 1, &used), 0);
	assert_text(request.accept, "a");
}

static void request_keep_alive(void **state)
{
	static const struct {
		const char *version, *fields;
		bool expected;
	} cases[] = {
		{"1.1", "", true},
		{"1.1", "Connection: close\r\n", false},
		{"1.1", "connection: CLOSE\r\n", false},
		{"1.1", "Connection: keep-alive, close\r\n", false},
		{"1.1", "Connection: close, keep-alive\r\n", false},
		{"1.1", "Connection: foo , close\r\n", false},
		{"1.1", "Connection: close,foo\r\n", false},
		{"1.1", "Connection: foo\r\nConnection: close\r\n", false},
		{"1.1", "Connection: closed\r\n", true},
		{"1.1", "Connection: x-close\r\n", true},
		{"1.1", "Connection: upgrade\r\nUpgrade: h2c\r\n", true},
		{"1.1", "X: close\r\n", true},
		{"1.0", "", false},
		{"1.0", "Connection: keep-alive\r\n", true},
		{"1.0", "Connection: Keep-Alive\r\n", true},
		{"1.0", "Connection: foo, keep-alive\r\n", true},
		{"1.0", "Connection: keep-alive, close\r\n", false},
		{"1.0", "Connection: close\r\n", false},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct http_request request;
		char text[256];
		size_t used;
		int length = snprintf(text, sizeof(text), "GET / HTTP/%s\r\n" HOST "%s\r\n",
				      cases[i].version, cases[i].fields);

		assert_int_equal(parse(text, (size_t)length, &request, &used), 0);
		if (request.keep_alive != cases[i].expected)
			fail_msg("keep_alive %d: HTTP/%s %s", request.keep_alive, cases[i].version,
				 cases[i].fields);
	}
}

static void request_piece_by_piece(void **state)
{
	static const char *const heads[] = {
		"GET /a HTTP/1.1\r\nHost: h\r\nRange: bytes=0-\r\nConnection: close\r\n\r\n",
		"\r\n\r\nPOST /a?b HTTP/1.1\r\nHost: [::1]:1\r\nContent-Length: 12\r\n\r\n",
		"GET http://h/ HTTP/1.0\r\nTransfer-EncodinG-x: y\r\nA:\r\n\r\n",
	};

	for (size_t i = 0; i < COUNT(heads); i++)
		for (size_t length = 0; length <= strlen(heads[i]); length++) {
			struct http_request request;
			size_t used = 0;
			int result = parse(heads[i], length, &request, &used);

			if (result != (length < strlen(heads[i]) ? -EAGAIN : 0))
				fail_msg("%d after %zu bytes of: %s", result, length, heads[i]);
			assert_int_equal(used, result ? 0 : length);
		}
}

/* Which bytes a place in a request may hold, whatever llhttp's release thinks of them. */
static void check_bytes(const char *before, const char *after, bool (*is_good)(int byte))
{
	for (int byte = 1; byte < 256; byte++) {
		struct http_request request;
		char text[128];
		size_t used;
		int result, length = snprintf(text, sizeof(text), "%s%c%s", before, byte, after);

		result = parse(text, (size_t)length, &request, &used);
		if (result != (is_good(byte) ? 0 : 400))
			fail_msg("%d for the byte 0x%02x after: %s", result, (unsigned)byte,
				 before);
	}
}

static bool is_good_in_target(int byte)
{
	return byte > 0x20 && byte != 0x7f;
}

static bool is_good_in_name(int byte)
{
	/* ':' ends the name early, and the next one belongs to the value */
	return (byte >= '0' && byte <= '9') || ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'z') ||
	       strchr("!#$%&'*+-.^_`|~:", byte);
}

static bool is_good_in_value(int byte)
{
	return byte == '\t' || (byte >= 0x20 && byte != 0x7f);
}

static void request_bytes(void **state)
{
	check_bytes("GET /a", "b HTTP/1.1\r\n" HOST "\r\n", is_good_in_target);
	check_bytes("GET /a?b", "c HTTP/1.1\r\n" HOST "\r\n", is_good_in_target);
	check_bytes("GET /a#b", "c HTTP/1.1\r\n" HOST "\r\n", is_good_in_target);
	check_bytes("GET / HTTP/1.1\r\n" HOST "X", "Y: z\r\n\r\n", is_good_in_name);
	check_bytes("GET / HTTP/1.1\r\n" HOST "X: y", "z\r\n\r\n", is_good_in_value);
	check_bytes("GET / HTTP/1.1\r\n" HOST "X:", "z\r\n\r\n", is_good_in_value);
}

/* What is wrong is said as soon as it can be known. */
static void request_early_refusals(void **state)
{
	static const struct request_case cases[] = {
		{"\r", -EAGAIN},
		{"GE", -EAGAIN},
		{"GET ", -EAGAIN},
		{"BREW /", -EAGAIN},
		{"GET / HTTP/1.1\r", -EAGAIN},
		{"GET / HTTP/2.0\r", -EAGAIN},
		{"GET / HTTP/2.0\r\n", 505},
		{"BREW / HTTP/1.1\r\n", 501},
		{"G\x01", 400},
		{"\r\r", 400},
		{"GET \x01", 400},
		{"GET / HTTP/1.1\n", 400},
		{"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\nX", 400},
		{"GET / HTTP/1.1\r\nHost: a\r\n folded", 400},
		{"GET / HTTP/1.1\r\nTransfer-Encoding: gzip\r\nX", 501},
	};

	check_statuses(cases, COUNT(cases));
}

/* A request with a target and one field of the given lengths; the caller frees it. */
static char *long_request(size_t target, size_t field, size_t *length)
{
	static const char begin[] = "GET /",
			  middle[] = " HTTP/1.1\r\nHost: h\r\nX: ", end[] = "\r\n\r\n";
	size_t size = strlen(begin) + target + strlen(middle) + field + strlen(end);
	char *text = malloc(size), *at = text;

	assert_non_null(text);
	at = (char *)mempcpy(at, begin, strlen(begin));
	memset(at, 'a', target);
	at = (char *)mempcpy(at + target, middle, strlen(middle));
	memset(at, 'b', field);
	memcpy(at + field, end, strlen(end));
	*length = size;
	return text;
}

static int parse_long(size_t target, size_t field, size_t cut)
{
	struct http_request request;
	size_t length, used;
	char *text = long_request(target, field, &length);
	int result = parse(text, length - cut, &request, &used);

	free(text);
	return result;
}

static void request_limits(void **state)
{
	const size_t around = strlen("GET / HTTP/1.1\r\nHost: h\r\nX: \r\n\r\n");

	assert_int_equal(parse_long(HTTP_TARGET_MAX - 1, 1, 0), 0);
	assert_int_equal(parse_long(HTTP_TARGET_MAX, 1, 0), 414);
	/* its line not complete: only "GET /aaa..." is there */
	assert_int_equal(parse_long(HTTP_TARGET_MAX, 0, around - 5), 414);
	assert_int_equal(parse_long(HTTP_TARGET_MAX - 1, 0, around - 5), -EAGAIN);
	assert_int_equal(parse_long(0, HTTP_HEAD_MAX - around, 0), 0);
	assert_int_equal(parse_long(0, HTTP_HEAD_MAX - around + 1, 0), 431);
	assert_int_equal(parse_long(0, HTTP_HEAD_MAX - around + 1, 1), 431);
	assert_int_equal(parse_long(0, HTTP_HEAD_MAX - around, 1), -EAGAIN);
	assert_int_equal(parse_long(0, HTTP_HEAD_MAX * 2, 0), 431);
}

static void request_endless_empty_lines(void **state)
{
	struct http_request request;
	size_t used;
	char *text = malloc(HTTP_HEAD_MAX);

	assert_non_null(text);
	for (size_t i = 0; i < HTTP_HEAD_MAX; i += 2)
		memcpy(text + i, "\r\n", 2);
	assert_int_equal(http_request_parse(&request, text, HTTP_HEAD_MAX - 2, &used), -EAGAIN);
	assert_int_equal(http_request_parse(&request, text, HTTP_HEAD_MAX, &used), 431);
	free(text);
}

static void printable(void **state)
{
	static const struct {
		const char *text;
		size_t size;
		const char *expected;
	} cases[] = {
		{"plain", 6, "plain"},
		{"plain", 5, "p..."},
		{"a\x1b[0m\\", 32, "a\\x1b[0m\\\\"},
		{"\xc3\xa4\n", 32, "\\xc3\\xa4\\x0a"},
		{"\n\n", 8, "\\x0a..."},
		{"\n\n", 9, "\\x0a\\x0a"},
		{"abc", 2, "."},
		{"abc", 1, ""},
		{"", 1, ""},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		char out[32];

		assert_string_equal(
			http_text_printable(http_text_of(cases[i].text), out, cases[i].size),
			cases[i].expected);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(request_fields),
		cmocka_unit_test(request_absent_fields),
		cmocka_unit_test(request_methods),
		cmocka_unit_test(request_lines),
		cmocka_unit_test(request_header_syntax),
		cmocka_unit_test(request_hosts),
		cmocka_unit_test(request_framing),
		cmocka_unit_test(request_coding_in_http_1_0),
		cmocka_unit_test(request_repeated_fields),
		cmocka_unit_test(request_keep_alive),
		cmocka_unit_test(request_piece_by_piece),
		cmocka_unit_test(request_bytes),
		cmocka_unit_test(request_early_refusals),
		cmocka_unit_test(request_limits),
		cmocka_unit_test(request_endless_empty_lines),
		cmocka_unit_test(printable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
