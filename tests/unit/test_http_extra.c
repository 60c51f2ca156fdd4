/* SPDX-License-Identifier: MIT */
/* What the owner of a server may add to its answers, and to which of them it is added. */
#include "http/extra.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static int open_one(struct http_extra *extra, const char *header, const char *origin,
		    struct sluice_error *error)
{
	const char *const headers[] = {header, NULL}, *const cors[] = {origin, NULL};

	return http_extra_open(extra, headers, cors, error);
}

/* The head's part for a request from this origin (NULL: it names none); to be freed. */
static struct buffer written(const struct http_extra *extra, enum http_method method,
			     const char *origin, bool has_file)
{
	const struct http_request request = {.method = method, .origin = http_text_of(origin)};
	struct buffer out = {0};

	buffer_text(&out, "");
	http_extra_write(extra, &request, has_file, &out);
	return out;
}

static void assert_written(const struct http_extra *extra, const char *origin, bool has_file,
			   const char *expected)
{
	struct buffer out = written(extra, HTTP_GET, origin, has_file);

	assert_string_equal(out.data, expected);
	buffer_free(&out);
}

static bool has(const struct http_extra *extra, enum http_method method, const char *origin,
		const char *part)
{
	struct buffer out = written(extra, method, origin, false);
	bool found = strstr(out.data, part);

	buffer_free(&out);
	return found;
}

static void nothing(void **state)
{
	struct http_extra extra;

	assert_int_equal(http_extra_open(&extra, NULL, NULL, NULL), 0);
	assert_written(&extra, "https://a.example", true, "");
	assert_false(has(&extra, HTTP_OPTIONS, "https://a.example", "Access-Control"));
	http_extra_close(&extra);
}

