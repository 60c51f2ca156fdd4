/* SPDX-License-Identifier: MIT */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void fill(struct sluice_error *error, int code, const char *format, va_list args)
{
	error->code = code;
	vsnprintf(error->text, sizeof(error->text), format, args);
}

int error_set(struct sluice_error *error, int code, const char *format, ...)
{
	if (error) {
		va_list args;

		va_start(args, format);
		fill(error, code, format, args);
		va_end(args);
	}
	return -code;
}

int error_set_errno(struct sluice_error *error, int code, const char *format, ...)
{
	if (error) {
		va_list args;
		char words[64];
		size_t used;

		va_start(args, format);
		fill(error, code, format, args);
		va_end(args);
		used = strlen(error->text);
		snprintf(error->text + used, sizeof(error->text) - used, ": %s",
			 strerror_r(code, words, sizeof(words)));
	}
	return -code;
}
