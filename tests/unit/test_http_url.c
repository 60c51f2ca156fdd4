/* SPDX-License-Identifier: MIT */
/* URLs and request targets, hostile ones among them. */
#include "http/url.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void target_paths(void **state)
{
	static const struct {
		const char *target;
		int status;
		const char *path;
	} cases[] = {
		{"/", 200, ""},
		{"//", 200, ""},
		{"/a", 200, "a"},
		{"/a/", 200, "a/"},
		{"/a//b///", 200, "a/b/"},
		{"/a?b=../c", 200, "a"},
		{"/?", 200, ""},
		{"/a%20b", 200, "a b"},
		{"/a%2fb", 200, "a/b"},
		{"/a%2f/b", 200, "a/b"},
		{"/%3f", 200, "?"},
		{"/%25", 200, "%"},
		{"/%252e%252e/", 200, "%2e%2e/"},
		{"/a%0ab", 200, "a\nb"},
		{"/\xc3\xa4", 200, "\xc3\xa4"},
		{"/%C3%a4", 200, "\xc3\xa4"},
		{"/...", 200, "..."},
		{"/..a/b..", 200, "..a/b.."},
		{"/.hidden", 200, ".hidden"},
		{"http://h/a", 200, "a"},
		{"HTTP://h:80/a?b", 200, "a"},
		{"http://h", 200, ""},
		{"http://h?a/b", 200, ""},
		{"http://h/../a", 400, NULL},
		{"/..", 400, NULL},
		{"/../", 400, NULL},
		{"/a/../b", 400, NULL},
		{"/a/..", 400, NULL},
		{"/.", 400, NULL},
		{"/./a", 400, NULL},
		{"/a/.", 400, NULL},
		{"/%2e", 400, NULL},
		{"/%2e%2e", 400, NULL},
		{"/.%2E/a", 400, NULL},
		{"/..%2f", 400, NULL},
		{"/a%2f..%2fb", 400, NULL},
		{"/%2f..", 400, NULL},
		{"/%00", 400, NULL},
		{"/a%00b", 400, NULL},
		{"/%", 400, NULL},
		{"/%2", 400, NULL},
		{"/%zz", 400, NULL},
		{"/%2g", 400, NULL},
		{"/\n", 400, NULL},
		{"/a b", 400, NULL},
		{"/\x7f", 400, NULL},
		{"/a#b", 400, NULL},
		{"/a?b#c", 400, NULL},
		{"/a?\x01", 400, NULL},
		{"", 400, NULL},
		{"*", 400, NULL},
		{"a", 400, NULL},
		{"?", 400, NULL},
		{"h:443", 400, NULL},
		{"ftp://h/a", 400, NULL},
		{"https://h/a", 400, NULL},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		char path[64];
		int status = http_target_path(http_text_of(cases[i].target), path, sizeof(path));

		if (status != cases[i].status || (status == 200 && strcmp(path, cases[i].path)))
			fail_msg("%d \"%s\" for %s", status, status == 200 ? path : "",
				 cases[i].target);
	}
	assert_int_equal(http_target_path((struct http_text){0}, NULL, 0), 400);
}

static void target_path_sizes(void **state)
{
	char path[4];

	assert_int_equal(http_target_path(http_text_of("/abc"), path, 4), 200);
	assert_string_equal(path, "abc");
	assert_int_equal(http_target_path(http_text_of("/abcd"), path, 4), 414);
	assert_int_equal(http_target_path(http_text_of("/"), path, 1), 200);
	assert_int_equal(http_target_path(http_text_of("/"), path, 0), 414);
}

static void percent_encoding(void **state)
{
	struct buffer out = {0};

	http_percent_encode(&out, "a/B-._~ %?#&:\"\xc3\xa4\x01");
	assert_string_equal(out.data, "a/B-._~%20%25%3F%23%26%3A%22%C3%A4%01");
	buffer_free(&out);
}

