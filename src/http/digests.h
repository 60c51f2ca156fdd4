/* SPDX-License-Identifier: MIT */
/*
 * The SHA-256 of served files, for Want-Repr-Digest. No request waits for one: what is not known is
 * computed behind the answer, and the next answer has it. So that nobody can keep the machine busy
 * by asking, a server computes one at a time, and forgets the wish for any other meanwhile.
 *
 * The table is shared by all workers and has a fixed size. A digest is of a file as it was: its
 * device, inode, size and times.
 */
#ifndef SLUICE_HTTP_DIGESTS_H
#define SLUICE_HTTP_DIGESTS_H

#include "digest/follow.h"

#include <pthread.h>

enum { DIGESTS_MAX = 4096 };

struct digests_entry {
	struct digest digest; /* without an algorithm: free */
	uint64_t device, inode, size;
	struct statx_timestamp modified, changed;
};

struct digests {
	pthread_mutex_t lock;
	bool is_busy; /* a worker computes one */
	struct digests_entry entries[DIGESTS_MAX];
};

/* NULL: no memory. */
struct digests *digests_open(void);
void digests_close(struct digests *digests); /* NULL is allowed */
bool digests_find(struct digests *digests, const struct statx *status, struct digest *digest);

/* A worker's part. All calls belong to its thread. */
struct digester {
	struct digests *digests;
	struct loop *loop;
	struct follow *follow; /* NULL: none is under way */
	struct path_file *file;
	struct loop_task done;
};

void digester_open(struct digester *digester, struct digests *digests, struct loop *loop);
/* Computes it, if no other is being computed, on a helper thread. */
void digester_want(struct digester *digester, struct path_file *file);
void digester_close(struct digester *digester);

#endif
