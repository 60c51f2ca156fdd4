/* SPDX-License-Identifier: MIT */
#include "base/error.h"

#include "base/text.h"

#include <errno.h>
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

static enum sluice_error_kind kind_of(int code)
{
	static const struct {
		int code;
		enum sluice_error_kind kind;
	} kinds[] = {
		{EINVAL, SLUICE_ERROR_USAGE},         {E2BIG, SLUICE_ERROR_USAGE},
		{EACCES, SLUICE_ERROR_FILE},          {EPERM, SLUICE_ERROR_FILE},
		{ENOENT, SLUICE_ERROR_FILE},          {EEXIST, SLUICE_ERROR_FILE},
		{EISDIR, SLUICE_ERROR_FILE},          {ENOTDIR, SLUICE_ERROR_FILE},
		{EROFS, SLUICE_ERROR_FILE},           {EIO, SLUICE_ERROR_FILE},
		{ELOOP, SLUICE_ERROR_FILE},           {ENAMETOOLONG, SLUICE_ERROR_FILE},
		{ENOSPC, SLUICE_ERROR_SPACE},         {EDQUOT, SLUICE_ERROR_SPACE},
		{EBUSY, SLUICE_ERROR_BUSY},           {EOPNOTSUPP, SLUICE_ERROR_UNSUPPORTED},
		{EHOSTUNREACH, SLUICE_ERROR_NETWORK}, {ENETUNREACH, SLUICE_ERROR_NETWORK},
		{ENETDOWN, SLUICE_ERROR_NETWORK},     {ECONNREFUSED, SLUICE_ERROR_NETWORK},
		{ECONNRESET, SLUICE_ERROR_NETWORK},   {ECONNABORTED, SLUICE_ERROR_NETWORK},
		{ENOTCONN, SLUICE_ERROR_NETWORK},     {EPIPE, SLUICE_ERROR_NETWORK},
		{EADDRINUSE, SLUICE_ERROR_NETWORK},   {EADDRNOTAVAIL, SLUICE_ERROR_NETWORK},
		{EKEYREJECTED, SLUICE_ERROR_TRUST},   {ETIMEDOUT, SLUICE_ERROR_TIMEOUT},
		{EPROTO, SLUICE_ERROR_PROTOCOL},      {EMSGSIZE, SLUICE_ERROR_PROTOCOL},
		{ENODATA, SLUICE_ERROR_ENDED},        {ESTALE, SLUICE_ERROR_CHANGED},
		{EFBIG, SLUICE_ERROR_LIMIT},          {ECANCELED, SLUICE_ERROR_CANCELLED},
		{EBADMSG, SLUICE_ERROR_DIGEST},
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (kinds[i].code == code)
			return kinds[i].kind;
	return SLUICE_ERROR_SYSTEM;
}

static void fill_text(struct sluice_error *error, char *whole)
{
	snprintf(error->text, sizeof(error->text), "%s", text_fit(whole, sizeof(error->text)));
}

static void fill(struct sluice_error *error, int code, char *whole)
{
	*error = (struct sluice_error){.code = code, .kind = kind_of(code)};
	fill_text(error, whole);
}

int error_as(struct sluice_error *error, enum sluice_error_kind kind, int result)
{
	if (error)
		error->kind = kind;
	return result;
}

int error_as_http(struct sluice_error *error, unsigned status, int result)
{
	if (error)
		error->http_status = status;
	return error_as(error, SLUICE_ERROR_HTTP, result);
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
	fill_text(error, whole);
}
