/* SPDX-License-Identifier: MIT */
/* What a name says about a file: by our own table, and by lists of the system that may hold
 * anything.
 */
#include "http/content-type.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define OCTETS       "application/octet-stream"
#define UTF8         "; charset=utf-8"

static void own_table(void **state)
{
	static const char *const cases[][2] = {
		{"a.txt", "text/plain" UTF8},
		{"a.TXT", "text/plain" UTF8},
		{"a/b.html", "text/html" UTF8},
		{"a.tar.gz", "application/gzip"},
		{"a.json", "application/json"},
		/* streaming */
		{"a.m3u8", "application/vnd.apple.mpegurl"},
		{"a.mpd", "application/dash+xml"},
		{"a.ts", "video/mp2t"},
		{"a.m4s", "video/iso.segment"},
		{"a.mp4", "video/mp4"},
		{"a.webm", "video/webm"},
		{"a.mkv", "video/matroska"},
		{"a.opus", "audio/ogg"},
		{"a.flac", "audio/flac"},
		{"a.vtt", "text/vtt" UTF8},
		/* the web */
		{"a.woff", "font/woff"},
		{"a.woff2", "font/woff2"},
		{"a.ttf", "font/ttf"},
		{"a.otf", "font/otf"},
		{"a.mjs", "text/javascript" UTF8},
		{"a.js.map", "application/json"},
		{"a.webmanifest", "application/manifest+json"},
		{"a.wasm", "application/wasm"},
		{"a.svg", "image/svg+xml"},
		{"a.avif", "image/avif"},
		{"a.webp", "image/webp"},
		{"a.jxl", "image/jxl"},
		{"a.md", "text/markdown" UTF8},
		{"a.toml", "application/toml"},
		{"a.yaml", "application/yaml"},
		/* data */
		{"a.geojson", "application/geo+json"},
		{"a.pmtiles", "application/vnd.pmtiles"},
		{"a.jsonl", "application/jsonl"},
		{"a.csv", "text/csv" UTF8},
		{"a.parquet", "application/vnd.apache.parquet"},
		{"a.arrow", "application/vnd.apache.arrow.file"},
		{"a.safetensors", OCTETS},
		{"a.gguf", OCTETS},
		{"a.onnx", OCTETS},
		{"a.npy", OCTETS},
		/* archives, packages, images of disks */
		{"a.zst", "application/zstd"},
		{"a.xz", "application/x-xz"},
		{"a.7z", "application/x-7z-compressed"},
		{"a.tar", "application/x-tar"},
		{"a.iso", "application/x-iso9660-image"},
		{"a.img", OCTETS},
		{"a.qcow2", "application/x-qemu-disk"},
		{"a.deb", "application/vnd.debian.binary-package"},
		{"a.rpm", "application/x-rpm"},
		{"a.apk", "application/vnd.android.package-archive"},
		/* the ends of the table, and no extension at all */
		{"a.3g2", "video/3gpp2"},
		{"a.unknown", OCTETS},
		{"a", OCTETS},
		{"a.", OCTETS},
		{".txt", OCTETS},
		{"a.txt/b", OCTETS},
		{"a.txt/.html", OCTETS},
		{"", OCTETS},
	};
	const struct media_types none = {0};

	for (size_t i = 0; i < COUNT(cases); i++)
		if (strcmp(http_content_type(&none, cases[i][0]), cases[i][1]) != 0)
			fail_msg("%s: %s", cases[i][0], http_content_type(&none, cases[i][0]));
}

static void add(struct media_types *types, const char *mime, const char *globs)
{
	*types = (struct media_types){0};
	media_types_add_mime(types, http_text_of(mime));
	media_types_add_globs(types, http_text_of(globs));
	media_types_sort(types);
}

struct found {
	const char *extension, *type; /* NULL: none */
};

static void check(const char *mime, const char *globs, const struct found *cases, size_t count)
{
	struct media_types types;

	add(&types, mime, globs);
	for (size_t i = 0; i < count; i++) {
		const char *type = media_types_find(&types, cases[i].extension);

		if (!type != !cases[i].type || (type && strcmp(type, cases[i].type) != 0))
			fail_msg("%s: %s", cases[i].extension, type);
	}
	media_types_free(&types);
}

static void mime_types(void **state)
{
	static const struct found cases[] = {
		{"one", "a/one"},
		{"eins", "a/one"},
		{"ONE", "a/one"},
		{"two", "a/two+x.y"},
		{"poem", "text/poem" UTF8},
		{"same", "a/one"},
		{"last", "a/last"},
		{"none", NULL},
		{"comment", NULL},
		{"behind", NULL},
		{"", NULL},
	};

	check("# a/b comment\n#a/c comment\n\n"
	      "a/one\t\t\tone eins same\r\n"
	      "a/nothing\n"
	      "  a/two+x.y two\t same # behind\n"
	      "text/poem poem\n"
	      "a/last last",
	      "", cases, COUNT(cases));
}

