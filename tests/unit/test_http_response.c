/* SPDX-License-Identifier: MIT */
/*
 * Responses: what servers in use send is read, in the one way that it can be read; and what is said
 * of the rest.
 */
#include "http-text.h"

#include "http/message.h"

#include <errno.h>
#include <stdio.h>

static int parse_response(const char *text, size_t length, struct http_response *response,
			  struct sluice_error *error)
{
	char *copy = exact_copy(text, length);
	size_t used;
	int result = http_response_parse(response, copy, length, &used, error);

	free(copy);
	return result;
}

static void response_fields(void **state)
{
	char text[] =
		"HTTP/1.1 206 Partial Content\r\nServer: s\r\nETag: \"e\"\r\nLast-Modified: d\r\n"
		"Content-Range: bytes 0-4/10\r\nContent-Type: t\r\nContent-Encoding: gzip\r\n"
		"Location: /l\r\nRetry-After: 3\r\nContent-Length: 5\r\nContent-Type: "
		"other\r\n\r\nhello";
	struct http_response response;
	size_t used;

	assert_int_equal(http_response_parse(&response, text, sizeof(text) - 1, &used, NULL), 0);
	assert_int_equal(used, strlen(text) - strlen("hello"));
	assert_int_equal(response.status, 206);
	assert_int_equal(response.minor, 1);
	assert_true(response.keep_alive);
	assert_true(response.has_content_length);
	assert_false(response.chunked);
	assert_int_equal(response.content_length, 5);
	assert_text(response.etag, "\"e\"");
	assert_text(response.last_modified, "d");
	assert_text(response.content_range, "bytes 0-4/10");
	assert_text(response.content_type, "t");
	assert_text(response.content_encoding, "gzip");
	assert_text(response.location, "/l");
	assert_text(response.retry_after, "3");
}

#define OK "HTTP/1.1 200 OK\r\n"

/* A NUL ends a text in the table, so here it is alone. */
static void response_nul(void **state)
{
	char head[] = OK "X: a\0b\r\n\r\n", line[] = "HTTP/1.1 200 O\0K\r\n\r\n";
	struct http_response response;
	struct sluice_error error;

	assert_int_equal(parse_response(head, sizeof(head) - 1, &response, &error), -EPROTO);
	assert_non_null(strstr(error.text, "NUL"));
	assert_int_equal(parse_response(line, sizeof(line) - 1, &response, &error), -EPROTO);
	assert_non_null(strstr(error.text, "NUL"));
}

/* Each is the same answer: 206, of HTTP/1.1, five bytes, an ETag, and "rest" behind its head. */
static void response_spellings(void **state)
{
	static const char *const heads[] = {
		"HTTP/1.1 206 Some\r\nContent-Length: 5\r\nETag: \"a b\"\r\n\r\nrest",
		"HTTP/1.1 206 Some\nContent-Length: 5\nETag: \"a b\"\n\nrest",
		"HTTP/1.1 206 Some\r\nContent-Length: 5\nETag: \"a b\"\r\n\nrest",
		"HTTP/1.1 206 Some\nContent-Length: 5\nETag: \"a b\"\n\r\nrest",
		"\r\nHTTP/1.1 206 Some\r\nContent-Length: 5\r\nETag: \"a b\"\r\n\r\nrest",
		"\n\r\n\nHTTP/1.1 206 Some\r\nContent-Length: 5\r\nETag: \"a b\"\r\n\r\nrest",
		"HTTP/1.1 206\r\nContent-Length: 5\r\nETag: \"a b\"\r\n\r\nrest",
		"HTTP/1.1 206 \r\nContent-Length: 5\r\nETag: \"a b\"\r\n\r\nrest",
		"HTTP/1.1  \t206   \r\nContent-Length: 5\r\nETag: \"a b\"\r\n\r\nrest",
		"http/1.1 206 S\xc3\xb6me \xff\x01\r\ncontent-length:5\r\netag:\"a b\"\r\n\r\nrest",
		"HTTP/1.2 206 Some\r\nContent-Length: 5\r\nETag: \"a b\"\r\n\r\nrest",
		"HTTP/1.1 206 Some\r\n  indented: x\r\n\t\r\nContent-Length: 5\r\nETag: \"a "
		"b\"\r\n\r\nrest",
		"HTTP/1.1 206 Some\r\nETag: \"a\r\n b\"\r\nContent-Length: 5\r\n\r\nrest",
		"HTTP/1.1 206 Some\nETag:\n\t\n \"a\n\tb\"\n \nContent-Length: 5\n\nrest",
		"HTTP/1.1 206 Some\r\nX: y\r\n Content-Length: 6\r\nContent-Length: 5\r\nETag: "
		"\"a b\"\r\n\r\nrest",
	};

	for (size_t i = 0; i < COUNT(heads); i++) {
		struct http_response response;
		struct sluice_error error = {0};
		char *copy = exact_copy(heads[i], strlen(heads[i]));
		size_t used = 0;

		/* Never done before the end, and no worse for having been looked at before it. */
		for (size_t length = 0; length < strlen(heads[i]) - strlen("rest"); length++)
			if (http_response_parse(&response, copy, length, &used, &error) != -EAGAIN)
				fail_msg("%s after %zu bytes of: %s", error.text, length, heads[i]);
		if (http_response_parse(&response, copy, strlen(heads[i]), &used, &error))
			fail_msg("%s for: %s", error.text, heads[i]);
		if (response.status != 206 || response.minor != 1 || !response.keep_alive ||
		    !response.has_content_length || response.content_length != 5 ||
		    response.etag.length < 5 || strcmp(heads[i] + used, "rest") != 0)
			fail_msg("read wrongly: %s", heads[i]);
		assert_int_equal(response.etag.data[1], 'a');
		assert_int_equal(response.etag.data[response.etag.length - 2], 'b');
		for (size_t at = 2; at < response.etag.length - 2; at++)
			assert_true(response.etag.data[at] == ' ' ||
				    response.etag.data[at] == '\t');
		free(copy);
	}
}

