/* SPDX-License-Identifier: MIT */
/* Who may fetch: bearer tokens (RFC 6750), each with a name for the log, from a file. */
#ifndef SLUICE_HTTP_TOKENS_H
#define SLUICE_HTTP_TOKENS_H

#include "http/text.h"
#include "sluice.h"

struct token {
	const char *name, *secret;
	const char *directory; /* below the served one, without slashes at its ends; NULL: all */
};

struct tokens;

/*
 * Lines of "NAME TOKEN" or "NAME TOKEN DIRECTORY"; empty lines, and those that begin with '#', do
 * not count. A file that anybody can read holds no secrets: it is refused.
 */
int tokens_open(struct tokens **tokens, const char *file, struct sluice_error *error);
void tokens_close(struct tokens *tokens);
/* By the value of a request's Authorization; NULL: none of these. Takes as long for all of one
 * length. */
const struct token *tokens_find(const struct tokens *tokens, struct http_text authorization);
/* path as http_target_path makes it. */
bool token_allows(const struct token *token, const char *path);

#endif