/* Every byte of a name survives being put in a link and asked for. */
static void encoding_round_trip(void **state)
{
	struct buffer out = {0};
	char name[256], path[256];

	for (int i = 1; i < 256; i++)
		name[i - 1] = (char)i;
	name[255] = '\0';
	buffer_text(&out, "/");
	http_percent_encode(&out, name);
	assert_int_equal(http_target_path(http_text_of(out.data), path, sizeof(path)), 200);
	assert_string_equal(path, name);
	buffer_free(&out);
}

static void urls(void **state)
{
	static const struct {
		const char *text, *host, *port, *target, *field;
		bool is_ipv6;
	} cases[] = {
		{"http://example.org", "example.org", "80", "/", "example.org", false},
		{"HTTP://Example.org/", "example.org", "80", "/", "example.org", false},
		{"http://h:8080/a?b", "h", "8080", "/a?b", "h:8080", false},
		{"http://h:/a", "h", "80", "/a", "h", false},
		{"http://h:0080/a", "h", "80", "/a", "h", false},
		{"http://h:65535/", "h", "65535", "/", "h:65535", false},
		{"http://h?q", "h", "80", "/?q", "h", false},
		{"http://h#f", "h", "80", "/", "h", false},
		{"http://h/a#f?g", "h", "80", "/a", "h", false},
		{"http://h/a b\"<>\\^`{|}\xc3\xa4", "h", "80",
		 "/a%20b%22%3C%3E%5C%5E%60%7B%7C%7D%C3%A4", "h", false},
		{"http://h/%41%zz%", "h", "80", "/%41%25zz%25", "h", false},
		{"http://h/!$&'()*+,;=:@?/?[", "h", "80", "/!$&'()*+,;=:@?/?%5B", "h", false},
		{"http://h/a/./b/../c", "h", "80", "/a/c", "h", false},
		{"http://h/../../a", "h", "80", "/a", "h", false},
		{"http://h/a/..?x/../y", "h", "80", "/?x/../y", "h", false},
		{"http://[::1]/", "::1", "80", "/", "[::1]", true},
		{"http://[2001:db8::1]:81/a", "2001:db8::1", "81", "/a", "[2001:db8::1]:81", true},
		{"http://[2001:DB8:0::01]/", "2001:db8::1", "80", "/", "[2001:db8::1]", true},
		{"http://[fe80::1%25eth0]:81/", "fe80::1%eth0", "81", "/", "[fe80::1]:81", true},
		{"http://[fe80::1%eth0]/", "fe80::1%eth0", "80", "/", "[fe80::1]", true},
		{"http://u:secret@h:81/a@b", "h", "81", "/a@b", "h:81", false},
		{"http://192.0.2.1/", "192.0.2.1", "80", "/", "192.0.2.1", false},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct http_url url;
		struct sluice_error error = {0};
		char field[HTTP_URL_HOST];

		if (http_url_parse(&url, cases[i].text, &error))
			fail_msg("%s", error.text);
		http_url_host(&url, field);
		assert_string_equal(url.host, cases[i].host);
		assert_string_equal(url.port, cases[i].port);
		assert_string_equal(url.target, cases[i].target);
		assert_string_equal(field, cases[i].field);
		assert_int_equal(url.host_is_ipv6, cases[i].is_ipv6);
		http_url_free(&url);
	}
}

