/* SPDX-License-Identifier: MIT */
/* Directory listings: order, escaping, sizes, and JSON that a JSON library reads back. */
#include "http/listing.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void sorting(void **state)
{
	struct http_entry entries[] = {
		{.name = "b"},      {.name = "\xff"},  {.name = "a", .is_directory = true},
		{.name = "B"},      {.name = "a"},     {.name = "z", .is_directory = true},
		{.name = "file10"}, {.name = "file9"},
	};
	static const char *const expected[] = {"a", "z", "B", "a", "b", "file10", "file9", "\xff"};

	http_listing_sort(entries, COUNT(entries));
	for (size_t i = 0; i < COUNT(entries); i++)
		assert_string_equal(entries[i].name, expected[i]);
	assert_true(entries[0].is_directory && entries[1].is_directory && !entries[2].is_directory);
	http_listing_sort(NULL, 0);
}

static void write_all(struct buffer *out, const struct http_listing *listing)
{
	for (size_t number = 0; number < listing->count + 2; number++)
		http_listing_piece(out, listing, number);
	assert_false(out->failed);
}

static char *html_of(const char *path, const struct http_entry *entries, size_t count)
{
	struct buffer out = {0};

	write_all(&out, &(struct http_listing){path, entries, count, .is_json = false});
	return out.data;
}

static void assert_has(const char *page, const char *text)
{
	if (!strstr(page, text))
		fail_msg("no %s in %s", text, page);
}

static void page_escapes(void **state)
{
	struct http_entry entry = {.name = "<b>&\"'\n\x80 %/x", .size = 1};
	char *page = html_of("a<b>/", &entry, 1);

	assert_has(page, "<title>/a&lt;b&gt;/</title>");
	assert_has(page, "<h1>/a&lt;b&gt;/</h1>");
	assert_has(page, "data-name=\"&lt;b&gt;&amp;&quot;&#39;\xef\xbf\xbd\xef\xbf\xbd %/x\"");
	assert_has(page, "href=\"%3Cb%3E%26%22%27%0A%80%20%25/x\"");
	assert_has(page, ">&lt;b&gt;&amp;&quot;&#39;\xef\xbf\xbd\xef\xbf\xbd %/x</a>");
	assert_null(strstr(page, "<b>"));
	free(page);
}

static void page_rows(void **state)
{
	struct http_entry entries[] = {
		{.name = "sub", .is_directory = true, .modified = 0},
		{.name = "a:b", .size = 1536, .modified = 1709251199},
	};
	char *page = html_of("x", entries, COUNT(entries));

	assert_has(page, "<h1>/x/</h1>");
	assert_has(page, "<a href=\"../\">");
	assert_has(page, "<p>1 directory, 1 file, <span title=\"1536 bytes\">1.5 KiB</span>");
	assert_has(page, "<tr data-directory=1 data-size=-1 data-date=0 data-name=\"sub\">");
	assert_has(page, "<a href=\"sub/\">sub/</a>");
	assert_has(page,
		   "<tr data-directory=0 data-size=1536 data-date=1709251199 data-name=\"a:b\">");
	assert_has(page, "<a href=\"a%3Ab\">a:b</a>");
	assert_has(page, "title=\"1536 bytes\">1.5 KiB");
	assert_has(page, "datetime=\"2024-02-29T23:59:59Z\"");
	assert_has(page, ">2024-02-29 23:59</time>");
	assert_has(page, "</script>\n");
	free(page);
}

static void page_of_the_root(void **state)
{
	char *page = html_of("", NULL, 0);

	assert_has(page, "<title>/</title>");
	assert_has(page, "0 directories, 0 files");
	assert_null(strstr(page, "../"));
	free(page);
}

static void page_asks_for_nothing(void **state)
{
	char *page = html_of("a/", NULL, 0);

	assert_null(strstr(page, "http:"));
	assert_null(strstr(page, "https:"));
	assert_null(strstr(page, "src="));
	assert_null(strstr(page, "@import"));
	free(page);
}

