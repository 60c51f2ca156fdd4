/* SPDX-License-Identifier: MIT */
/*
 * The digest of a stretch of a file that may still be arriving. It follows an edge below which
 * every byte is written, and hashes in order, on a helper thread, while the loop reads ahead:
 * through the page cache what is resident, past it everything else, so that the page cache stays as
 * it is. Bytes that are on their way to the file can be lent, and are then hashed where they lie.
 * Nothing is hashed twice.
 *
 * Everything belongs to the loop's thread, and neither wake nor release runs inside a call, but for
 * release in follow_close.
 */
#ifndef SLUICE_DIGEST_FOLLOW_H
#define SLUICE_DIGEST_FOLLOW_H

#include "base/tally.h"
#include "digest/hash.h"
#include "loop/loop.h"
#include "path/path.h"

struct follow;

struct follow_options {
	void (*wake)(void *owner); /* the digest is known, or cannot be */
	void *owner;
	struct tally *tally; /* NULL: not wanted */
};

/* From `from` on. Keeps a reference to the file, which can be read. */
int follow_open(struct follow **follow, struct loop *loop, struct path_file *file,
		const struct hash_algorithm *algorithm, uint64_t from,
		const struct follow_options *options);
/* Every byte below edge is written; is_last: the stretch ends there. */
void follow_advance(struct follow *follow, uint64_t edge, bool is_last);
/*
 * Bytes that are being written to the file, as were all before them since `start`, where this run
 * of them began. True: they stay as they are until release. False: they are of no use now.
 */
bool follow_lend(struct follow *follow, uint64_t start, const struct path_lent *lent);
/* 0 and the digest; -EAGAIN: not yet; -ENODATA: the file ended early; -errno. */
int follow_result(const struct follow *follow, struct digest *digest);
/* What is under way ends by itself; what was lent may be released a little later. NULL is allowed.
 */
void follow_close(struct follow *follow);

#endif
