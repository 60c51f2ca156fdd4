/* SPDX-License-Identifier: MIT */
/*
 * Open files of one worker, with what their answers need, so that a repeated request costs one
 * statx instead of four calls, and none if the file was already checked in the same turn. An entry
 * is used only while the name still leads to the same, unchanged file. As long as the file is open
 * its names stay in memory, so the check does not wait for a disk.
 *
 * Small files keep their content, too: their answer is one system call. The content is trusted only
 * if the last change is so long ago that the next one must have a different time stamp.
 */
#ifndef SLUICE_HTTP_FILE_CACHE_H
#define SLUICE_HTTP_FILE_CACHE_H

#include "base/buffer.h"
#include "http/condition.h"
#include "http/date.h"
#include "path/file.h"

#define FILE_CACHE_CONTENT_MAX ((uint64_t)32 << 10) /* one file's */

struct cached_file {
	unsigned references;
	struct cached_file *newer, *older; /* by last use */
	struct cached_file *next;          /* of the same bucket */
	struct path_file *file;
	const char *type; /* static */
	char etag[HTTP_ETAG_SIZE];
	time_t modified;       /* Last-Modified */
	bool is_passing;       /* etag or modified will soon change */
	struct buffer fields;  /* of a 200's head, those that say what the body is first */
	size_t validators_at;  /* in fields: what a 206 and a 304 have, too */
	char *content;         /* all of it, or NULL */
	uint64_t used_ms;      /* when it was found last */
	uint64_t checked_turn; /* of the loop: when the name was last checked */
	char path[];
};

#define FILE_CACHE_BUCKETS 1024

struct file_cache {
	struct cached_file *buckets[FILE_CACHE_BUCKETS];
	struct cached_file *newest, *oldest;
	unsigned count, max;
	uint64_t content_bytes;
};

/*
 * A reference, or NULL if the file has to be opened. One check is valid for all requests of a loop
 * turn, because they had arrived when the turn began; turn 0 stands for a request that may have
 * arrived later. *did_stat says whether this call checked.
 */
struct cached_file *file_cache_find(struct file_cache *cache, int directory, const char *path,
				    uint64_t now_ms, uint64_t turn, bool *did_stat);
/* Closes files not used recently: an open descriptor keeps a deleted file's blocks on the disk. */
void file_cache_sweep(struct file_cache *cache, uint64_t now_ms);
/*
 * A reference to an entry for the open file, which it takes over even on failure; NULL: out of
 * memory. Later calls find the entry only if `keep` was set.
 */
struct cached_file *file_cache_add(struct file_cache *cache, const char *path,
				   struct path_file *file, const char *type, bool keep,
				   uint64_t now_ms);
void cached_file_release(struct cached_file *entry); /* NULL is allowed */
void file_cache_clear(struct file_cache *cache);

#endif
