/* SPDX-License-Identifier: MIT */
/*
 * The lines of sha256sum, sha512sum and b2sum: "DIGEST  NAME", "DIGEST *NAME", and with --tag
 * "SHA256 (NAME) = DIGEST", BSD's and OpenSSL's spelling included. A line that begins with a
 * backslash has a name in which \\, \n and \r stand for what else would end or change it. Pure.
 */
#ifndef SLUICE_DIGEST_SUMS_H
#define SLUICE_DIGEST_SUMS_H

#include "base/buffer.h"
#include "digest/hash.h"

struct sums_line {
	struct digest digest;
	char *name; /* to be freed */
};

/*
 * One line, without its '\n'. algorithm: what it must be; NULL: whatever the tag says or, without
 * one, what has digests of this length, where SHA-512 goes before BLAKE2b. 1; 0: it is blank or a
 * comment; -EINVAL: it is no such line; -ENOMEM.
 */
int sums_parse(const char *line, size_t length, const struct hash_algorithm *algorithm,
	       struct sums_line *out);

/* The name as sha256sum prints it, with `\` in front of the whole line where it has to be. */
bool sums_has_to_escape(const char *name);
void sums_name(struct buffer *out, const char *name);
/* "DIGEST  NAME\n" */
void sums_format(struct buffer *out, const struct digest *digest, const char *name);

#endif