static void good_headers(void **state)
{
	static const struct {
		const char *header, *written;
	} cases[] = {
		{"X-Frame-Options: DENY", "X-Frame-Options: DENY\r\n"},
		{"X:y", "X: y\r\n"},
		{"X: \t y \t", "X: y\r\n"},
		{"X:", "X: \r\n"},
		{"X: a:b, c\td", "X: a:b, c\td\r\n"},
		{"X: gr\xc3\xbc\xc3\x9f", "X: gr\xc3\xbc\xc3\x9f\r\n"},
		{"Vary: Cookie", "Vary: Cookie\r\n"},
		{"Access-Control-Allow-Private-Network: true",
		 "Access-Control-Allow-Private-Network: true\r\n"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct http_extra extra;

		assert_int_equal(open_one(&extra, cases[i].header, NULL, NULL), 0);
		assert_written(&extra, NULL, false, cases[i].written);
		assert_written(&extra, NULL, true, cases[i].written);
		http_extra_close(&extra);
	}
}

static void bad_headers(void **state)
{
	static const char *const headers[] = {
		"",
		"X",
		": y",
		" X: y",
		"X : y",
		"X Y: z",
		"X\xc3\xbc: y",
		"X: a\r\nY: b",
		"X: a\nb",
		"X: a\rb",
		"X: a\x01",
		"X: a\x7f",
		"Content-Length: 5",
		"content-length: 5",
		"Transfer-Encoding: chunked",
		"Connection: close",
		"Content-Encoding: gzip",
		"Content-Type: text/plain",
		"Content-Range: bytes 0-1/2",
		"Date: today",
		"ETag: \"x\"",
		"Last-Modified: today",
		"Server: other",
		"Location: /",
		"Access-Control-Allow-Origin: *",
	};

	for (size_t i = 0; i < COUNT(headers); i++) {
		struct http_extra extra;
		struct sluice_error error = {0};

		if (open_one(&extra, headers[i], NULL, &error) != -EINVAL)
			fail_msg("taken: %s", headers[i]);
		assert_int_equal(strncmp(error.text, "header \"", 8), 0);
	}
}

static void too_much(void **state)
{
	struct http_extra extra;
	char header[(8 << 10) + 1] = "X: ";

	memset(header + 3, 'y', sizeof(header) - 4);
	header[sizeof(header) - 1] = '\0';
	assert_int_equal(open_one(&extra, header, NULL, NULL), -EINVAL);
	header[sizeof(header) - 3] = '\0';
	assert_int_equal(open_one(&extra, header, NULL, NULL), 0);
	http_extra_close(&extra);
}

static void fields_of_files(void **state)
{
	const char *const headers[] = {"Cache-Control: max-age=60", "X: y", "expires: 0", NULL};
	struct http_extra extra;

	assert_int_equal(http_extra_open(&extra, headers, NULL, NULL), 0);
	assert_written(&extra, NULL, false, "X: y\r\n");
	assert_written(&extra, NULL, true, "X: y\r\nCache-Control: max-age=60\r\nexpires: 0\r\n");
	http_extra_close(&extra);
}

static void origins(void **state)
{
	static const struct {
		const char *configured, *asking;
		bool is_allowed;
	} cases[] = {
		{"*", NULL, true},
		{"*", "https://a.example", true},
		{"*", "null", true},
		{"https://a.example", "https://a.example", true},
		{"https://A.Example", "https://a.example", true},
		{"https://a.example:443", "https://a.example", true},
		{"http://a.example:80", "http://a.example", true},
		{"http://localhost:3000", "http://localhost:3000", true},
		{"http://[::1]:3000", "http://[::1]:3000", true},
		{"chrome-extension://abc", "chrome-extension://abc", true},
		{"null", "null", true},
		{"https://a.example", NULL, false},
		{"https://a.example", "", false},
		{"https://a.example", "null", false},
		{"https://a.example", "http://a.example", false},
		{"https://a.example", "https://a.example:8443", false},
		{"https://a.example", "https://a.example.evil", false},
		{"https://a.example", "https://b.example", false},
		{"https://a.example:80", "https://a.example", false},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct http_extra extra;
		bool is_for_all = cases[i].configured[0] == '*';
		char line[80];

		assert_int_equal(open_one(&extra, NULL, cases[i].configured, NULL), 0);
		snprintf(line, sizeof(line), "Access-Control-Allow-Origin: %s\r\n",
			 is_for_all        ? "*"
			 : cases[i].asking ? cases[i].asking
					   : "");
		if (has(&extra, HTTP_GET, cases[i].asking, line) != cases[i].is_allowed ||
		    has(&extra, HTTP_GET, cases[i].asking, "Expose") != cases[i].is_allowed)
			fail_msg("%s for %s", cases[i].configured, cases[i].asking);
		assert_int_equal(has(&extra, HTTP_GET, cases[i].asking, "Vary: Origin\r\n"),
				 !is_for_all);
		http_extra_close(&extra);
	}
}

static void bad_origins(void **state)
{
	static const char *const bad[] = {
		"",
		"a.example",
		"https:",
		"https:/a.example",
		"https://",
		"https://a.example/",
		"https://a.example/path",
		"https://a.example?x",
		"https://user@a.example",
		"https://a.example, https://b.example",
		"https://a.example\r\nX: y",
		"//a.example",
		"nulls",
		"**",
	};

	for (size_t i = 0; i < COUNT(bad); i++) {
		struct http_extra extra;

		if (open_one(&extra, NULL, bad[i], NULL) != -EINVAL)
			fail_msg("taken: %s", bad[i]);
	}
}

static void preflight(void **state)
{
	const char *const cors[] = {"https://a.example", "https://b.example", NULL};
	struct http_extra extra;

	assert_int_equal(http_extra_open(&extra, NULL, cors, NULL), 0);
	assert_true(has(&extra, HTTP_OPTIONS, "https://b.example", "Allow-Methods: GET, HEAD"));
	assert_true(has(&extra, HTTP_OPTIONS, "https://b.example", "Range, If-Range"));
	assert_true(has(&extra, HTTP_OPTIONS, "https://b.example", "Max-Age: "));
	assert_false(has(&extra, HTTP_GET, "https://b.example", "Allow-Methods"));
	assert_false(has(&extra, HTTP_OPTIONS, "https://c.example", "Access-Control"));
	http_extra_close(&extra);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing),     cmocka_unit_test(good_headers),
		cmocka_unit_test(bad_headers), cmocka_unit_test(too_much),
		cmocka_unit_test(origins),     cmocka_unit_test(fields_of_files),
		cmocka_unit_test(bad_origins), cmocka_unit_test(preflight),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
