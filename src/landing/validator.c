/* SPDX-License-Identifier: MIT */
#include "landing/validator.h"

#include <stdio.h>
#include <string.h>

bool validator_equal(const struct validator *a, const struct validator *b)
{
	return a->is_date == b->is_date && strcmp(a->text, b->text) == 0;
}

/* RFC 9110 8.8.3: quotes around anything but quotes, blanks and control characters. */
static bool is_tag(const char *text)
{
	size_t length = strlen(text);

	if (length < 2 || text[0] != '"' || text[length - 1] != '"')
		return false;
	for (size_t i = 1; i < length - 1; i++)
		if ((unsigned char)text[i] <= 0x20 || text[i] == 0x7f || text[i] == '"')
			return false;
	return true;
}

static bool is_printable(const char *text)
{
	while (*text >= 0x20 && *text < 0x7f)
		text++;
	return !*text;
}

bool validator_set(struct validator *validator, const char *etag, const char *date)
{
	const char *text = *etag ? etag : date;

	validator->is_date = !*etag;
	snprintf(validator->text, sizeof(validator->text), "%s", text);
	if (strlen(text) >= sizeof(validator->text) || (*etag && *date))
		return false;
	return *etag ? is_tag(etag) : is_printable(date);
}

const char *validator_etag(const struct validator *validator)
{
	return validator->is_date ? "" : validator->text;
}

const char *validator_date(const struct validator *validator)
{
	return validator->is_date ? validator->text : "";
}
