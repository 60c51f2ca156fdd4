/* SPDX-License-Identifier: MIT */
/*
 * A piece of somebody else's memory: not NUL-terminated, never owned. The small cuts and compares
 * that every parser in this directory is made of; no call reads past a text's length.
 */
#ifndef SLUICE_HTTP_TEXT_H
#define SLUICE_HTTP_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http_text {
	const char *data; /* NULL: absent */
	size_t length;
};

struct http_text http_text_of(const char *string);                 /* NULL gives the absent text */
bool http_text_is(struct http_text text, const char *word);        /* exact */
bool http_text_is_nocase(struct http_text text, const char *word); /* ASCII case ignored */
bool http_text_equal(struct http_text a, struct http_text b);
bool http_text_equal_nocase(struct http_text a, struct http_text b);

/* Without the spaces and tabs (OWS) around it. */
struct http_text http_text_trim(struct http_text text);

/* Cuts prefix (ASCII case ignored) off the front; false, and text unchanged, where it is not there.
 */
bool http_text_cut(struct http_text *text, const char *prefix);

/* Cuts off and returns what comes before the first `separator`, all of it where there is none. */
struct http_text http_text_cut_until(struct http_text *text, char separator);

/* Cuts off a byte of a text that is not empty, which may be percent-encoded, and returns its value;
 * -1 for bad percent-encoding. */
int http_text_cut_decoded(struct http_text *text);

/*
 * Cuts the decimal digits off the front. False where there are none. A number beyond 64 bits gives
 * UINT64_MAX and sets *is_huge, which is otherwise set to false.
 */
bool http_text_cut_number(struct http_text *text, uint64_t *value, bool *is_huge);

/* The whole text as a decimal number; false for anything else, and beyond 64 bits. */
bool http_text_number(struct http_text text, uint64_t *value);

/* RFC 9110 5.6.2: a token, such as a method or a field name. */
bool http_text_is_token(struct http_text text);
/* RFC 3986 2.3: the bytes that a URL never has to escape. */
bool http_is_unreserved_byte(char byte);

/* The value of a hexadecimal digit, -1 for any other byte. */
int http_hex_digit(char byte);

/*
 * Makes text safe for a terminal: printable ASCII stays, the backslash is doubled, other bytes
 * become \xNN, and what does not fit ends in "...". Returns out, always NUL-terminated.
 */
const char *http_text_printable(struct http_text text, char *out, size_t size);

#endif
