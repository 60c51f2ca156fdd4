/* SPDX-License-Identifier: MIT */
#include "http/digest-field.h"

/* The value of the last member with this key, as the standard has it; absent where there is none.
 */
static struct http_text find_member(struct http_text field, const char *key)
{
	struct http_text found = {0};

	while (field.length > 0) {
		struct http_text member = http_text_cut_until(&field, ',');
		struct http_text name = http_text_cut_until(&member, '=');

		http_text_cut(&field, ",");
		if (http_text_is_nocase(http_text_trim(name), key) && http_text_cut(&member, "="))
			found = http_text_trim(member);
	}
	return found;
}

bool http_digest_find(struct http_text field, const struct hash_algorithm *algorithm,
		      struct digest *digest)
{
	struct http_text value, code;

	if (!algorithm->field)
		return false;
	value = find_member(field, algorithm->field);
	if (!http_text_cut(&value, ":"))
		return false;
	code = http_text_cut_until(&value, ':');
	return http_text_cut(&value, ":") &&
	       digest_from_base64(digest, algorithm, code.data, code.length);
}

bool http_digest_is_wanted(struct http_text want, const struct hash_algorithm *algorithm)
{
	struct http_text value = find_member(want, algorithm->field);
	uint64_t preference;

	value = http_text_trim(http_text_cut_until(&value, ';'));
	return http_text_number(value, &preference) && preference > 0 && preference <= 10;
}

void http_digest_write(struct buffer *head, const struct digest *digest)
{
	char code[HASH_BASE64];

	buffer_printf(head, "Repr-Digest: %s=:%s:\r\n", digest->algorithm->field,
		      digest_to_base64(digest, code));
}
