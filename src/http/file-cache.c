/* SPDX-License-Identifier: MIT */
/*
 * Invariants: the table holds one reference to each of its entries, and each answer another, so
 * that an entry can leave the table at any time.
 */
#include "http/file-cache.h"

#include "base/statx.h"
#include "base/sys.h"
#include "cache/residency.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	CONTENT_MAX = 8 << 20, /* all files' together */
	SETTLED_SECONDS = 2,   /* file systems with the coarsest time stamps (FAT) count in these */
	IDLE_MS = 5000,
};

/* FNV-1a */
static struct cached_file **bucket_of(struct file_cache *cache, const char *path)
{
	uint32_t hash = 2166136261u;

	for (; *path; path++)
		hash = (hash ^ (unsigned char)*path) * 16777619u;
	return &cache->buckets[hash % FILE_CACHE_BUCKETS];
}

void cached_file_release(struct cached_file *entry)
{
	if (!entry || --entry->references > 0)
		return;
	path_file_release(entry->file);
	buffer_free(&entry->fields);
	free(entry->content);
	free(entry);
}

static void unlink_from_use(struct file_cache *cache, struct cached_file *entry)
{
	*(entry->newer ? &entry->newer->older : &cache->newest) = entry->older;
	*(entry->older ? &entry->older->newer : &cache->oldest) = entry->newer;
	entry->newer = entry->older = NULL;
}

static void link_newest(struct file_cache *cache, struct cached_file *entry)
{
	entry->older = cache->newest;
	*(cache->newest ? &cache->newest->newer : &cache->oldest) = entry;
	cache->newest = entry;
}

static void forget(struct file_cache *cache, struct cached_file *entry)
{
	struct cached_file **at = bucket_of(cache, entry->path);

	while (*at != entry)
		at = &(*at)->next;
	*at = entry->next;
	unlink_from_use(cache, entry);
	cache->count--;
	if (entry->content)
		cache->content_bytes -= entry->file->status.stx_size;
	cached_file_release(entry);
}

static bool is_same_file(const struct statx *a, const struct statx *b)
{
	return a->stx_ino == b->stx_ino && a->stx_dev_major == b->stx_dev_major &&
	       a->stx_dev_minor == b->stx_dev_minor && a->stx_size == b->stx_size &&
	       statx_is_same_time(a->stx_mtime, b->stx_mtime) &&
	       statx_is_same_time(a->stx_ctime, b->stx_ctime);
}

/*
 * The name may lead through symbolic links that have changed since, even out of the directory, but
 * only to the very file that was found inside before.
 */
static bool is_current(const struct cached_file *entry, int directory)
{
	struct statx now;

	return sys_statx_at(directory, entry->path, STATX_BASIC_STATS, &now) == 0 &&
	       is_same_file(&now, &entry->file->status);
}

static void read_content(struct file_cache *cache, struct cached_file *entry)
{
	const struct statx *status = &entry->file->status;
	struct cache_residency residency;
	uint64_t size = status->stx_size;

	if (size == 0 || size > FILE_CACHE_CONTENT_MAX ||
	    cache->content_bytes + size > CONTENT_MAX ||
	    time(NULL) - status->stx_mtime.tv_sec < SETTLED_SECONDS)
		return;
	entry->content = malloc(size);
	if (!entry->content)
		return;
	/* Stores through a mapping move the time stamp only where the page is not dirty yet; so
	 * nothing is kept where that is not known, before Linux 6.5 and where a filter refuses
	 * cachestat(2). */
	residency = cache_look(entry->file->fd, 0, size);
	if (!residency.has_bytes || residency.is_dirty ||
	    sys_pread_nowait(entry->file->fd, entry->content, size, 0) != (int64_t)size ||
	    path_file_has_changed(entry->file) != 0) {
		free(entry->content);
		entry->content = NULL;
		return;
	}
	cache->content_bytes += size;
}

static int describe(struct cached_file *entry)
{
	const struct statx *status = &entry->file->status;
	char modified[HTTP_DATE_SIZE];
	struct timespec now;

	clock_gettime(CLOCK_REALTIME_COARSE, &now);
	http_etag_format(entry->etag, status, now);
	/* A time to come is no Last-Modified (RFC 9110 8.8.2.1). */
	entry->modified =
		status->stx_mtime.tv_sec < now.tv_sec ? status->stx_mtime.tv_sec : now.tv_sec;
	entry->is_passing = *entry->etag == 'W' || status->stx_mtime.tv_sec > now.tv_sec;
	http_date_format(modified, entry->modified);
	entry->fields.length = 0;
	buffer_printf(&entry->fields, "Content-Type: %s\r\nContent-Length: %llu\r\n", entry->type,
		      (unsigned long long)status->stx_size);
	entry->validators_at = entry->fields.length;
	buffer_printf(&entry->fields, "ETag: %s\r\nLast-Modified: %s\r\nAccept-Ranges: bytes\r\n",
		      entry->etag, modified);
	return entry->fields.failed ? -ENOMEM : 0;
}

struct cached_file *file_cache_find(struct file_cache *cache, int directory, const char *path,
				    uint64_t now_ms, uint64_t turn, bool *did_stat)
{
	struct cached_file *entry = *bucket_of(cache, path);

	while (entry && strcmp(entry->path, path) != 0)
		entry = entry->next;
	if (!entry)
		return NULL;
	*did_stat = turn == 0 || turn != entry->checked_turn;
	if ((*did_stat && !is_current(entry, directory)) ||
	    (entry->is_passing && describe(entry) < 0)) {
		forget(cache, entry);
		return NULL;
	}
	entry->checked_turn = turn;
	if (entry != cache->newest) {
		unlink_from_use(cache, entry);
		link_newest(cache, entry);
	}
	if (!entry->content)
		read_content(cache, entry);
	entry->used_ms = now_ms;
	entry->references++;
	return entry;
}

static void insert(struct file_cache *cache, struct cached_file *entry)
{
	struct cached_file **bucket = bucket_of(cache, entry->path);

	if (cache->count >= cache->max && cache->oldest)
		forget(cache, cache->oldest);
	entry->next = *bucket;
	*bucket = entry;
	link_newest(cache, entry);
	entry->references++;
	cache->count++;
	read_content(cache, entry);
}

struct cached_file *file_cache_add(struct file_cache *cache, const char *path,
				   struct path_file *file, const char *type, bool keep,
				   uint64_t now_ms)
{
	size_t length = strlen(path) + 1;
	struct cached_file *entry = calloc(1, sizeof(*entry) + length);

	if (!entry) {
		path_file_release(file);
		return NULL;
	}
	entry->file = file;
	entry->references = 1;
	entry->type = type;
	entry->used_ms = now_ms;
	memcpy(entry->path, path, length);
	if (describe(entry) < 0) {
		cached_file_release(entry);
		return NULL;
	}
	if (keep)
		insert(cache, entry);
	return entry;
}

void file_cache_sweep(struct file_cache *cache, uint64_t now_ms)
{
	while (cache->oldest && now_ms - cache->oldest->used_ms > IDLE_MS)
		forget(cache, cache->oldest);
}

void file_cache_clear(struct file_cache *cache)
{
	while (cache->oldest)
		forget(cache, cache->oldest);
}
