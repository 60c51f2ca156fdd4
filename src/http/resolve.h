/* SPDX-License-Identifier: MIT */
/*
 * Resolves the path of a request to an open file or a listing, never outside the served directory.
 */
#ifndef SLUICE_HTTP_RESOLVE_H
#define SLUICE_HTTP_RESOLVE_H

#include "http/listings.h"
#include "http/media-types.h"
#include "http/served.h"
#include "path/file.h"

#define RESOLVE_PATH_MAX 8192

/* Which symbolic links are followed: those that stay within the directory, all, or none. */
enum resolve_links { RESOLVE_LINKS_INSIDE, RESOLVE_LINKS_ALL, RESOLVE_LINKS_NONE };
/* "inside", "all" or "none"; NULL is inside. Returns 0 or -EINVAL. */
int resolve_links_find(const char *name, enum resolve_links *links);

struct resolve {
	/* in */
	struct served_root *root;
	/* Look first, where that may wait, whether the name leads to another root; or NULL. */
	const struct served_name *anew;
	enum resolve_links links;
	const struct media_types *types; /* the system's */
	bool wants_json;                 /* for a listing */
	char path[RESOLVE_PATH_MAX];     /* from http_target_path */
	bool may_cross;                  /* to other file systems, which may not answer */
	struct listings *listings;       /* the server's */
	uint64_t asked;                  /* when, by listings_now */
	/* out */
	struct served_root
		*moved;          /* the caller's: the root that was looked in, or NULL: the same */
	int anew_result;         /* why it could not be looked at, -errno */
	bool crosses;            /* it leads there, or out, and was not to: nothing else is said */
	bool lacks_descriptors;  /* with status 503 */
	bool must_wait;          /* with status 503: another large listing is being made */
	uint64_t progress;       /* atomic: grows while it goes on */
	unsigned status;         /* 200, 301 (add a slash), 403, 404, 500, 503 */
	struct path_file *file;  /* a regular one, the caller's from then on; NULL: none */
	const char *type;        /* Content-Type */
	struct listing *listing; /* with status 200 and no file */
	char why[64];            /* for the log, with 4xx and 5xx */
};

#define RESOLVE_NO_ANSWER "the file system does not answer"
#define RESOLVE_BUSY      "other large listings are being made"

/*
 * Tries without waiting for the disk: true when the answer is known, false when resolve_blocking
 * has to find it.
 */
bool resolve_cached(struct resolve *resolve); /* only where it may not cross */
/* The argument is a struct resolve; for loop_work. Returns 0. */
int64_t resolve_blocking(void *resolve);

/* Whether a path names a directory by itself: it is empty, or ends in a slash. */
bool resolve_is_directory(const char *path);
/* Whether somebody got a listing meanwhile that is the answer to this, too. */
bool resolve_shared(struct resolve *resolve);
void resolve_refuse(struct resolve *resolve, const char *why); /* status 503 */
void resolve_close(struct resolve *resolve);                   /* frees what it found */

#endif
