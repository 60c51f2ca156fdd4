/* SPDX-License-Identifier: MIT */
/*
 * The fields of RFC 9530: Repr-Digest and Content-Digest, dictionaries (RFC 9651) of digests in
 * base64, and Want-Repr-Digest, of preferences from 0 (not wanted) to 10. Pure.
 */
#ifndef SLUICE_HTTP_DIGEST_FIELD_H
#define SLUICE_HTTP_DIGEST_FIELD_H

#include "base/buffer.h"
#include "digest/hash.h"
#include "http/text.h"

/* False where it has none of this algorithm, or one that is malformed. */
bool http_digest_find(struct http_text field, const struct hash_algorithm *algorithm,
		      struct digest *digest);
bool http_digest_is_wanted(struct http_text want, const struct hash_algorithm *algorithm);
/* "Repr-Digest: sha-256=:...:\r\n" */
void http_digest_write(struct buffer *head, const struct digest *digest);

#endif
