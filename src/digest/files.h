/* SPDX-License-Identifier: MIT */
/* The digests of files, several at once: what sha256sum does, past the page cache. */
#ifndef SLUICE_DIGEST_FILES_H
#define SLUICE_DIGEST_FILES_H

#include "digest/hash.h"

#include <stdint.h>

struct digest_job {
	const char *name; /* "-" is standard input */
	const struct hash_algorithm *algorithm;
	/* Then: */
	struct digest digest;
	uint64_t bytes;
	int code; /* 0 or -errno; -ESTALE: the file changed while it was read */
	bool is_done;
};

/*
 * Does the jobs on so many threads (0: one a core), and calls done for each of them, in this
 * order and in the calling thread, as soon as it and all before it are done. 0, or -errno where it
 * could not begin.
 */
int digest_files(struct digest_job *jobs, size_t count, unsigned threads,
		 void (*done)(void *argument, struct digest_job *job), void *argument);

#endif
