/* SPDX-License-Identifier: MIT */
/* What the tests of messages share: input that ends where it ends, and texts compared. */
#ifndef SLUICE_TESTS_HTTP_TEXT_H
#define SLUICE_TESTS_HTTP_TEXT_H

#include "http/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Copied to the heap, so that AddressSanitizer sees a read past the end. */
static inline char *exact_copy(const char *text, size_t length)
{
	char *copy = malloc(length ? length : 1);

	assert_non_null(copy);
	memcpy(copy, text, length);
	return copy;
}

static inline void assert_text(struct http_text text, const char *expected)
{
	if (!http_text_is(text, expected))
		fail_msg("\"%.*s\" is not \"%s\"", (int)text.length, text.data ? text.data : "",
			 expected);
}

#endif
