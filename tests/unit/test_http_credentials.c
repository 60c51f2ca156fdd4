/* SPDX-License-Identifier: MIT */
/* USER:PASSWORD@ in URLs: found, cut, sent as Basic, and never shown. */
#include "http-text.h"

#include "http/credentials.h"

#include <errno.h>
#include <stdlib.h>

static void test_what_is_cut(void **state)
{
	static const struct {
		const char *url, *plain;
	} cases[] = {
		{"http://h/a", "http://h/a"},
		{"http://u:p@h/a", "http://h/a"},
		{"http://u@h", "http://h"},
		{"http://@h/", "http://h/"},
		{"http://u:p@ss@h:80/a@b", "http://h:80/a@b"},
		{"http://h/@scope/name", "http://h/@scope/name"},
		{"http://h:80/@scope/name", "http://h:80/@scope/name"},
		{"http://h?q=a@b", "http://h?q=a@b"},
		{"http://[::1]/a@b", "http://[::1]/a@b"},
		{"http://u:p@[::1]:81/", "http://[::1]:81/"},
		{"//u:p@h/", "//h/"},
		{"/a:b@c", "/a:b@c"},
		/* What is no URL, or none of ours, may be shown as well. */
		{"u:p@h/a", "h/a"},
		{"ftp://u:p@h/a", "ftp://h/a"},
		{"http://u:pa/ss@h/a", "http://h/a"},
		{"http://u:pa?ss#x@h/a", "http://h/a"},
		{"http://h:80x/a", "http://h:80x/a"},
		{"", ""},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		char *plain = http_credentials_cut(cases[i].url);

		assert_string_equal(plain, cases[i].plain);
		free(plain);
	}
}

static void test_what_is_sent(void **state)
{
	static const struct {
		const char *url, *line; /* line "": nothing is; NULL: it cannot be */
	} cases[] = {
		{"http://h/", ""},
		/* RFC 7617 2 */
		{"http://Aladdin:open%20sesame@h/", "A: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n"},
		{"http://test:123%C2%A3@h/", "A: Basic dGVzdDoxMjPCow==\r\n"},
		{"http://u@h/", "A: Basic dTo=\r\n"},
		{"http://:@h/", "A: Basic Og==\r\n"},
		{"http://@h/", "A: Basic Og==\r\n"},
		{"http://u:p@q:r@h/", "A: Basic dTpwQHE6cg==\r\n"},
		{"http://u:%3A%40%2F@h/", "A: Basic dTo6QC8=\r\n"},
		{"http://u:secret%@h/", NULL},
		{"http://u:secret%zz@h/", NULL},
		{"http://u%00:secret@h/", NULL},
		{"http://u:secret/more@h/", NULL},
		{"http://u:12/secret@h/", ""}, /* it has a path with an '@' */
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct sluice_error error = {0};
		struct buffer lines = {0};
		int result = http_credentials_add(&lines, "A", cases[i].url, &error);

		assert_int_equal(result, cases[i].line ? 0 : -EINVAL);
		if (cases[i].line && *cases[i].line)
			assert_string_equal(lines.data, cases[i].line);
		else
			assert_int_equal(lines.length, 0);
		assert_null(strstr(error.text, "secret"));
		buffer_free(&lines);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_cut),
		cmocka_unit_test(test_what_is_sent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
