/* SPDX-License-Identifier: MIT */
#include "transfer/validator.h"

#include "http/condition.h"
#include "http/date.h"

#include <stdio.h>
#include <string.h>

enum { APART_SECONDS = 60 };

static bool is_strong_date(const struct http_response *head, time_t now)
{
	time_t modified, answered = now;

	if (head->date.data && !http_date_parse_at(head->date, now, &answered))
		return false;
	return http_date_parse_at(head->last_modified, now, &modified) &&
	       answered - modified >= APART_SECONDS;
}

void validator_read(struct validator *validator, const struct http_response *head, time_t now)
{
	struct http_text text = head->etag;

	*validator = (struct validator){0};
	if (!http_etag_is_strong(text)) {
		validator->is_date = true;
		text = is_strong_date(head, now) ? head->last_modified : (struct http_text){0};
	}
	if (text.length < sizeof(validator->text) && text.data)
		memcpy(validator->text, text.data, text.length);
}

static struct http_text field_of(const struct validator *validator,
				 const struct http_response *head)
{
	return validator->is_date ? head->last_modified : head->etag;
}

bool validator_is_in(const struct validator *validator, const struct http_response *head)
{
	return *validator->text && http_text_is(field_of(validator, head), validator->text);
}

bool validator_differs(const struct validator *validator, const struct http_response *head)
{
	struct http_text text = field_of(validator, head);

	if (!validator->is_date && text.length > 2 && !memcmp(text.data, "W/", 2))
		text = (struct http_text){text.data + 2, text.length - 2};
	return text.length && !http_text_is(text, validator->text);
}

bool validator_equal(const struct validator *a, const struct validator *b)
{
	return a->is_date == b->is_date && strcmp(a->text, b->text) == 0;
}

bool validator_set(struct validator *validator, const char *etag, const char *modified)
{
	const char *text = *etag ? etag : modified;
	time_t when;

	validator->is_date = !*etag;
	snprintf(validator->text, sizeof(validator->text), "%s", text);
	if (strlen(text) >= sizeof(validator->text) || (*etag && *modified))
		return false;
	return !*text || (*etag ? http_etag_is_strong(http_text_of(text))
				: http_date_parse_at(http_text_of(text), 0, &when));
}

const char *validator_etag(const struct validator *validator)
{
	return validator->is_date ? "" : validator->text;
}

const char *validator_date(const struct validator *validator)
{
	return validator->is_date ? validator->text : "";
}
