/* SPDX-License-Identifier: MIT */
/* Errors are filled where they happen, into the caller's buffer, without allocation. */
#ifndef SLUICE_BASE_ERROR_H
#define SLUICE_BASE_ERROR_H

#include "sluice.h"

/* Fills error (which may be NULL) and returns -code, so that a failing call is one statement. */
int error_set(struct sluice_error *error, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Like error_set, with ": <the system's words for code>" appended. */
int error_set_errno(struct sluice_error *error, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