static void response_statuses(void **state)
{
	for (unsigned status = 0; status < 1000; status++) {
		struct http_response response;
		char text[64];
		int length = snprintf(text, sizeof(text), "HTTP/1.1 %03u\r\n\r\n", status);
		int result = parse_response(text, (size_t)length, &response, NULL);

		assert_int_equal(result, status < 100 ? -EPROTO : 0);
		if (!result)
			assert_int_equal(response.status, status);
	}
}

static void response_framing(void **state)
{
	static const struct {
		const char *head;
		bool keep_alive, chunked, has_length;
		uint64_t length;
	} cases[] = {
		{"HTTP/1.1 200 OK\r\n", false, false, false, 0},
		{"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n", true, false, true, 0},
		{"HTTP/1.1 200\r\nContent-Length: 18446744073709551615\r\n", true, false, true,
		 UINT64_MAX},
		{"HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n", true, true, false, 0},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n", false,
		 true, false, 0},
		{"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n", false, false, true, 5},
		{"HTTP/1.0 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive\r\n", true, false,
		 true, 5},
		{"HTTP/1.1 304 Not Modified\r\n", true, false, false, 0},
		{"HTTP/1.1 204 No Content\r\n", true, false, false, 0},
		{"HTTP/1.1 100 Continue\r\n", true, false, false, 0},
		/* The same length again, in a list, with zeros before it, folded */
		{OK "Content-Length: 5\r\ncontent-length:5\r\n", true, false, true, 5},
		{OK "Content-Length: 5, 5\r\n", true, false, true, 5},
		{OK "Content-Length: 5 ,\t5,5\r\nContent-Length: 5\r\n", true, false, true, 5},
		{OK "Content-Length: 0000000000000000000000005\r\n", true, false, true, 5},
		{OK "Content-Length:\r\n 5\r\n", true, false, true, 5},
		{OK "Content-Length : 5\r\n", true, false, true, 5},
		{OK "CONTENT-LENGTH \t: \t5 \t\r\n", true, false, true, 5},
		/* Chunked counts; what follows on the connection is in doubt */
		{OK "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", false, true, false, 0},
		{OK "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n", false, true, false, 0},
		{"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n",
		 false, true, false, 0},
		{OK "transfer-ENCODING: Chunked\r\n", true, true, false, 0},
		{OK "Transfer-Encoding: identity, chunked\r\n", true, true, false, 0},
		{OK "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n", true, true,
		 false, 0},
		{OK "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", true, true,
		 false, 0},
		{OK "Transfer-Encoding: ,chunked,\r\n", true, true, false, 0},
		{OK "Transfer-Encoding:\r\n\tchunked\r\n", true, true, false, 0},
		{OK "Transfer-Encoding: identity\r\n", false, false, false, 0},
		{OK "Transfer-Encoding: identity\r\nContent-Length: 5\r\n", false, false, true, 5},
		{OK "Transfer-Encoding:\r\nContent-Length: 5\r\n", false, false, true, 5},
		{OK "Connection: foo , Close\r\nContent-Length: 5\r\n", false, false, true, 5},
		{OK "Connection: foo\r\nConnection: close\r\nContent-Length: 5\r\n", false, false,
		 true, 5},
		{OK "Connection: closed\r\nContent-Length: 5\r\n", true, false, true, 5},
		{"HTTP/1.0 200 OK\r\nConnection: keep-alive, close\r\nContent-Length: 5\r\n", false,
		 false, true, 5},
		{OK "Transfer-Encoding: none\r\nContent-Length: 5\r\n", false, false, true, 5},
		/* Fields that are nobody's */
		{OK "HTTP/1.1 200 OK\r\nno colon\r\nContent-Length: 5\r\n", true, false, true, 5},
		{OK "no colon\r\nTransfer-Encoding: chunked\r\n", true, true, false, 0},
		{OK "X-Content-Length: 6\r\nContent-Length-X: 7\r\nContent-Length: 5\r\n", true,
		 false, true, 5},
		{OK "X y: z\r\n: z\r\nX(: y\r\nX\xc3\xa4: \xe4\x01\x7f\r\nContent-Length: 5\r\n",
		 true, false, true, 5},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct http_response response;
		struct sluice_error error = {0};
		char text[256];
		int length = snprintf(text, sizeof(text), "%s\r\n", cases[i].head);

		if (parse_response(text, (size_t)length, &response, &error))
			fail_msg("%s for: %s", error.text, text);
		if (response.keep_alive != cases[i].keep_alive ||
		    response.chunked != cases[i].chunked ||
		    response.has_content_length != cases[i].has_length ||
		    response.content_length != cases[i].length)
			fail_msg("read wrongly: %s", text);
	}
}

