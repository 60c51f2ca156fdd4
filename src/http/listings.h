/* SPDX-License-Identifier: MIT */
/*
 * The listings that a server holds, finished or being built, and the limit on their memory. Clients
 * that receive the same text share it.
 *
 * Small ones have reserved room, so that large ones never keep them out. Large ones are built one
 * at a time (plus one below mounts, which may not respond); together they fit into their room, or a
 * single one exceeds it alone.
 */
#ifndef SLUICE_HTTP_LISTINGS_H
#define SLUICE_HTTP_LISTINGS_H

#include "base/buffer.h"
#include "http/listing.h"
#include "http/served.h"

#include <pthread.h>

#define LISTINGS_LARGE_MAX ((size_t)56 << 20)
#define LISTINGS_SMALL_MAX ((size_t)8 << 20)
#define LISTING_SMALL      ((size_t)256 << 10) /* beyond it is a large one */

struct listings {
	pthread_mutex_t lock;
	unsigned references; /* atomic */
	uint64_t clock;      /* atomic: counts what was asked and what was begun */
	struct listing *newest;
	size_t held[2];          /* bytes: [is_large] */
	bool is_making_large[2]; /* [is_apart]; atomic */
};

/* A text, as it was at one time after it was begun; it never changes. */
struct listing {
	struct buffer text;
	/* private */
	struct listings *all;
	struct listing *older, *newer;
	unsigned references;
	struct served_root root; /* to compare: no reference */
	uint64_t begun;
	bool is_json, is_large;
	size_t bytes;
	char path[];
};

/* One that is being made, by one thread. */
struct listing_making {
	struct listings *all;
	uint64_t begun;
	size_t charged;
	bool is_apart, is_large;
};

struct listings *listings_open(void); /* NULL: no memory */
/* For what may outlive the server: a lookup that a file system does not let go. */
struct listings *listings_use(struct listings *all);
void listings_release(struct listings *all); /* the last one frees it; NULL is allowed */

uint64_t listings_now(struct listings *all); /* later than all before */
/* A reference to what was begun after then, or NULL. */
struct listing *listings_find(struct listings *all, const struct served_root *root,
			      const char *path, bool is_json, uint64_t then);
void listing_release(struct listing *listing);               /* NULL is allowed */
bool listings_are_busy(struct listings *all, bool is_apart); /* whether a large one is being made */

void listing_begin(struct listing_making *making, struct listings *all, bool is_apart);
/*
 * Before it takes up so many bytes, in all. 0; -EBUSY: it is a large one, and another is being
 * made; -ENOBUFS: there is no room for it.
 */
int listing_need(struct listing_making *making, size_t bytes);
/* Its text, with a reference: one that is there, or a new one. 0 or -errno. */
int listing_make(struct listing_making *making, const struct served_root *root,
		 const struct http_listing *what, struct listing **out);
void listing_end(struct listing_making *making); /* in any case */

#endif
