/* SPDX-License-Identifier: MIT */
/* The fields of RFC 9530, the examples of its appendices among them. */
#include "http-text.h"

#include "http/digest-field.h"

#define EMPTY256 "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
#define WORLD256 "RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg="
#define WORLD512                                                                                   \
	"YMAam51Jz/jOATT6/zvHrLVgOYTGFy1d6GJiOHTohq4yP+pgk4vf2aCsyRZOtw8MjkM7iw7yZ/WkppmM44T3qg=="

static void found(void **state)
{
	static const struct {
		const char *field;
		const struct hash_algorithm *algorithm;
		const char *code; /* NULL: none */
	} rows[] = {
		{"sha-256=:" WORLD256 ":", &hash_sha256, WORLD256},
		{"sha-256=:" WORLD256 ":", &hash_sha512, NULL},
		{"sha-256=:" WORLD256 ":", &hash_blake2b, NULL},
		{"sha-512=:" WORLD512 ":", &hash_sha512, WORLD512},
		{"sha-256=:" WORLD256 ":,\tsha-512=:" WORLD512 ":", &hash_sha512, WORLD512},
		{"md5=:AAAA:, sha-256=:" WORLD256 ":;a=1;b", &hash_sha256, WORLD256},
		{"sha-256=:" EMPTY256 ":, sha-256=:" WORLD256 ":", &hash_sha256, WORLD256},
		{"a, b=(1 2), sha-256=:" EMPTY256 ":", &hash_sha256, EMPTY256},
		{"sha-256=" WORLD256, &hash_sha256, NULL},
		{"sha-256=:" WORLD256, &hash_sha256, NULL},
		{"sha-256=::", &hash_sha256, NULL},
		{"sha-256=:AAAA:", &hash_sha256, NULL},
		{"sha-256=:R*/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:", &hash_sha256, NULL},
		{"sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDgA:", &hash_sha256, NULL},
		{"sha-256=: K/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:", &hash_sha256, NULL},
		{"sha-256", &hash_sha256, NULL},
		{"=", &hash_sha256, NULL},
		{"", &hash_sha256, NULL},
		{NULL, &hash_sha256, NULL},
	};
	char code[HASH_BASE64];

	for (size_t i = 0; i < COUNT(rows); i++) {
		size_t length = rows[i].field ? strlen(rows[i].field) : 0;
		char *copy = exact_copy(rows[i].field ? rows[i].field : "", length);
		struct http_text field = {rows[i].field ? copy : NULL, length};
		struct digest digest;
		bool is_there = http_digest_find(field, rows[i].algorithm, &digest);

		if (is_there != (rows[i].code != NULL) ||
		    (is_there && strcmp(digest_to_base64(&digest, code), rows[i].code) != 0))
			fail_msg("%s", rows[i].field);
		free(copy);
	}
}

static void wanted(void **state)
{
	static const struct {
		const char *want;
		bool is_wanted;
	} rows[] = {
		{"sha-256=1", true},    {"sha-512=3, sha-256=10, unixsum=0", true},
		{"sha-256=10;a", true}, {"sha-256=0", false},
		{"sha-256=11", false},  {"sha-256=-1", false},
		{"sha-256=x", false},   {"sha-256", false},
		{"sha-512=3", false},   {"", false},
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		if (http_digest_is_wanted(http_text_of(rows[i].want), &hash_sha256) !=
		    rows[i].is_wanted)
			fail_msg("%s", rows[i].want);
}

static void written(void **state)
{
	struct buffer head = {0};
	struct digest digest;

	assert_int_equal(hash_all(&hash_sha256, "", 0, &digest), 0);
	http_digest_write(&head, &digest);
	assert_string_equal(head.data, "Repr-Digest: sha-256=:" EMPTY256 ":\r\n");
	buffer_free(&head);
	assert_int_equal(hash_all(&hash_sha256, "{\"hello\": \"world\"}\n", 19, &digest), 0);
	http_digest_write(&head, &digest);
	assert_string_equal(head.data, "Repr-Digest: sha-256=:" WORLD256 ":\r\n");
	buffer_free(&head);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(found),
		cmocka_unit_test(wanted),
		cmocka_unit_test(written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