static void response_refusals(void **state)
{
	static const struct {
		const char *text, *sentence;
	} cases[] = {
		{"SSH-2.0-x\x1b[31m\r\n", "HTTP version: \"SSH-2.0-x\\x1b[31m\""},
		{"SS", "HTTP version"},
		{"\x15\x03\x01", "speaks TLS"},
		{"\rHTTP/1.1 200 OK\r\n\r\n", "CR"},
		{"ICY 200 OK\r\n\r\n", "HTTP version"},
		{"HTTPS/1.1 200 OK\r\n\r\n", "HTTP version"},
		{"HTTP/ 200 OK\r\n\r\n", "HTTP version"},
		{"HTTP/1. 200 OK\r\n\r\n", "HTTP version"},
		{"HTTP/2.0 200 OK\r\n\r\n", "unknown version: \"HTTP/2.0\""},
		{"HTTP/0.9 200 OK\r\n\r\n", "unknown version: \"HTTP/0.9\""},
		{"HTTP/1.1 99 OK\r\n\r\n", "three digits"},
		{"HTTP/1.1 099 OK\r\n\r\n", "three digits"},
		{"HTTP/1.1 2000 OK\r\n\r\n", "three digits"},
		{"HTTP/1.1 20\r\n\r\n", "three digits"},
		{"HTTP/1.1 +20 OK\r\n\r\n", "three digits"},
		{"HTTP/1.1 200OK\r\n\r\n", "three digits"},
		{"HTTP/1.1200 OK\r\n\r\n", "three digits"},
		{"HTTP/1.1\r\n\r\n", "three digits"},
		{"HTTP/1.1 200 O\rK\r\n\r\n", "CR"},
		{OK "X: y\r\r\n\r\n", "CR"},
		{OK "X: y\rContent-Length: 5\r\n\r\n", "CR"},
		{OK "X: y\n\r\rZ: z\n\n", "CR"},
		{OK "X\r\n\r\n", "without a colon: \"X\""},
		{OK "<html>\r\n\r\n", "without a colon"},
		{OK "Content-Length 5\r\n\r\n", "not a field name"},
		{OK "Content-Length: 5\r\nx transfer-encoding\r\n\r\n", "not a field name"},
		{OK " Content-Length: 5\r\n\r\n", "folded"},
		{OK "\ttransfer-encoding: chunked\r\nX: y\r\n\r\n", "folded"},
		{OK "\x0b"
		    "Content-Length: 5\r\n\r\n",
		 "not a field name: \"\\x0bContent-Length\""},
		{OK "Content-Length\xa0: 5\r\n\r\n", "not a field name"},
		{OK "X y Transfer-Encoding: chunked\r\n\r\n", "not a field name"},
		{OK "Content-Length: 5\x01\r\n\r\n", "Content-Length"},
		{OK "Content-Length:\r\n\r\n", "Content-Length"},
		{OK "Content-Length: 5,\r\n\r\n", "Content-Length"},
		{OK "Content-Length: 5,6\r\n\r\n", "different Content-Lengths: \"5,6\""},
		{OK "Content-Length: 5;6\r\n\r\n", "Content-Length"},
		{OK "Content-Length: 5 6\r\n\r\n", "Content-Length"},
		{OK "Content-Length: 5\r\n 6\r\n\r\n", "Content-Length"},
		{OK "Content-Length: -5\r\n\r\n", "Content-Length"},
		{OK "Content-Length: +5\r\n\r\n", "Content-Length"},
		{OK "Content-Length: 0x5\r\n\r\n", "Content-Length"},
		{OK "Content-Length: 5.0\r\n\r\n", "Content-Length"},
		{OK "Content-Length: \"5\"\r\n\r\n", "Content-Length"},
		{OK "Content-Length: 18446744073709551616\r\n\r\n", "Content-Length"},
		{OK "Content-Length: 5\r\nContent-Length: 6\r\n\r\n", "different"},
		{OK "Content-Length: 5\r\nContent-Length:\r\n\r\n", "Content-Length"},
		{OK "Content-Length: 5\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n",
		 "different"},
		{OK "Transfer-Encoding: gzip\r\n\r\n", "chunked: \"gzip\""},
		{OK "Transfer-Encoding: gzip, chunked\r\n\r\n", "other than chunked"},
		{OK "Transfer-Encoding: chunked, gzip\r\n\r\n", "other than chunked"},
		{OK "Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n\r\n",
		 "other than chunked"},
		{OK "Transfer-Encoding: xchunked\r\n\r\n", "other than chunked"},
		{OK "Transfer-Encoding: chunked;q=1\r\n\r\n", "other than chunked"},
		{OK "Transfer-Encoding: chun\r\n ked\r\n\r\n", "other than chunked"},
		{OK "Transfer-Encoding: \"chunked\"\r\n\r\n", "other than chunked"},
		{"HTTP/1.1 206 OK\r\nContent-Range: bytes 0-0/1\r\nContent-Range: bytes "
		 "1-1/2\r\n\r\n",
		 "repeated field: \"content-range\""},
		{OK "Location: /a\r\nLocation: /b\r\n\r\n", "repeated field: \"location\""},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct http_response response;
		struct sluice_error error = {0};
		int result =
			parse_response(cases[i].text, strlen(cases[i].text), &response, &error);

		if (result != -EPROTO || error.code != EPROTO ||
		    !strstr(error.text, cases[i].sentence))
			fail_msg("%d \"%s\" for: %s", result, error.text, cases[i].text);
	}
}

