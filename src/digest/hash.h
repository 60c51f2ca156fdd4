/* SPDX-License-Identifier: MIT */
/*
 * Digests that an attacker cannot imitate, computed by OpenSSL's libcrypto, which uses what the CPU
 * has for it. Any number of hashes may be under way, each in one thread at a time.
 */
#ifndef SLUICE_DIGEST_HASH_H
#define SLUICE_DIGEST_HASH_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

enum { HASH_SIZE_MAX = 64, HASH_HEX = 2 * HASH_SIZE_MAX + 1, HASH_BASE64 = 92 };

struct hash_algorithm {
	const char *name;  /* sha256 */
	const char *tag;   /* SHA256, as in the lines of sha256sum --tag */
	const char *field; /* sha-256, as in HTTP (RFC 9530); NULL: it has no name there */
	const char *evp;   /* libcrypto's */
	size_t size;
};

extern const struct hash_algorithm hash_sha256, hash_sha512, hash_blake2b;
extern const struct hash_algorithm *const hash_algorithms[]; /* all of them, ended by NULL */

/* NULL: none has this name. */
const struct hash_algorithm *hash_find(const char *name);

struct digest {
	const struct hash_algorithm *algorithm; /* NULL: there is no digest */
	unsigned char bytes[HASH_SIZE_MAX];
};

bool digest_equal(const struct digest *one, const struct digest *other);
/* Says that it is not the one that was expected: -EBADMSG. */
int digest_refuse(const struct digest *digest, const struct digest *expected,
		  struct sluice_error *error);
/* Lower case; returns text. */
char *digest_to_hex(const struct digest *digest, char text[HASH_HEX]);
/* Whether these are as many hexadecimal digits as the algorithm's digests have. */
bool digest_from_hex(struct digest *digest, const struct hash_algorithm *algorithm,
		     const char *text, size_t length);

char *digest_to_base64(const struct digest *digest, char text[HASH_BASE64]); /* returns text */
bool digest_from_base64(struct digest *digest, const struct hash_algorithm *algorithm,
			const char *text, size_t length);
/* "sha256:" and digits; or the digits alone of SHA-256 (64) or SHA-512 (128). */
bool digest_parse(struct digest *digest, const char *text);

struct hash;

/* -ENOMEM, or -EOPNOTSUPP where libcrypto has been told not to offer this algorithm. */
int hash_open(struct hash **hash, const struct hash_algorithm *algorithm);
void hash_add(struct hash *hash, const void *data, size_t length);
/* Of all that was added; once. 0 or -EIO. */
int hash_end(struct hash *hash, struct digest *digest);
void hash_close(struct hash *hash); /* NULL is allowed */

/* Of data in one piece. */
int hash_all(const struct hash_algorithm *algorithm, const void *data, size_t length,
	     struct digest *digest);

#endif
