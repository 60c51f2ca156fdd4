/* SPDX-License-Identifier: MIT */
/*
 * What names one state of a file at its source, and no other: a strong entity tag, or a date where
 * the source has none. Opaque here: fetch/validator.h reads it from an answer. Pure.
 */
#ifndef SLUICE_LANDING_VALIDATOR_H
#define SLUICE_LANDING_VALIDATOR_H

#include <stdbool.h>

struct validator {
	bool is_date;
	char text[256]; /* as the source wrote it; empty: there is none */
};

bool validator_equal(const struct validator *a, const struct validator *b);

/*
 * From where it was kept: one of both is empty. False where neither is, where it is too long, and
 * where it could not stand in a request: an unquoted tag, a control character.
 */
bool validator_set(struct validator *validator, const char *etag, const char *date);
const char *validator_etag(const struct validator *validator);
const char *validator_date(const struct validator *validator);

#endif
