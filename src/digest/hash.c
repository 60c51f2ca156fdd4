/* SPDX-License-Identifier: MIT */
#include "digest/hash.h"

#include <ctype.h>
#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

const struct hash_algorithm hash_sha256 = {"sha256", "SHA256", "sha-256", "SHA2-256", 32};
const struct hash_algorithm hash_sha512 = {"sha512", "SHA512", "sha-512", "SHA2-512", 64};
const struct hash_algorithm hash_blake2b = {"blake2b", "BLAKE2b", NULL, "BLAKE2B-512", 64};

const struct hash_algorithm *const hash_algorithms[] = {&hash_sha256, &hash_sha512, &hash_blake2b,
							NULL};

struct hash {
	const struct hash_algorithm *algorithm;
	EVP_MD *kind;
	EVP_MD_CTX *context;
	bool has_failed;
};

const struct hash_algorithm *hash_find(const char *name)
{
	for (const struct hash_algorithm *const *at = hash_algorithms; *at; at++)
		if (strcmp((*at)->name, name) == 0)
			return *at;
	return NULL;
}

bool digest_equal(const struct digest *one, const struct digest *other)
{
	return one->algorithm && one->algorithm == other->algorithm &&
	       memcmp(one->bytes, other->bytes, one->algorithm->size) == 0;
}

char *digest_to_hex(const struct digest *digest, char text[HASH_HEX])
{
	static const char digits[] = "0123456789abcdef";
	size_t size = digest->algorithm->size;

	for (size_t i = 0; i < size; i++) {
		text[2 * i] = digits[digest->bytes[i] >> 4];
		text[2 * i + 1] = digits[digest->bytes[i] & 15];
	}
	text[2 * size] = '\0';
	return text;
}

static unsigned value_of(char digit)
{
	return isdigit((unsigned char)digit) ? (unsigned)(digit - '0')
					     : (unsigned)(tolower((unsigned char)digit) - 'a') + 10;
}

int digest_refuse(const struct digest *digest, const struct digest *expected,
		  struct sluice_error *error)
{
	char is[HASH_HEX], wanted[HASH_HEX];

	return error_set(error, EBADMSG, "the %s digest is %s, and %s was expected",
			 digest->algorithm->name, digest_to_hex(digest, is),
			 digest_to_hex(expected, wanted));
}

bool digest_from_hex(struct digest *digest, const struct hash_algorithm *algorithm,
		     const char *text, size_t length)
{
	if (length != 2 * algorithm->size)
		return false;
	for (size_t i = 0; i < length; i++)
		if (!isxdigit((unsigned char)text[i]))
			return false;
	digest->algorithm = algorithm;
	for (size_t i = 0; i < algorithm->size; i++)
		digest->bytes[i] =
			(unsigned char)(value_of(text[2 * i]) << 4 | value_of(text[2 * i + 1]));
	return true;
}

char *digest_to_base64(const struct digest *digest, char text[HASH_BASE64])
{
	EVP_EncodeBlock((unsigned char *)text, digest->bytes, (int)digest->algorithm->size);
	return text;
}

/* What is not just as it would be written is not taken. */
bool digest_from_base64(struct digest *digest, const struct hash_algorithm *algorithm,
			const char *text, size_t length)
{
	unsigned char bytes[HASH_BASE64];
	char again[HASH_BASE64];

	if (length != (algorithm->size + 2) / 3 * 4 ||
	    EVP_DecodeBlock(bytes, (const unsigned char *)text, (int)length) < 0)
		return false;
	digest->algorithm = algorithm;
	memcpy(digest->bytes, bytes, algorithm->size);
	return memcmp(digest_to_base64(digest, again), text, length) == 0;
}

bool digest_parse(struct digest *digest, const char *text)
{
	for (const struct hash_algorithm *const *at = hash_algorithms; *at; at++) {
		size_t length = strlen((*at)->name);
		const char *digits = text;

		if (strncmp(text, (*at)->name, length) == 0 && text[length] == ':')
			digits += length + 1;
		if (digest_from_hex(digest, *at, digits, strlen(digits)))
			return true;
	}
	return false;
}

int hash_open(struct hash **out, const struct hash_algorithm *algorithm)
{
	struct hash *hash = calloc(1, sizeof(*hash));

	if (!hash)
		return -ENOMEM;
	hash->algorithm = algorithm;
	hash->kind = EVP_MD_fetch(NULL, algorithm->evp, NULL);
	hash->context = EVP_MD_CTX_new();
	if (!hash->kind || !hash->context ||
	    EVP_DigestInit_ex2(hash->context, hash->kind, NULL) != 1) {
		hash_close(hash);
		return -EOPNOTSUPP;
	}
	*out = hash;
	return 0;
}

void hash_add(struct hash *hash, const void *data, size_t length)
{
	if (EVP_DigestUpdate(hash->context, data, length) != 1)
		hash->has_failed = true;
}

int hash_end(struct hash *hash, struct digest *digest)
{
	digest->algorithm = hash->algorithm;
	if (hash->has_failed || EVP_DigestFinal_ex(hash->context, digest->bytes, NULL) != 1)
		return -EIO;
	return 0;
}

void hash_close(struct hash *hash)
{
	if (!hash)
		return;
	EVP_MD_CTX_free(hash->context);
	EVP_MD_free(hash->kind);
	free(hash);
}

int hash_all(const struct hash_algorithm *algorithm, const void *data, size_t length,
	     struct digest *digest)
{
	struct hash *hash;
	int result = hash_open(&hash, algorithm);

	if (result < 0)
		return result;
	hash_add(hash, data, length);
	result = hash_end(hash, digest);
	hash_close(hash);
	return result;
}