static void response_repeated_fields(void **state)
{
	char text[] = OK "ETag: \"a\"\r\nETag: \"a\"\r\nContent-Type: t\r\nContent-Type: u\r\n"
			 "Last-Modified: d\r\nLast-Modified: e\r\nLast-Modified: d\r\n\r\n";
	struct http_response response;
	size_t used;

	assert_int_equal(http_response_parse(&response, text, sizeof(text) - 1, &used, NULL), 0);
	assert_text(response.etag, "\"a\"");
	assert_text(response.content_type, "t");
	assert_text(response.last_modified, ""); /* no validator that could be believed */
}

static void response_piece_by_piece(void **state)
{
	static const char text[] = "HTTP/1.1 200 Fine\r\nContent-Length: 12\r\nETag: \"a\"\r\n\r\n";

	for (size_t length = 0; length < sizeof(text); length++) {
		struct http_response response;
		int expected = length < sizeof(text) - 1 ? -EAGAIN : 0;

		assert_int_equal(parse_response(text, length, &response, NULL), expected);
	}
}

static void response_limit(void **state)
{
	static const char begin[] = OK "X: ";
	struct http_response response;
	struct sluice_error error = {0};
	char *text = malloc(HTTP_RESPONSE_HEAD_MAX);

	assert_non_null(text);
	memset(text, 'x', HTTP_RESPONSE_HEAD_MAX);
	memcpy(text, begin, strlen(begin));
	assert_int_equal(parse_response(text, HTTP_RESPONSE_HEAD_MAX - 1, &response, &error),
			 -EAGAIN);
	assert_int_equal(parse_response(text, HTTP_RESPONSE_HEAD_MAX, &response, &error), -EPROTO);
	assert_non_null(strstr(error.text, "256 KiB"));
	memcpy(text + HTTP_RESPONSE_HEAD_MAX - 4, "\r\n\r\n", 4);
	assert_int_equal(parse_response(text, HTTP_RESPONSE_HEAD_MAX, &response, &error), 0);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(response_fields),
		cmocka_unit_test(response_spellings),
		cmocka_unit_test(response_nul),
		cmocka_unit_test(response_statuses),
		cmocka_unit_test(response_framing),
		cmocka_unit_test(response_refusals),
		cmocka_unit_test(response_repeated_fields),
		cmocka_unit_test(response_piece_by_piece),
		cmocka_unit_test(response_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
