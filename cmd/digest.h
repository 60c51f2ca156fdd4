/* SPDX-License-Identifier: MIT */
/* What the files of `sluice digest` share. */
#ifndef SLUICE_CMD_DIGEST_H
#define SLUICE_CMD_DIGEST_H

#include "command.h"
#include "digest/files.h"

#include <jansson.h>

struct digest_command {
	const struct hash_algorithm *algorithm; /* NULL: to check, any; else SHA-256 */
	unsigned threads;
	bool checks, ignores_missing, is_quiet, is_silent, is_json, is_help;
	json_t *files; /* of --json */
};

/* JSON is UTF-8, and a name need not be. */
json_t *digest_json_name(const char *name);

/* digest-check.c: an exit status. */
int digest_check(struct digest_command *command, const char *file);

#endif
