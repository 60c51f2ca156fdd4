/* SPDX-License-Identifier: MIT */
/*
 * A growing piece of text. Appending never fails at the call: when memory runs out `failed` is set,
 * later appends do nothing, and the owner checks once at the end.
 */
#ifndef SLUICE_BASE_BUFFER_H
#define SLUICE_BASE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>

struct buffer {
	char *data; /* NUL-terminated once anything was appended */
	size_t length;
	size_t capacity;
	bool failed;
};

void buffer_append(struct buffer *buffer, const void *data, size_t length);
void buffer_text(struct buffer *buffer, const char *text);
void buffer_printf(struct buffer *buffer, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void buffer_free(struct buffer *buffer);

#endif
