/* SPDX-License-Identifier: MIT */
/* Responses and chunked bodies: what is read, and what is said of the rest. */
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
	static const char text[] =
		"HTTP/1.1 206 Partial Content\r\nServer: s\r\nETag: \"e\"\r\nLast-Modified: d\r\n"
		"Content-Range: bytes 0-4/10\r\nContent-Type: t\r\nContent-Encoding: gzip\r\n"
		"Location: /l\r\nRetry-After: 3\r\nContent-Length: 5\r\nServer: other\r\n\r\nhello";
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
	assert_text(response.server, "s");
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
		{"\r\nHTTP/1.1 200 OK\r\n\r\n", "HTTP version"},
		{"ICY 200 OK\r\n\r\n", "HTTP version"},
		{"HTTP/2.0 200 OK\r\n\r\n", "unknown version: \"HTTP/2.0\""},
		{"HTTP/1.1 99 OK\r\n\r\n", "three digits"},
		{"HTTP/1.1 099 OK\r\n\r\n", "three digits"},
		{"HTTP/1.1 600 OK\r\n\r\n", "three digits"},
		{"HTTP/1.1 2000 OK\r\n\r\n", "three digits"},
		{"HTTP/1.1 20\r\n\r\n", "three digits"},
		{"HTTP/1.1 +20 OK\r\n\r\n", "three digits"},
		{"HTTP/1.1\r\n\r\n", "three digits"},
		{"HTTP/1.1  200 OK\r\n\r\n", "three digits"},
		{"HTTP/1.1 200 OK\nX: y\r\n\r\n", "CRLF"},
		{"HTTP/1.1 200 OK\r\nX: y\r\n z\r\n\r\n", "folded"},
		{"HTTP/1.1 200 OK\r\nX y: z\r\n\r\n", ": "},
		{"HTTP/1.1 200 OK\r\nX\r\n\r\n", ": "},
		{"HTTP/1.1 200 OK\r\nContent-Length: 5\x01\r\n\r\n", ": "},
		{"HTTP/1.1 200 OK\r\nContent-Length: 5,5\r\n\r\n", "Content-Length"},
		{"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n", "Content-Length"},
		{"HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551616\r\n\r\n",
		 "Content-Length"},
		{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
		 "Content-Length"},
		{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
		 "Content-Length"},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", "chunked: \"gzip\""},
		{"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "HTTP/1.0"},
		{"HTTP/1.1 206 OK\r\nContent-Range: bytes 0-0/1\r\nContent-Range: bytes "
		 "1-1/2\r\n\r\n",
		 "repeated field: \"content-range\""},
		{"HTTP/1.1 200 OK\r\nETag: \"a\"\r\nETag: \"b\"\r\n\r\n",
		 "repeated field: \"etag\""},
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

static void response_same_repeated(void **state)
{
	static const char text[] = "HTTP/1.1 200 OK\r\nETag: \"a\"\r\nETag: \"a\"\r\n\r\n";
	struct http_response response;

	assert_int_equal(parse_response(text, sizeof(text) - 1, &response, NULL), 0);
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
	static const char begin[] = "HTTP/1.1 200 OK\r\nX: ";
	struct http_response response;
	struct sluice_error error = {0};
	char *text = malloc(HTTP_RESPONSE_HEAD_MAX);

	assert_non_null(text);
	memset(text, 'x', HTTP_RESPONSE_HEAD_MAX);
	memcpy(text, begin, strlen(begin));
	assert_int_equal(parse_response(text, HTTP_RESPONSE_HEAD_MAX - 1, &response, &error),
			 -EAGAIN);
	assert_int_equal(parse_response(text, HTTP_RESPONSE_HEAD_MAX, &response, &error), -EPROTO);
	assert_non_null(strstr(error.text, "64 KiB"));
	memcpy(text + HTTP_RESPONSE_HEAD_MAX - 4, "\r\n\r\n", 4);
	assert_int_equal(parse_response(text, HTTP_RESPONSE_HEAD_MAX, &response, &error), 0);
	free(text);
}

/* Decodes text, handed over in steps; returns the last result and what came out. */
static int decode(const char *text, size_t step, char *body, size_t *consumed)
{
	struct http_chunked *chunked;
	size_t length = strlen(text), at = 0, out = 0;
	int result = 0;

	assert_int_equal(http_chunked_open(&chunked), 0);
	while (!result && at < length) {
		size_t piece = length - at < step ? length - at : step, used;
		char *copy = exact_copy(text + at, piece);
		struct http_text run;

		result = http_chunked_decode(chunked, copy, piece, &used, &run);
		if (result >= 0) {
			assert_true(used <= piece && (used || result));
			at += used;
			if (run.length)
				memcpy(body + out, run.data, run.length);
			out += run.length;
		}
		free(copy);
	}
	body[out] = '\0';
	*consumed = at;
	http_chunked_close(chunked);
	return result;
}

static void chunked_bodies(void **state)
{
	static const struct {
		const char *text, *body;
		int expected;
		const char *left;
	} cases[] = {
		{"5\r\nhello\r\n0\r\n\r\n", "hello", 1, ""},
		{"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\nHTTP/1.1", "hello world", 1, "HTTP/1.1"},
		{"0\r\n\r\n", "", 1, ""},
		{"00\r\n\r\n", "", 1, ""},
		{"A\r\n0123456789\r\n0\r\n\r\n", "0123456789", 1, ""},
		{"a;name=value\r\n0123456789\r\n0\r\n\r\n", "0123456789", 1, ""},
		{"1\r\na\r\n0\r\nX-Trailer: t\r\nY: z\r\n\r\nrest", "a", 1, "rest"},
		{"2\r\n\r\n\r\n0\r\n\r\n", "\r\n", 1, ""},
		{"5\r\nhel", "hel", 0, ""},
		{"5\r\nhello\r\n0\r\n", "hello", 0, ""},
		{"", "", 0, ""},
		{"x\r\n", "", -EPROTO, NULL},
		{"-5\r\nhello\r\n", "", -EPROTO, NULL},
		{"5\r\nhelloX\r\n", "hello", -EPROTO, NULL},
		{"10000000000000000\r\n", "", -EPROTO, NULL},
		{"\r\n", "", -EPROTO, NULL},
	};
	static const size_t steps[] = {1, 2, 3, 7, 1000};

	for (size_t i = 0; i < COUNT(cases); i++)
		for (size_t s = 0; s < COUNT(steps); s++) {
			char body[64];
			size_t consumed;
			int result = decode(cases[i].text, steps[s], body, &consumed);

			if (result != cases[i].expected || strcmp(body, cases[i].body))
				fail_msg("%d \"%s\" in steps of %zu for: %s", result, body,
					 steps[s], cases[i].text);
			if (cases[i].left)
				assert_string_equal(cases[i].text + consumed, cases[i].left);
		}
}

static void chunked_stays_as_it_ended(void **state)
{
	struct http_chunked *chunked;
	struct http_text body;
	size_t used = 9;

	assert_int_equal(http_chunked_open(&chunked), 0);
	assert_int_equal(http_chunked_decode(chunked, "0\r\n\r\n", 5, &used, &body), 1);
	assert_int_equal(used, 5);
	assert_int_equal(http_chunked_decode(chunked, "1\r\na\r\n", 6, &used, &body), 1);
	assert_int_equal(used, 0);
	http_chunked_close(chunked);
	assert_int_equal(http_chunked_open(&chunked), 0);
	assert_int_equal(http_chunked_decode(chunked, "x", 1, &used, &body), -EPROTO);
	assert_int_equal(http_chunked_decode(chunked, "0\r\n\r\n", 5, &used, &body), -EPROTO);
	http_chunked_close(chunked);
	http_chunked_close(NULL);
}

static void chunked_endless_extension(void **state)
{
	struct http_chunked *chunked;
	struct http_text body;
	char piece[1024];
	size_t used, total = 0;
	int result;

	memset(piece, 'a', sizeof(piece));
	assert_int_equal(http_chunked_open(&chunked), 0);
	assert_int_equal(http_chunked_decode(chunked, "1;", 2, &used, &body), 0);
	do {
		result = http_chunked_decode(chunked, piece, sizeof(piece), &used, &body);
		total += sizeof(piece);
	} while (!result && total < 10 * HTTP_CHUNK_OVERHEAD_MAX);
	assert_int_equal(result, -EPROTO);
	assert_true(total <= HTTP_CHUNK_OVERHEAD_MAX + sizeof(piece));
	http_chunked_close(chunked);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(response_fields),
		cmocka_unit_test(response_framing),
		cmocka_unit_test(response_refusals),
		cmocka_unit_test(response_same_repeated),
		cmocka_unit_test(response_piece_by_piece),
		cmocka_unit_test(response_limit),
		cmocka_unit_test(chunked_bodies),
		cmocka_unit_test(chunked_stays_as_it_ended),
		cmocka_unit_test(chunked_endless_extension),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
