/* SPDX-License-Identifier: MIT */
#include "base/error.h"

#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { WHOLE = 40 << 10 }; /* a sentence with a URL and a path in it */

/* glibc's strerror_r returns the words; POSIX's, which musl has, fills the place with them. */
static const char *words_returned(const char *returned, const char *place)
{
	return returned;
}

static const char *words_placed(int code, const char *place)
{
	return place;
}

const char *error_words(int code, char words[ERROR_WORDS])
{
	snprintf(words, ERROR_WORDS, "error %d", code);
	return _Generic(strerror_r(code, words, ERROR_WORDS),
		char *: words_returned,
		int: words_placed)(strerror_r(code, words, ERROR_WORDS), words);
}

static void fill(struct sluice_error *error, int code, char *whole)
{
	error->code = code;
	snprintf(error->text, sizeof(error->text), "%s", text_fit(whole, sizeof(error->text)));
}

int error_set(struct sluice_error *error, int code, const char *format, ...)
{
	if (error) {
		va_list args;
		char whole[WHOLE];

		va_start(args, format);
		vsnprintf(whole, sizeof(whole), format, args);
		va_end(args);
		fill(error, code, whole);
	}
	return -code;
}

int error_set_errno(struct sluice_error *error, int code, const char *format, ...)
{
	if (error) {
		va_list args;
		char whole[WHOLE + ERROR_WORDS], words[ERROR_WORDS];
		size_t used;

		va_start(args, format);
		vsnprintf(whole, WHOLE, format, args);
		va_end(args);
		used = strlen(whole);
		snprintf(whole + used, sizeof(whole) - used, ": %s", error_words(code, words));
		fill(error, code, whole);
	}
	return -code;
}

void error_append(struct sluice_error *error, const char *format, ...)
{
	va_list args;
	char whole[WHOLE];
	size_t used;

	if (!error)
		return;
	used = (size_t)snprintf(whole, sizeof(whole), "%s", error->text);
	va_start(args, format);
	vsnprintf(whole + used, sizeof(whole) - used, format, args);
	va_end(args);
	fill(error, error->code, whole);
}
