/* SPDX-License-Identifier: MIT */
/* What a server says beside an error: the words of it, and nothing of what is no text. */
#include "http-text.h"

#include "http/markup.h"

static void types(void **state)
{
	static const struct {
		const char *type;
		bool is_text;
	} cases[] = {
		{"text/plain", true},
		{"TEXT/html", true},
		{"application/json", true},
		{"application/problem+json ", true},
		{"application/xml", true},
		{"application/atom+xml", true},
		{"", true},
		{"image/png", false},
		{"image/svg+xml", true},
		{"application/octet-stream", false},
		{"application/gzip", false},
		{"application/jsonx", false},
		{"json", false},
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		if (http_markup_is_text(http_text_of(cases[i].type)) != cases[i].is_text)
			fail_msg("not %d: %s", cases[i].is_text, cases[i].type);
}

static void words(void **state)
{
	static const struct {
		const char *body, *words;
	} cases[] = {
		{"", ""},
		{" \r\n\t", ""},
		{"Not here.\n", "Not here."},
		{"two\r\n\r\n  lines\n", "two lines"},
		{"\xef\xbb\xbf"
		 "marked",
		 "marked"},
		{"{\"error\": {\"code\": 404,\n  \"message\": \"no such <key>\"}}",
		 "{\"error\": {\"code\": 404, \"message\": \"no such \"}}"},
		{"<?xml version=\"1.0\"?>\n<Error><Code>AccessDenied</Code><Message>Request has "
		 "expired</Message></Error>",
		 "AccessDenied Request has expired"},
		{"<!DOCTYPE html><HTML><head><title>403</title><style>p > b {}</style>\n"
		 "<SCRIPT>if (a < b) x = '<p>';</SCRIPT ><!-- <p>not this</p> --></head>"
		 "<body><h1>No</h1><p class='>'>Sorry &amp; &lt;bye&gt;&nbsp;&#39;&quot;&apos;</p>",
		 "403 No '>Sorry & <bye> '\"'"},
		{"1 < 2 & 3 <", "1 < 2 & 3 <"},
		{"cut <p", "cut"},
		{"cut <!-- off", "cut"},
		{"cut <script>x", "cut"},
		{"&am", "&am"},
		{"a red \x1b[31mword", "a red \x1b[31mword"}, /* whoever prints it escapes it */
		{"gr\xfc\xdf"
		 "e in Latin-1, umlauts and all",
		 "gr\xfc\xdf"
		 "e in Latin-1, umlauts and all"},
		{"\x1f\x8b\x08\x03", ""},
		{"\x89PNG\r\n\x1a\n\x01\x02", ""},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		size_t length = strlen(cases[i].body);
		char *copy = exact_copy(cases[i].body, length), out[256];

		http_markup_words((struct http_text){copy, length}, out, sizeof(out));
		free(copy);
		if (strcmp(out, cases[i].words) != 0)
			fail_msg("\"%s\" for: %s", out, cases[i].body);
	}
}

static void a_nul_is_in_no_text(void **state)
{
	char out[64];

	http_markup_words((struct http_text){"text\0text", 9}, out, sizeof(out));
	assert_string_equal(out, "");
}

static void long_words_are_cut(void **state)
{
	static const char *const texts[] = {
		"0123456789", "0 1 2 3 4 5 6 7 8 9",
		"\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac"};

	for (size_t i = 0; i < COUNT(texts); i++)
		for (size_t size = 8; size < 24; size++) {
			char *out = malloc(size);

			assert_non_null(out);
			http_markup_words(http_text_of(texts[i]), out, size);
			assert_true(strlen(out) < size);
			if (strlen(out) < strlen(texts[i]))
				assert_string_equal(out + strlen(out) - 3, "...");
			/* no half character */
			if (i == 2)
				assert_int_equal((strlen(out) - (strchr(out, '.') ? 3 : 0)) % 3, 0);
			free(out);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(types),
		cmocka_unit_test(words),
		cmocka_unit_test(a_nul_is_in_no_text),
		cmocka_unit_test(long_words_are_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
