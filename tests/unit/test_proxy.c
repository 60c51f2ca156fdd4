/* SPDX-License-Identifier: MIT */
/* Proxies: which one, and for which hosts none. */
#include "http-text.h"

#include "fetch/proxy.h"

#include <errno.h>

static struct http_url parse(const char *text)
{
	struct http_url url;

	if (http_url_parse(&url, text, NULL))
		fail_msg("%s", text);
	return url;
}

static void test_hosts_that_are_excepted(void **state)
{
	static const struct {
		const char *list, *url;
		bool is;
	} cases[] = {
		{NULL, "http://h/", false},
		{"", "http://h/", false},
		{" , ,", "http://h/", false},
		{"*", "http://h/", true},
		{"*", "http://[::1]/", true},
		{"*:81", "http://h/", false},
		{"h", "http://h/", true},
		{"H", "http://h/", true},
		{"a,b c\th", "http://h/", true},
		{"hh", "http://h/", false},
		/* Domains */
		{"example.org", "http://example.org/", true},
		{"example.org", "http://a.example.org/", true},
		{"example.org", "http://aexample.org/", false},
		{"example.org", "http://example.org.evil/", false},
		{".example.org", "http://a.example.org/", true},
		{".example.org", "http://example.org/", true},
		{"*.example.org", "http://a.b.example.org/", true},
		{"a.example.org", "http://example.org/", false},
		{"example.org.", "http://a.example.org/", true},
		{"example.org", "http://a.example.org./", true},
		{".", "http://h/", false},
		{"*.", "http://h/", false},
		{"org", "http://example.org/", true},
		/* Ports */
		{"h:80", "http://h/", true},
		{"h:80", "http://h:81/", false},
		{"h:", "http://h:81/", true},
		{".example.org:81", "http://a.example.org:81/", true},
		{"[::1]:81", "http://[::1]:81/", true},
		{"[::1]:81", "http://[::1]/", false},
		{"192.0.2.1:81", "http://192.0.2.1:81/", true},
		/* Addresses and networks */
		{"192.0.2.1", "http://192.0.2.1/", true},
		{"0.2.1", "http://192.0.2.1/", false},
		{".2.1", "http://192.0.2.1/", false},
		{"192.0.2.0/24", "http://192.0.2.255/", true},
		{"192.0.2.0/24", "http://192.0.3.1/", false},
		{"192.0.2.128/25", "http://192.0.2.127/", false},
		{"192.0.2.128/25", "http://192.0.2.200/", true},
		{"192.0.2.1/32", "http://192.0.2.1/", true},
		{"192.0.2.1/33", "http://192.0.2.1/", false},
		{"192.0.2.1/x", "http://192.0.2.1/", false},
		{"192.0.2.1/", "http://192.0.2.1/", false},
		{"0.0.0.0/0", "http://192.0.2.1/", true},
		{"0.0.0.0/0", "http://[::1]/", false},
		{"10.0.0.0/8", "http://h/", false},
		{"::1", "http://[::1]/", true},
		{"[::1]", "http://[::1]/", true},
		{"2001:DB8::/32", "http://[2001:db8:1::1]/", true},
		{"2001:db8::/32", "http://[2001:db9::1]/", false},
		{"[2001:db8::]/32", "http://[2001:db8:1::1]/", false},
		{"::/0", "http://[2001:db8::1]/", true},
		{"fe80::/10", "http://[fe80::1%25eth0]/", true},
		{"2001:db8::1/128", "http://[2001:db8::1]/", true},
		{"2001:db8::1/129", "http://[2001:db8::1]/", false},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct http_url url = parse(cases[i].url);

		if (proxy_excepts(cases[i].list, &url) != cases[i].is)
			fail_msg("%s: %s", cases[i].list, cases[i].url);
		http_url_free(&url);
	}
}

static const char *const *environment; /* pairs of names and values, NULL at the end */

static char *get(const char *name)
{
	for (const char *const *at = environment; *at; at += 2)
		if (strcmp(*at, name) == 0)
			return (char *)at[1];
	return NULL;
}

static void test_what_the_environment_says(void **state)
{
	static const struct {
		const char *environment[9];
		const char *http, *https, *except;
	} cases[] = {
		{{NULL}, NULL, NULL, NULL},
		{{"http_proxy", "a", NULL}, "a", NULL, NULL},
		{{"HTTP_PROXY", "a", NULL}, NULL, NULL, NULL},
		{{"HTTPS_PROXY", "a", NULL}, NULL, "a", NULL},
		{{"https_proxy", "a", "HTTPS_PROXY", "b", NULL}, NULL, "a", NULL},
		{{"all_proxy", "a", "ALL_PROXY", "b", NULL}, "a", "a", NULL},
		{{"http_proxy", "a", "ALL_PROXY", "b", NULL}, "a", "b", NULL},
		{{"http_proxy", "", "ALL_PROXY", "b", NULL}, "b", "b", NULL},
		{{"no_proxy", "a", "NO_PROXY", "b", NULL}, NULL, NULL, "a"},
		{{"no_proxy", "", "NO_PROXY", "b", NULL}, NULL, NULL, "b"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct proxies proxies;

		environment = cases[i].environment;
		proxies = proxy_environment(get);
		assert_text(http_text_of(proxies.http ? proxies.http : ""),
			    cases[i].http ? cases[i].http : "");
		assert_text(http_text_of(proxies.https ? proxies.https : ""),
			    cases[i].https ? cases[i].https : "");
		assert_text(http_text_of(proxies.except ? proxies.except : ""),
			    cases[i].except ? cases[i].except : "");
	}
}

static void test_which_one(void **state)
{
	static const struct {
		struct proxies proxies;
		const char *url, *proxy;
	} cases[] = {
		{{NULL, NULL, NULL}, "http://h/", NULL}, {{"", "b", NULL}, "http://h/", NULL},
		{{"a", "b", NULL}, "http://h/", "a"},    {{"a", "b", "h"}, "http://h/", NULL},
		{{"a", "b", "h"}, "http://g/", "a"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct http_url url = parse(cases[i].url);
		const char *proxy = proxy_for(&cases[i].proxies, &url);

		if (cases[i].proxy)
			assert_string_equal(proxy, cases[i].proxy);
		else
			assert_null(proxy);
		http_url_free(&url);
	}
	assert_null(proxy_for(NULL, NULL));
}

static void test_urls_of_proxies(void **state)
{
	static const struct {
		const char *text, *host, *port;
	} cases[] = {
		{"http://p:3128", "p", "3128"},
		{"p:3128", "p", "3128"},
		{"p", "p", "80"},
		{"http://u:secret@P:3128/", "p", "3128"},
		{"u:secret@p:3128", "p", "3128"},
		{"[::1]:3128", "::1", "3128"},
		{"socks5://u:secret@p", NULL, ""},
		{"ftp://p", NULL, ""},
		{"p:port", NULL, ""},
		{"u:secret/x@p", NULL, ""},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct sluice_error error = {0};
		struct http_url proxy;
		int result = proxy_parse(&proxy, cases[i].text, &error);

		assert_int_equal(result, cases[i].host ? 0 : -EINVAL);
		if (cases[i].host) {
			assert_string_equal(proxy.host, cases[i].host);
			assert_string_equal(proxy.port, cases[i].port);
		} else {
			assert_non_null(strstr(error.text, "proxy: "));
			assert_null(strstr(error.text, "secret"));
		}
		http_url_free(&proxy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hosts_that_are_excepted),
		cmocka_unit_test(test_what_the_environment_says),
		cmocka_unit_test(test_which_one),
		cmocka_unit_test(test_urls_of_proxies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
