/* SPDX-License-Identifier: MIT */
/* What the fuzzers share: a check that stays in every build, unlike assert(3). */
#ifndef SLUICE_TESTS_FUZZ_H
#define SLUICE_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition))                                                                  \
			abort();                                                                   \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Exactly as long as it is said to be, so that AddressSanitizer sees a read past the end. */
static inline char *exact_copy(const void *data, size_t length)
{
	char *copy = malloc(length ? length : 1);

	CHECK(copy);
	if (length)
		memcpy(copy, data, length);
	return copy;
}

#endif
