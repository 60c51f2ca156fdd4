/* SPDX-License-Identifier: MIT */
/* "NAME: VALUE", as a program gives it. Pure. */
#ifndef SLUICE_HTTP_FIELD_H
#define SLUICE_HTTP_FIELD_H

#include "base/buffer.h"
#include "http/text.h"
#include "sluice.h"

/* 0; or -EINVAL with error where it could not stand in a head. */
int http_field_parse(const char *text, struct http_text *name, struct http_text *value,
		     struct sluice_error *error);
/* -EINVAL, with error saying why this one cannot be had. */
int http_field_refuse(const char *text, const char *why, struct sluice_error *error);
/* As a line of a head. */
void http_field_add(struct buffer *out, struct http_text name, struct http_text value);
/*
 * A field of a client's request: 0, -ENOMEM, or -EINVAL for one that the client itself decides on.
 * Lines come one after the other; text is 16 KiB at most.
 */
int http_field_add_to_request(struct buffer *lines, const char *text, struct sluice_error *error);
/* Whether lines hold a field of this name. */
bool http_field_is_in(const char *lines, const char *name);

#endif