static void globs(void **state)
{
	static const struct found cases[] = {
		{"one", "a/one"},   {"two", "text/two" UTF8},
		{"mime", "a/mime"}, {"C", NULL},
		{"b.c", NULL},      {"c", NULL},
		{"d", NULL},        {"x", NULL},
	};

	check("a/mime mime\n",
	      "# comment\n80:a/one:*.one\n50:a/other:*.one\n50:a/glob:*.mime\n"
	      "50:text/two:*.two\n50:a/case:*.C:cs\n50:a/long:*.b.c\n50:a/name:makefile\n"
	      "50:a/set:*.[dx]\n50:a/all:*\n50:a/end:~*.d\n:a/none:*.d\nx:a/none:*.d\n50:none:*.d\n"
	      "50:a/b\n50:\n50\n:::\n",
	      cases, COUNT(cases));
}

static void what_would_break_a_head(void **state)
{
	static const struct found cases[] = {
		{"a", NULL}, {"b", NULL}, {"c", NULL}, {"d", NULL},        {"e", NULL},
		{"f", NULL}, {"g", NULL}, {"h", NULL}, {"good", "a/good"},
	};

	check("noslash a\na/ b\n/a c\na/b/c d\na/b;x=y e\na/\xc3\xbc f\na/\x01 g\na/b\rX:y h\n"
	      "a/good good\n",
	      "", cases, COUNT(cases));
}

static void long_ones(void **state)
{
	struct media_types types;
	char text[512];
	int length;

	length = snprintf(text, sizeof(text), "a/%0125d fits\na/%0126d not\na/b %032d %033d\n", 0,
			  0, 1, 2);
	add(&types, text, "");
	assert_true(length < (int)sizeof(text));
	assert_non_null(media_types_find(&types, "fits"));
	assert_null(media_types_find(&types, "not"));
	assert_int_equal(types.count, 2);
	media_types_free(&types);
}

static void too_many(void **state)
{
	size_t size = (MEDIA_TYPES_MAX + 100) * 16, used = 0;
	char *text = malloc(size);
	struct media_types types;

	for (unsigned i = 0; i < MEDIA_TYPES_MAX + 50; i++)
		used += (size_t)snprintf(text + used, size - used, "a/b e%u\n", i);
	add(&types, text, "");
	assert_int_equal(types.count, MEDIA_TYPES_MAX);
	assert_string_equal(media_types_find(&types, "e0"), "a/b");
	assert_null(media_types_find(&types, "e16400"));
	media_types_free(&types);
	free(text);
}

/* Seeded noise with what lines are made of in it; also, a text does not end in a NUL. */
static void garbage(void **state)
{
	static const char pieces[][8] = {"a/b", " ", "\n", "50:", ":*.", "x", "/", "#", "\r", ""};

	srand(7);
	for (unsigned round = 0; round < 2000; round++) {
		struct media_types types = {0};
		size_t length = 0;
		char *text = malloc(256);

		while (length < 200) {
			const char *piece = pieces[(unsigned)rand() % COUNT(pieces)];

			memcpy(text + length, piece, strlen(piece));
			length += strlen(piece);
			if (!*piece)
				text[length++] = (char)rand();
		}
		text = realloc(text, length);
		media_types_add_mime(&types, (struct http_text){text, length});
		media_types_add_globs(&types, (struct http_text){text, length});
		free(text);
		media_types_sort(&types);
		for (unsigned i = 0; i < types.count; i++)
			assert_non_null(
				media_types_find(&types, types.text.data + types.places[i]));
		media_types_free(&types);
	}
}

static void ours_come_first(void **state)
{
	struct media_types types;

	add(&types, "text/vnd.trolltech.linguist ts\na/ours ours\n", "");
	assert_string_equal(http_content_type(&types, "a.ts"), "video/mp2t");
	assert_string_equal(http_content_type(&types, "a.ours"), "a/ours");
	assert_string_equal(http_content_type(&types, "a.Ours"), "a/ours");
	assert_string_equal(http_content_type(&types, ".ours"), OCTETS);
	media_types_free(&types);
}

/* Whether there are lists here or not. */
static void this_system(void **state)
{
	struct media_types types = {0};

	media_types_read(&types);
	print_message("%u extensions\n", types.count);
	for (unsigned i = 1; i < types.count; i++)
		assert_true(strcasecmp(types.text.data + types.places[i - 1],
				       types.text.data + types.places[i]) < 0);
	media_types_free(&types);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(own_table),   cmocka_unit_test(mime_types),
		cmocka_unit_test(globs),       cmocka_unit_test(what_would_break_a_head),
		cmocka_unit_test(long_ones),   cmocka_unit_test(too_many),
		cmocka_unit_test(garbage),     cmocka_unit_test(ours_come_first),
		cmocka_unit_test(this_system),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
