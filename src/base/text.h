/* SPDX-License-Identifier: MIT */
/* Text for people: made safe where it came from outside, and broken into lines. */
#ifndef SLUICE_BASE_TEXT_H
#define SLUICE_BASE_TEXT_H

#include "base/buffer.h"

#include <stddef.h>

/*
 * Appends data with control characters, bytes that are not valid UTF-8, and characters that reorder
 * what a person reads, as \xNN; and for a place between quotes also '"' and '\'.
 */
void text_escape(struct buffer *out, const char *data, size_t length);
/* Without the latter, into a fixed place, cut where it ends; returns text. */
char *text_for_terminal(char *text, size_t size, const char *data);

/*
 * Shortens text, in place, until it is shorter than size: the longest words lose their middle, as
 * they are names, paths and URLs, and the sentence around them stays whole. Returns text.
 */
char *text_fit(char *text, size_t size);

/* Cuts the next line off *at, without its '\n'; NULL at the end. *at may be NULL: no lines. */
char *text_next_line(char **at);

/* How much of text goes on a line of width bytes, broken between words; a longer word stays whole.
 */
size_t text_line(const char *text, size_t width);

#endif
