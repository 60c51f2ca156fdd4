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
/* The same of lines in memory, whose last may lack its '\n'. */
int sums_parse_all(struct sums *sums, const char *text, size_t length,
		   const struct hash_algorithm *algorithm, const struct hash_algorithm *first);
/*
 * The line of this file: of that name or, where there is none, the only one whose name ends in
 * it behind a slash. NULL: there is none, or several that differ.
 */
const struct sums_line *sums_find(const struct sums *sums, const char *name);
void sums_free(struct sums *sums);

#endif
