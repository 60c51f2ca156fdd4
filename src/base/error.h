/* SPDX-License-Identifier: MIT */
/*
 * Errors are filled where they happen, into the caller's buffer, without allocation. A sentence
 * that is longer than the buffer loses the middle of the names in it (text_fit), so that a caller
 * quotes a name as it is and the reason is never cut off. Its kind follows from the errno value,
 * unless the place knows better.
 */
#ifndef SLUICE_BASE_ERROR_H
#define SLUICE_BASE_ERROR_H

#include "sluice.h"

#define ERROR_WORDS 128

/* The system's words for code, in any thread. Returns them; they may or may not be in `words`. */
const char *error_words(int code, char words[ERROR_WORDS]);

/* Fills error (which may be NULL) and returns -code, so that a failing call is one statement. */
int error_set(struct sluice_error *error, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Like error_set, with ": <the system's words for code>" appended. */
int error_set_errno(struct sluice_error *error, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * What error_set has filled in is of another kind than its errno value says, or is an answer's.
 * Return result, so that this is one statement with it.
 */
int error_as(struct sluice_error *error, enum sluice_error_kind kind, int result);
int error_as_http(struct sluice_error *error, unsigned status, int result);

/* Adds to the sentence that is there. */
void error_append(struct sluice_error *error, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
