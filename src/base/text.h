/* SPDX-License-Identifier: MIT */
/* Text that came from outside, made safe for a terminal or a log line. */
#ifndef SLUICE_BASE_TEXT_H
#define SLUICE_BASE_TEXT_H

#include "base/buffer.h"

#include <stddef.h>

/*
 * Appends data with control characters, '"', '\' and bytes that are not part of valid UTF-8 (or
 * that encode a control character) as \xNN.
 */
void text_escape(struct buffer *out, const char *data, size_t length);
/* The same into a fixed place, cut where it ends; returns text. */
char *text_escape_into(char *text, size_t size, const char *data, size_t length);

#endif