static void human_sizes(void **state)
{
	static const struct {
		uint64_t size;
		const char *text;
	} cases[] = {
		{0, ">0 B<"},
		{1, ">1 B<"},
		{1023, ">1023 B<"},
		{1024, ">1.0 KiB<"},
		{1048524, ">1023.9 KiB<"},
		{1048575, ">1.0 MiB<"},
		{1048576, ">1.0 MiB<"},
		{UINT64_C(107374182400), ">100.0 GiB<"},
		{UINT64_C(1) << 50, ">1.0 PiB<"},
		{UINT64_MAX, ">16.0 EiB<"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct http_entry entry = {.name = "a", .size = cases[i].size};
		char *page = html_of("", &entry, 1);

		assert_has(page, cases[i].text);
		free(page);
	}
}

static json_t *json_of(const char *path, const struct http_entry *entries, size_t count)
{
	struct buffer out = {0};
	json_error_t error;
	json_t *root;

	write_all(&out, &(struct http_listing){path, entries, count, .is_json = true});
	root = json_loadb(out.data, out.length, JSON_REJECT_DUPLICATES, &error);
	if (!root)
		fail_msg("%s in %s", error.text, out.data);
	buffer_free(&out);
	return root;
}

static const char *string_in(json_t *entry, const char *name)
{
	return json_string_value(json_object_get(entry, name));
}

static void json_entries(void **state)
{
	struct http_entry entries[] = {
		{.name = "sub", .is_directory = true, .modified = 0},
		{.name = "a\"\\\n\x01\xc3\xa4", .size = INT64_MAX, .modified = 1709251199},
	};
	json_t *root = json_of("x/y", entries, COUNT(entries));
	json_t *list = json_object_get(root, "entries");
	json_t *directory = json_array_get(list, 0), *file = json_array_get(list, 1);

	assert_string_equal(string_in(root, "path"), "/x/y/");
	assert_int_equal(json_array_size(list), 2);
	assert_string_equal(string_in(directory, "name"), "sub");
	assert_string_equal(string_in(directory, "href"), "sub/");
	assert_string_equal(string_in(directory, "type"), "folder");
	assert_string_equal(string_in(directory, "modified"), "1970-01-01T00:00:00Z");
	assert_null(json_object_get(directory, "size_bytes"));
	assert_string_equal(string_in(file, "name"), entries[1].name);
	assert_string_equal(string_in(file, "href"), "a%22%5C%0A%01%C3%A4");
	assert_string_equal(string_in(file, "type"), "file");
	assert_string_equal(string_in(file, "modified"), "2024-02-29T23:59:59Z");
	assert_int_equal(json_integer_value(json_object_get(file, "size_bytes")), INT64_MAX);
	json_decref(root);
}

static void json_paths(void **state)
{
	static const char *const cases[][2] = {{"", "/"}, {"a", "/a/"}, {"a/", "/a/"}};

	for (size_t i = 0; i < COUNT(cases); i++) {
		json_t *root = json_of(cases[i][0], NULL, 0);

		assert_string_equal(string_in(root, "path"), cases[i][1]);
		assert_int_equal(json_array_size(json_object_get(root, "entries")), 0);
		json_decref(root);
	}
}

/* Bytes that are not UTF-8: each gives one U+FFFD, and the link keeps them. */
static void names_that_are_not_utf8(void **state)
{
	static const struct {
		const char *name, *shown;
	} cases[] = {
		{"\x80", "\xef\xbf\xbd"},
		{"\xc3", "\xef\xbf\xbd"},
		{"\xc3(", "\xef\xbf\xbd("},
		{"\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd"},
		{"\xe0\x80\xaf", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
		{"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
		{"\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
		{"\xf5", "\xef\xbf\xbd"},
		{"\xe2\x82\xac", "\xe2\x82\xac"},
		{"\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80"},
		{"\xf0\x9f\x98", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct http_entry entry = {.name = strdup(cases[i].name)};
		json_t *root = json_of("", &entry, 1);

		assert_string_equal(
			string_in(json_array_get(json_object_get(root, "entries"), 0), "name"),
			cases[i].shown);
		json_decref(root);
		free(entry.name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sorting),
		cmocka_unit_test(page_escapes),
		cmocka_unit_test(page_rows),
		cmocka_unit_test(page_of_the_root),
		cmocka_unit_test(page_asks_for_nothing),
		cmocka_unit_test(human_sizes),
		cmocka_unit_test(json_entries),
		cmocka_unit_test(json_paths),
		cmocka_unit_test(names_that_are_not_utf8),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
