/* SPDX-License-Identifier: MIT */
/* Chunked bodies of answers: what is read, what is not, and in pieces of any size the same. */
#include "http-text.h"

#include "http/chunked.h"

#include <errno.h>

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
		/* Any extensions, and blanks around them */
		{"5;a=1;b=2\r\nhello\r\n0;c\r\n\r\n", "hello", 1, ""},
		{"5;a;b=\"c;d\"\r\nhello\r\n0\r\n\r\n", "hello", 1, ""},
		{"5 ; a = 1\t;\tb\r\nhello\r\n0 ;\r\n\r\n", "hello", 1, ""},
		{"5;\r\nhello\r\n0;;=\r\n\r\n", "hello", 1, ""},
		{"5;a=\xc3\xa4\x01\r\nhello\r\n0\r\n\r\n", "hello", 1, ""},
		/* Blanks around a size, zeros before it */
		{"5   \r\nhello\r\n0 \t\r\n\r\n", "hello", 1, ""},
		{" \t5\r\nhello\r\n 0\r\n\r\n", "hello", 1, ""},
		{"00000000000000000000000005\r\nhello\r\n0000\r\n\r\n", "hello", 1, ""},
		/* Lines that end in LF */
		{"5\nhello\n0\n\nrest", "hello", 1, "rest"},
		{"5\r\nhello\n6;x\n world\r\n0\nT: t\n\r\nrest", "hello world", 1, "rest"},
		{"2\n\n\n\n0\n\n", "\n\n", 1, ""},
		{"1\r\na\r\n0\r\n folded\r\nno colon\r\n\r\n", "a", 1, ""},
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
		{"\n", "", -EPROTO, NULL},
		{" \r\n", "", -EPROTO, NULL},
		{"+5\r\nhello\r\n", "", -EPROTO, NULL},
		{"0x5\r\nhello\r\n", "", -EPROTO, NULL},
		{"5 5\r\nhello\r\n", "", -EPROTO, NULL},
		{"5,\r\nhello\r\n", "", -EPROTO, NULL},
		{"5\x0b\r\nhello\r\n", "", -EPROTO, NULL},
		{"5\rhello\r\n", "", -EPROTO, NULL},
		{"5\r\r\nhello\r\n", "", -EPROTO, NULL},
		{"5;a\rb\r\nhello\r\n", "", -EPROTO, NULL},
		{"5\r\nhello\rX", "hello", -EPROTO, NULL},
		{"5\r\nhello\r\r\n", "hello", -EPROTO, NULL},
		{"5\r\nhello 0\r\n", "hello", -EPROTO, NULL},
		{"0\r\n\rX", "", -EPROTO, NULL},
		{"0\r\nT: t\rX\r\n", "", -EPROTO, NULL},
		{"8000000000000000\r\n", "", -EPROTO, NULL},
		{"ffffffffffffffffffffffff\r\n", "", -EPROTO, NULL},
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

/* After the last chunk nothing of the body is missing, whatever of its end does. */
static void chunked_is_whole(void **state)
{
	static const struct {
		const char *text;
		bool expected;
	} cases[] = {
		{"", false},
		{"1", false},
		{"1\r\n", false},
		{"1\r\na", false},
		{"1\r\na\r\n", false},
		{"1\r\na\r\n0", false},
		{"1\r\na\r\n0\r", false},
		{"1\r\na\r\n0\r\n", true},
		{"0\n", true},
		{"0\r\nT: t", true},
		{"0\r\n\r", true},
		{"0\r\n\r\n", true},
		{"0\r\n\rX", false},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct http_chunked *chunked;
		struct http_text body;
		size_t at = 0, used = 0;

		assert_int_equal(http_chunked_open(&chunked), 0);
		while (at < strlen(cases[i].text) &&
		       http_chunked_decode(chunked, cases[i].text + at, 1, &used, &body) >= 0)
			at += used ? used : 1;
		if (http_chunked_is_whole(chunked) != cases[i].expected)
			fail_msg("not %d: %s", cases[i].expected, cases[i].text);
		http_chunked_close(chunked);
	}
}

static void chunked_nul(void **state)
{
	static const char *const begins[] = {"5;", "0\r\nT", "0\r\n"};

	for (size_t i = 0; i < COUNT(begins); i++) {
		struct http_chunked *chunked;
		struct http_text body;
		size_t used;

		assert_int_equal(http_chunked_open(&chunked), 0);
		assert_int_equal(
			http_chunked_decode(chunked, begins[i], strlen(begins[i]), &used, &body),
			0);
		assert_int_equal(http_chunked_decode(chunked, "", 1, &used, &body), -EPROTO);
		http_chunked_close(chunked);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chunked_bodies),
		cmocka_unit_test(chunked_stays_as_it_ended),
		cmocka_unit_test(chunked_endless_extension),
		cmocka_unit_test(chunked_is_whole),
		cmocka_unit_test(chunked_nul),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
