/* SPDX-License-Identifier: MIT */
/*
 * Open files of one worker, with what their answers need: so that a file that is asked for again
 * costs one look (statx) instead of four, and none where others ask for it in the same turn. An
 * entry is only used when the name still leads to the same file, unchanged; while it is held open
 * its names stay in memory, so the look does not wait for a disk.
 *
 * Small files keep their content, too: their answer is one system call. The content is believed
 * only where the file's last change is so long ago that the next one must give another time stamp.
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
	time_t modified;      /* Last-Modified */
	bool is_passing;      /* etag or modified will soon be another */
	struct buffer fields; /* of a 200's head, those that say what the body is first */
	size_t validators_at; /* in fields: what a 206 and a 304 have, too */
	char *content;        /* all of it, or NULL */
	uint64_t used_ms;     /* when it was found last */
	uint64_t looked_turn; /* of the loop: when the name was looked at last */
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
 * A reference, or NULL: then the file has to be opened. One look is good for all requests of one
 * turn of the loop, because they had arrived when the turn began; turn 0 stands for a request that
 * may have come later. *has_looked says whether this call made one.
 */
struct cached_file *file_cache_find(struct file_cache *cache, int directory, const char *path,
				    uint64_t now_ms, uint64_t turn, bool *has_looked);
/* Closes what was not asked for lately: an open file keeps a deleted one's blocks on the disk. */
void file_cache_sweep(struct file_cache *cache, uint64_t now_ms);
/*
 * A reference to an entry for the open file, which is taken, also on failure; NULL: no memory. Only
 * with is_to_be_kept can it be found later.
 */
struct cached_file *file_cache_add(struct file_cache *cache, const char *path,
				   struct path_file *file, const char *type, bool is_to_be_kept,
				   uint64_t now_ms);
void cached_file_release(struct cached_file *entry); /* NULL is allowed */
void file_cache_clear(struct file_cache *cache);

#endif
