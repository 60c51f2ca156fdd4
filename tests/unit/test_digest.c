/* SPDX-License-Identifier: MIT */
/* Digests by the vectors of FIPS 180-4 and RFC 7693; the lines of sha256sum as a table. */
#include "digest/hash.h"
#include "digest/sums.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ABC256   "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define EMPTY256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define ABC512                                                                                     \
	"ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"                         \
	"2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"
#define ABC2B                                                                                      \
	"ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d1"                         \
	"7d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923"

static void test_vectors(void **state)
{
	static const struct {
		const struct hash_algorithm *algorithm;
		const char *text, *hex;
	} rows[] = {
		{&hash_sha256, "", EMPTY256},
		{&hash_sha256, "abc", ABC256},
		{&hash_sha256, "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		 "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
		{&hash_sha512, "abc", ABC512},
		{&hash_blake2b, "abc", ABC2B},
	};
	struct digest digest;
	char hex[HASH_HEX];

	for (size_t row = 0; row < sizeof(rows) / sizeof(*rows); row++) {
		assert_int_equal(hash_all(rows[row].algorithm, rows[row].text,
					  strlen(rows[row].text), &digest),
				 0);
		assert_string_equal(digest_to_hex(&digest, hex), rows[row].hex);
	}
}

static void test_pieces_of_any_length_are_one_message(void **state)
{
	static char data[100000];
	struct digest whole, pieces;
	struct hash *hash;

	memset(data, 'a', sizeof(data));
	for (const struct hash_algorithm *const *at = hash_algorithms; *at; at++) {
		assert_int_equal(hash_all(*at, data, sizeof(data), &whole), 0);
		assert_int_equal(hash_open(&hash, *at), 0);
		for (size_t from = 0, length = 0; from < sizeof(data); from += length++) {
			if (length > sizeof(data) - from)
				length = sizeof(data) - from;
			hash_add(hash, data + from, length);
		}
		assert_int_equal(hash_end(hash, &pieces), 0);
		hash_close(hash);
		assert_true(digest_equal(&whole, &pieces));
		assert_ptr_equal(hash_find((*at)->name), *at);
	}
	assert_null(hash_find("md5"));
}

static void test_digests_as_text(void **state)
{
	struct digest digest, other;
	char hex[HASH_HEX];

	assert_true(digest_from_hex(&digest, &hash_sha256, ABC256, 64));
	assert_string_equal(digest_to_hex(&digest, hex), ABC256);
	for (char *at = hex; *at; at++)
		*at = *at >= 'a' ? (char)(*at - 'a' + 'A') : *at;
	assert_true(digest_from_hex(&other, &hash_sha256, hex, 64));
	assert_true(digest_equal(&digest, &other));
	hex[63] = 'g';
	assert_false(digest_from_hex(&other, &hash_sha256, hex, 64));
	assert_false(digest_from_hex(&other, &hash_sha256, ABC256, 63));
	assert_false(digest_from_hex(&other, &hash_sha512, ABC256, 64));
	/* The same bytes of another algorithm are another digest, and none is not one. */
	assert_true(digest_from_hex(&digest, &hash_sha512, ABC512, 128));
	assert_true(digest_from_hex(&other, &hash_blake2b, ABC512, 128));
	assert_false(digest_equal(&digest, &other));
	digest.algorithm = other.algorithm = NULL;
	assert_false(digest_equal(&digest, &other));
}

static const struct {
	const char *line;
	const struct hash_algorithm *wanted; /* NULL: any */
	int result;
	const struct hash_algorithm *algorithm;
	const char *name;
} lines[] = {
	{ABC256 "  a file", NULL, 1, &hash_sha256, "a file"},
	{ABC256 " *a file", NULL, 1, &hash_sha256, "a file"},
	{ABC256 "   two blanks", NULL, 1, &hash_sha256, " two blanks"},
	{ABC256 "  *", NULL, 1, &hash_sha256, "*"},
	{ABC256 "  a\r", NULL, 1, &hash_sha256, "a"},
	{ABC256 " a", NULL, 1, &hash_sha256, "a"},
	{ABC256 "\t a", NULL, 1, &hash_sha256, "a"},
	{" \t" ABC256 "  a", NULL, 1, &hash_sha256, "a"},
	{"\\" ABC256 "  a\\\\b\\nc\\rd", NULL, 1, &hash_sha256, "a\\b\nc\rd"},
	{ABC256 "  a\\nb", NULL, 1, &hash_sha256, "a\\nb"},
	{"\\" ABC256 "  a\\tb", NULL, -EINVAL, NULL, NULL},
	{"\\" ABC256 "  a\\", NULL, -EINVAL, NULL, NULL},
	{ABC512 "  a", NULL, 1, &hash_sha512, "a"},
	{ABC2B "  a", &hash_blake2b, 1, &hash_blake2b, "a"},
	{ABC512 "  a", &hash_sha256, -EINVAL, NULL, NULL},
	{ABC256 "  a", &hash_sha512, -EINVAL, NULL, NULL},
	{ABC256 "0  a", NULL, -EINVAL, NULL, NULL},
	{ABC256 "  ", NULL, 1, &hash_sha256, " "},
	{ABC256 " ", NULL, -EINVAL, NULL, NULL},
	{ABC256, NULL, -EINVAL, NULL, NULL},
	{"xyz  a", NULL, -EINVAL, NULL, NULL},
	{"", NULL, 0, NULL, NULL},
	{"\r", NULL, 0, NULL, NULL},
	{"# a comment", NULL, 0, NULL, NULL},
	{"SHA256 (a) = " ABC256, NULL, 1, &hash_sha256, "a"},
	{"SHA256 (a (b) = c) = " ABC256, NULL, 1, &hash_sha256, "a (b) = c"},
	{"SHA256(a)= " ABC256, NULL, 1, &hash_sha256, "a"},
	{"\\SHA256 (a\\nb) = " ABC256, NULL, 1, &hash_sha256, "a\nb"},
	{"SHA512 (a) = " ABC512, NULL, 1, &hash_sha512, "a"},
	{"BLAKE2b (a) = " ABC2B, NULL, 1, &hash_blake2b, "a"},
	{"BLAKE2b-256 (a) = " ABC256, NULL, -EINVAL, NULL, NULL},
	{"SHA256 (a) = " ABC512, NULL, -EINVAL, NULL, NULL},
	{"SHA256 (a)  " ABC256, NULL, -EINVAL, NULL, NULL},
	{"SHA256 () = " ABC256, NULL, -EINVAL, NULL, NULL},
	{"SHA256 (a) = ", NULL, -EINVAL, NULL, NULL},
	{"SHA256 = " ABC256, NULL, -EINVAL, NULL, NULL},
	{"SHA512 (a) = " ABC512, &hash_sha256, -EINVAL, NULL, NULL},
};

static void test_lines(void **state)
{
	for (size_t row = 0; row < sizeof(lines) / sizeof(*lines); row++) {
		size_t length = strlen(lines[row].line);
		char *exact = malloc(length + 1);
		struct sums_line line = {0};

		memcpy(exact, lines[row].line, length + 1);
		assert_int_equal(sums_parse(exact, length, lines[row].wanted, &line),
				 lines[row].result);
		if (lines[row].result == 1) {
			assert_string_equal(line.name, lines[row].name);
			assert_ptr_equal(line.digest.algorithm, lines[row].algorithm);
		}
		free(line.name);
		free(exact);
	}
}

static void test_what_is_printed_is_parsed(void **state)
{
	static const char *const names[] = {"a",        " a ",     "*a",          "\\",
					    "a\nb\r\\", "(a) = b", "\xff\xc3\xa4"};
	struct digest digest;

	assert_true(digest_from_hex(&digest, &hash_sha256, ABC256, 64));
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		struct buffer text = {0};
		struct sums_line line;

		sums_format(&text, &digest, names[i]);
		assert_false(text.failed);
		assert_int_equal(text.data[text.length - 1], '\n');
		assert_int_equal(sums_parse(text.data, text.length - 1, NULL, &line), 1);
		assert_string_equal(line.name, names[i]);
		assert_true(digest_equal(&line.digest, &digest));
		free(line.name);
		buffer_free(&text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_pieces_of_any_length_are_one_message),
		cmocka_unit_test(test_digests_as_text),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_what_is_printed_is_parsed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
