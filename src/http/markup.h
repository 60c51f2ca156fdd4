/* SPDX-License-Identifier: MIT */
/* The words in what a server sends beside an error: plain text, JSON, HTML or XML. Pure. */
#ifndef SLUICE_HTTP_MARKUP_H
#define SLUICE_HTTP_MARKUP_H

#include "http/text.h"

#include <stdbool.h>

/* Whether a media type, without parameters, is one of text. */
bool http_markup_is_text(struct http_text type);

/*
 * The first words of body, without tags, comments, scripts and styles, one blank between them, cut
 * between characters where there is no room. Nothing where the body is not text. What comes out is
 * not safe for a terminal.
 */
void http_markup_words(struct http_text body, char *words, size_t size);

#endif
