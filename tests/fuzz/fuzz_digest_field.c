/* SPDX-License-Identifier: MIT */
/* Any bytes as a field of digests: one that is found is the same when it was written. */
#include "fuzz.h"

#include "http/digest-field.h"

static void check(struct http_text field, const struct hash_algorithm *algorithm)
{
	struct digest digest, again;
	struct buffer head = {0};
	struct http_text text;

	if (!http_digest_find(field, algorithm, &digest))
		return;
	http_digest_write(&head, &digest);
	text = (struct http_text){head.data, head.length};
	CHECK(http_text_cut(&text, "Repr-Digest: "));
	text.length -= 2;
	CHECK(http_digest_find(text, algorithm, &again));
	CHECK(digest_equal(&digest, &again));
	buffer_free(&head);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = exact_copy(data, size);
	struct http_text field = {copy, size};

	check(field, &hash_sha256);
	check(field, &hash_sha512);
	(void)http_digest_is_wanted(field, &hash_sha256);
	free(copy);
	return 0;
}
