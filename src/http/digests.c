/* SPDX-License-Identifier: MIT */
#include "http/digests.h"

#include "base/container.h"
#include "base/statx.h"
#include "base/sys.h"

#include <stdlib.h>

static void describe(struct digests_entry *entry, const struct statx *status)
{
	*entry = (struct digests_entry){
		.device = (uint64_t)status->stx_dev_major << 32 | status->stx_dev_minor,
		.inode = status->stx_ino,
		.size = status->stx_size,
		.modified = status->stx_mtime,
		.changed = status->stx_ctime,
	};
}

static bool is_same(const struct digests_entry *one, const struct digests_entry *other)
{
	return one->device == other->device && one->inode == other->inode &&
	       one->size == other->size && statx_is_same_time(one->modified, other->modified) &&
	       statx_is_same_time(one->changed, other->changed);
}

/* A file has one place, which another may take from it. */
static struct digests_entry *place(struct digests *digests, const struct digests_entry *wanted)
{
	uint64_t mixed = (wanted->inode ^ wanted->device << 7) * 0x9e3779b97f4a7c15u;

	return &digests->entries[(mixed >> 32) % DIGESTS_MAX];
}

struct digests *digests_open(void)
{
	struct digests *digests = calloc(1, sizeof(*digests));

	if (digests && pthread_mutex_init(&digests->lock, NULL)) {
		free(digests);
		return NULL;
	}
	return digests;
}

void digests_close(struct digests *digests)
{
	if (!digests)
		return;
	pthread_mutex_destroy(&digests->lock);
	free(digests);
}

bool digests_find(struct digests *digests, const struct statx *status, struct digest *digest)
{
	struct digests_entry wanted, *entry = NULL;
	bool is_there;

	describe(&wanted, status);
	pthread_mutex_lock(&digests->lock);
	entry = place(digests, &wanted);
	is_there = entry->digest.algorithm && is_same(entry, &wanted);
	if (is_there)
		*digest = entry->digest;
	pthread_mutex_unlock(&digests->lock);
	return is_there;
}

static void add(struct digests *digests, const struct statx *status, const struct digest *digest)
{
	struct digests_entry entry;

	describe(&entry, status);
	entry.digest = *digest;
	pthread_mutex_lock(&digests->lock);
	*place(digests, &entry) = entry;
	pthread_mutex_unlock(&digests->lock);
}

/* One at a time, of all workers. */
static bool begin(struct digests *digests)
{
	bool was_busy;

	pthread_mutex_lock(&digests->lock);
	was_busy = digests->is_busy;
	digests->is_busy = true;
	pthread_mutex_unlock(&digests->lock);
	return !was_busy;
}

static void end(struct digester *digester)
{
	follow_close(digester->follow);
	digester->follow = NULL;
	path_file_release(digester->file);
	digester->file = NULL;
	pthread_mutex_lock(&digester->digests->lock);
	digester->digests->is_busy = false;
	pthread_mutex_unlock(&digester->digests->lock);
}

/* Whether the file is still what it was when it was opened, whose status its digest is kept by. */
static bool is_unchanged(const struct path_file *file)
{
	struct digests_entry was, is;
	struct statx now;

	if (sys_statx(file->fd, STATX_BASIC_STATS, &now) < 0)
		return false;
	describe(&was, &file->status);
	describe(&is, &now);
	return is_same(&was, &is);
}

static void on_done(struct loop_task *task)
{
	struct digester *digester = container_of(task, struct digester, done);
	struct digest digest;

	if (follow_result(digester->follow, &digest) == 0 && is_unchanged(digester->file))
		add(digester->digests, &digester->file->status, &digest);
	end(digester);
}

static void on_wake(void *owner)
{
	struct digester *digester = owner;

	loop_task_queue(digester->loop, &digester->done);
}

void digester_open(struct digester *digester, struct digests *digests, struct loop *loop)
{
	*digester = (struct digester){.digests = digests, .loop = loop, .done.run = on_done};
}

void digester_want(struct digester *digester, struct path_file *file)
{
	const struct follow_options options = {.wake = on_wake, .owner = digester};

	if (file->may_hang || !is_unchanged(file) || !begin(digester->digests))
		return;
	digester->file = path_file_share(file);
	if (follow_open(&digester->follow, digester->loop, file, &hash_sha256, 0, &options) < 0)
		end(digester);
	else
		follow_advance(digester->follow, file->status.stx_size, true);
}

void digester_close(struct digester *digester)
{
	if (!digester->file)
		return;
	loop_task_cancel(digester->loop, &digester->done);
	end(digester);
}
