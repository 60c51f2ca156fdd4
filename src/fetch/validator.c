/* SPDX-License-Identifier: MIT */
#include "fetch/validator.h"

#include "http/condition.h"
#include "http/date.h"

#include <string.h>

enum { APART_SECONDS = 60 };

static bool is_strong_date(const struct http_response *head, time_t now)
{
	time_t modified, answered = now;

	if (head->date.data && !http_date_parse(head->date, now, &answered))
		return false;
	return http_date_parse(head->last_modified, now, &modified) &&
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
