/* SPDX-License-Identifier: MIT */
/* A file of lines as sha256sum prints them. */
#ifndef SLUICE_DIGEST_SUMS_FILE_H
#define SLUICE_DIGEST_SUMS_FILE_H

#include "digest/sums.h"

struct sums {
	size_t count, bad; /* lines that were understood; and that are no such lines */
	struct sums_line *lines;
};

/*
 * "-" is standard input. Lines of 128 digits without a tag are of b2sum where algorithm says so or,
 * algorithm being NULL, the file's name has "b2" or "blake2" in it, and else of sha512sum. Blocks.
 * What is there is freed by sums_free, after a failure too.
 */
int sums_read(struct sums *sums, const char *file, const struct hash_algorithm *algorithm);
void sums_free(struct sums *sums);

#endif