static void bad_urls(void **state)
{
	static const struct {
		const char *text, *sentence;
	} cases[] = {
		{"", "http://"},
		{"example.org/a", "http://"},
		{"http:/h", "http://"},
		{"ftp://h/", "http://"},
		{"https:/h/", "https://"},
		{"://h/", "https://"},
		{"http://", "no host"},
		{"http:///a", "no host"},
		{"http://:80/", "no host"},
		{"http://u:secret/x@h/", "password"},
		{"http://u:secret@h:x/", "port"},
		{"ftp://u:secret@h/", "ftp://h/"},
		{"u:secret@h/", "http://"},
		{"http://h:0/", "port"},
		{"http://h:65536/", "port"},
		{"http://h:99999999999999999999999/", "port"},
		{"http://h:-1/", "port"},
		{"http://h:8a/", "port"},
		{"http://h:80:80/", "port"},
		{"http://[::1/", "IPv6"},
		{"http://[::1]x/", "host and port"},
		{"http://[::g]/", "IPv6"},
		{"http://[]/", "IPv6"},
		{"http://[1.2.3.4]/", "IPv6"},
		{"http://[fe80::1%25]/", "IPv6"},
		{"http://[fe80::1%25a b]/", "interface"},
		{"http://a b/", "host name: \"a b\""},
		{"http://h\x1b[2J/", "host name: \"h\\x1b[2J\""},
		{"http://\xc3\xa4/", "host name"},
		{"http://h%41/", "host name"},
		{"http://h/a\nb", "control"},
		{"http://h/\x7f", "control"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct http_url url;
		struct sluice_error error = {0};
		int result = http_url_parse(&url, cases[i].text, &error);

		if (result != -EINVAL || error.code != EINVAL ||
		    !strstr(error.text, cases[i].sentence))
			fail_msg("%d \"%s\" for %s", result, error.text, cases[i].text);
		assert_null(strstr(error.text, "secret"));
	}
}

/* "http://", then `host` times 'a', then '/', then `path` times `letter` */
static int parse_long(struct http_url *url, size_t host, size_t path, char letter)
{
	struct buffer text = {0};
	int result;

	buffer_text(&text, "http://");
	for (size_t i = 0; i < host; i++)
		buffer_text(&text, "a");
	buffer_text(&text, "/");
	for (size_t i = 0; i < path; i++)
		buffer_append(&text, &letter, 1);
	result = http_url_parse(url, text.data, NULL);
	buffer_free(&text);
	return result;
}

static void overlong_urls(void **state)
{
	struct http_url url;

	assert_int_equal(parse_long(&url, 255, 32767, 'b'), 0);
	assert_int_equal(strlen(url.host), 255);
	assert_int_equal(strlen(url.target), 32768);
	http_url_free(&url);
	assert_int_equal(parse_long(&url, 256, 1, 'b'), -EINVAL);
	assert_int_equal(parse_long(&url, 1, 32768, 'b'), -EINVAL);
	assert_int_equal(parse_long(&url, 1, 10922, ' '), 0);
	http_url_free(&url);
	assert_int_equal(parse_long(&url, 1, 10923, ' '), -EINVAL);
}

static void resolving(void **state)
{
	/* RFC 3986 5.4, as far as http goes; the base there is http://a/b/c/d;p?q */
	static const struct {
		const char *location, *host, *port, *target;
	} cases[] = {
		{"g", "a", "81", "/b/c/g"},
		{"./g", "a", "81", "/b/c/g"},
		{"g/", "a", "81", "/b/c/g/"},
		{"/g", "a", "81", "/g"},
		{"//g", "g", "80", "/"},
		{"//g:82/x", "g", "82", "/x"},
		{"?y", "a", "81", "/b/c/d;p?y"},
		{"g?y", "a", "81", "/b/c/g?y"},
		{"#s", "a", "81", "/b/c/d;p?q"},
		{"g#s", "a", "81", "/b/c/g"},
		{"g?y#s", "a", "81", "/b/c/g?y"},
		{";x", "a", "81", "/b/c/;x"},
		{"", "a", "81", "/b/c/d;p?q"},
		{".", "a", "81", "/b/c/"},
		{"./", "a", "81", "/b/c/"},
		{"..", "a", "81", "/b/"},
		{"../", "a", "81", "/b/"},
		{"../g", "a", "81", "/b/g"},
		{"../..", "a", "81", "/"},
		{"../../", "a", "81", "/"},
		{"../../g", "a", "81", "/g"},
		{"../../../g", "a", "81", "/g"},
		{"../../../../g", "a", "81", "/g"},
		{"/./g", "a", "81", "/g"},
		{"/../g", "a", "81", "/g"},
		{"g.", "a", "81", "/b/c/g."},
		{".g", "a", "81", "/b/c/.g"},
		{"g..", "a", "81", "/b/c/g.."},
		{"..g", "a", "81", "/b/c/..g"},
		{"./../g", "a", "81", "/b/g"},
		{"./g/.", "a", "81", "/b/c/g/"},
		{"g/./h", "a", "81", "/b/c/g/h"},
		{"g/../h", "a", "81", "/b/c/h"},
		{"g;x=1/./y", "a", "81", "/b/c/g;x=1/y"},
		{"g;x=1/../y", "a", "81", "/b/c/y"},
		{"g?y/./x", "a", "81", "/b/c/g?y/./x"},
		{"g?y/../x", "a", "81", "/b/c/g?y/../x"},
		{"http://g/h", "g", "80", "/h"},
		{"https://g/h", "g", "443", "/h"},
		{"a b", "a", "81", "/b/c/a%20b"},
		{"/g?x:y", "a", "81", "/g?x:y"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct http_url base, url;
		struct sluice_error error = {0};

		assert_int_equal(http_url_parse(&base, "http://a:81/b/c/d;p?q", &error), 0);
		if (http_url_resolve(&url, &base, http_text_of(cases[i].location), &error))
			fail_msg("%s: %s", cases[i].location, error.text);
		if (strcmp(url.host, cases[i].host) || strcmp(url.port, cases[i].port) ||
		    strcmp(url.target, cases[i].target))
			fail_msg("%s gives %s:%s%s", cases[i].location, url.host, url.port,
				 url.target);
		http_url_free(&url);
		http_url_free(&base);
	}
}

static void bad_locations(void **state)
{
	static const char *const cases[] = {
		"https:h", "g:h", "mailto:a@b", "//u@h/", "//", "/a\nb", "http:g", "//h:x/", "\x01",
	};
	static const char nul[] = "/a\0b";

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct http_url base, url;
		struct sluice_error error = {0};

		assert_int_equal(http_url_parse(&base, "http://a/b", &error), 0);
		if (http_url_resolve(&url, &base, http_text_of(cases[i]), &error) != -EINVAL)
			fail_msg("resolved: %s", cases[i]);
		assert_int_equal(error.code, EINVAL);
		assert_int_equal(http_url_resolve(&url, &base, (struct http_text){nul, 4}, &error),
				 -EINVAL);
		http_url_free(&base);
	}
}

static void origins(void **state)
{
	static const struct {
		const char *one, *other;
		bool is_same;
	} cases[] = {
		{"http://h/a?b", "http://h/c", true},
		{"http://h/", "http://H:80/", true},
		{"http://h:080/", "http://h/", true},
		{"https://h/", "HTTPS://h:443/", true},
		{"https://h/", "http://h/", false},
		{"https://h/", "http://h:443/", false},
		{"http://[::1]/", "http://[0:0::1]:80/", true},
		{"http://h/", "http://h:81/", false},
		{"http://h/", "http://h.org/", false},
		{"http://h/", "http://h./", false},
		{"http://127.0.0.1/", "http://localhost/", false},
		{"http://[fe80::1%25a]/", "http://[fe80::1%25b]/", false},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		char one[HTTP_URL_ORIGIN], other[HTTP_URL_ORIGIN];
		struct http_url url;

		assert_int_equal(http_url_parse(&url, cases[i].one, NULL), 0);
		http_url_origin(&url, one);
		http_url_free(&url);
		assert_int_equal(http_url_parse(&url, cases[i].other, NULL), 0);
		http_url_origin(&url, other);
		http_url_free(&url);
		if ((strcmp(one, other) == 0) != cases[i].is_same)
			fail_msg("%s, %s", one, other);
	}
}

static void file_names(void **state)
{
	static const struct {
		const char *target, *name;
	} cases[] = {
		{"/a", "a"},           {"/a/b.iso", "b.iso"},
		{"/a%20b?c/d", "a b"}, {"/%2525", "%25"},
		{"/...", "..."},       {"/%C3%A4", "\xc3\xa4"},
		{"/", NULL},           {"/a/", NULL},
		{"/?a", NULL},         {"/a%2fb", NULL},
		{"/%00", NULL},        {"/a%0a", NULL},
		{"/%2e%2e", NULL},     {"/%2e", NULL},
		{"/a%7f", NULL},       {"/a/%2e%2e%2fb", NULL},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		char target[32], name[256];
		struct http_url url = {.target = target};
		struct sluice_error error = {0};
		int result;

		strcpy(target, cases[i].target);
		result = http_url_filename(&url, name, &error);
		if (result != (cases[i].name ? 0 : -EINVAL) ||
		    (!result && strcmp(name, cases[i].name)))
			fail_msg("%d for %s", result, cases[i].target);
		assert_int_equal(error.code, cases[i].name ? 0 : EINVAL);
	}
}

/* count times `letters`, then `end` */
static const char *repeat(char *target, const char *letters, int count, const char *end)
{
	strcpy(target, "/");
	while (count-- > 0)
		strcat(target, letters);
	return strcat(target, end);
}

static void long_file_names(void **state)
{
	static const struct {
		const char *letters;
		int count;
		const char *end, *extension;
	} cases[] = {
		{"a", 255, "", "a"},
		{"a", 251, ".iso", "a.iso"},
		{"a", 252, ".iso", ".iso"},
		{"a", 999, ".tar.gz", ".tar.gz"},
		{"a", 999, ".b.gz", ".gz"},
		{"a", 999, "", ""},
		{".a", 500, "", ".a"},
		/* not within a character */
		{"%C3%A4", 125, ".iso", "\xc3\xa4.iso"},
		{"%C3%A4", 127, ".iso", ".iso"},
		{"%C3%A4", 127, "x.iso", ".iso"},
		{"%E2%82%AC", 99, ".iso", ".iso"},
		/* what is no extension */
		{"a", 200, ".0123456789abcdefghijklmnopqrstuvwxyz0123456789abcdefghij", ""},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		char target[4096], name[256], other[256];
		struct http_url url = {.target = target};
		size_t length;

		repeat(target, cases[i].letters, cases[i].count, cases[i].end);
		assert_int_equal(http_url_filename(&url, name, NULL), 0);
		length = strlen(name);
		if (length > 255 || length < 250)
			fail_msg("%s has %zu", name, length);
		if (strcmp(name + length - strlen(cases[i].extension), cases[i].extension))
			fail_msg("%s", name);
		/* Another one is told apart. */
		repeat(target, cases[i].letters, cases[i].count - 1, cases[i].end);
		assert_int_equal(http_url_filename(&url, other, NULL), 0);
		assert_string_not_equal(name, other);
	}
}

/* What is no UTF-8 has no place to be cut at. */
static void long_file_names_that_are_no_text(void **state)
{
	char target[1024], name[256];
	struct http_url url = {.target = target};

	repeat(target, "%80", 256, "");
	if (http_url_filename(&url, name, NULL) == 0)
		assert_in_range(strlen(name), 1, 255);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(target_paths),
		cmocka_unit_test(target_path_sizes),
		cmocka_unit_test(percent_encoding),
		cmocka_unit_test(encoding_round_trip),
		cmocka_unit_test(urls),
		cmocka_unit_test(bad_urls),
		cmocka_unit_test(overlong_urls),
		cmocka_unit_test(resolving),
		cmocka_unit_test(bad_locations),
		cmocka_unit_test(origins),
		cmocka_unit_test(file_names),
		cmocka_unit_test(long_file_names),
		cmocka_unit_test(long_file_names_that_are_no_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
