/* SPDX-License-Identifier: MIT */
#include "pagecache/warm.h"

#include "base/clock.h"
#include "base/container.h"
#include "base/size.h"
#include "base/sys.h"
#include "cache/residency.h"
#include "loop/loop.h"
#include "pagecache/ranges.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	SLOTS = 16,
	TICK_MS = 100, /* how often progress is told while a read takes long */
};

#define CATCH_UP_NS                                                                                \
	125000000u /* of what the rate allowed while nothing was read; a piece's worth */

struct file {
	struct warm *warm;
	struct cache_figures before;
	bool has_before, is_all_there;
	unsigned pending; /* reads under way, and 1 while more are being started */
	int fd, code;
	char path[];
};

/* A read under way, or none where file is NULL. */
struct slot {
	struct loop_op op;
	struct file *file;
	void *buffer;
	uint64_t offset;
	size_t length;
};

struct warm {
	struct loop *loop;
	struct warm_events events;
	struct slot slots[SLOTS];
	size_t piece; /* bytes to read at a time */
	uint64_t rate, read_bytes, seen_bytes;
	uint64_t due_ns; /* when the rate allows the next piece, since the start */
	uint64_t start_ns;
	bool is_ended;
};

static uint64_t passed_ns(const struct warm *warm)
{
	return clock_ns() - warm->start_ns;
}

/* A slow rate in small steps, an eighth of a second's worth. */
static size_t piece_for(uint64_t rate)
{
	uint64_t piece = rate ? size_round_down(rate / 8, 4096) : LOOP_BUFFER_SIZE;

	return (size_t)(piece < 4096 ? 4096 : size_min(piece, LOOP_BUFFER_SIZE));
}

int warm_open(struct warm **out, uint64_t rate, const struct warm_events *events,
	      struct sluice_error *error)
{
	struct warm *warm = calloc(1, sizeof(*warm));
	int result;

	if (!warm)
		return -ENOMEM;
	result = loop_open(&warm->loop, LOOP_AUTO, error);
	if (result < 0) {
		free(warm);
		return result;
	}
	for (unsigned i = 0; i < SLOTS; i++)
		warm->slots[i].buffer = loop_buffer_take(warm->loop);
	warm->events = *events;
	warm->rate = rate;
	warm->piece = piece_for(rate);
	warm->start_ns = clock_ns();
	*out = warm;
	return 0;
}

void warm_close(struct warm *warm)
{
	for (unsigned i = 0; i < SLOTS; i++)
		if (warm->slots[i].buffer)
			loop_buffer_give(warm->loop, warm->slots[i].buffer);
	loop_close(warm->loop);
	free(warm);
}

static int64_t came_bytes(const struct file *file)
{
	struct cache_figures now;
	struct stat status;

	if (!file->has_before || fstat(file->fd, &status) < 0 ||
	    cache_figures(file->fd, (uint64_t)status.st_size, &now) < 0)
		return -1;
	return now.resident_bytes > file->before.resident_bytes
		       ? (int64_t)(now.resident_bytes - file->before.resident_bytes)
		       : 0;
}

static void release(struct file *file)
{
	const struct warm_events *events = &file->warm->events;

	if (--file->pending > 0)
		return;
	events->done(events->argument, file->path, file->fd, came_bytes(file), file->code);
	sys_close(file->fd);
	free(file);
}

static void start(struct warm *warm, struct slot *slot)
{
	loop_read(warm->loop, &slot->op, slot->file->fd, slot->buffer, slot->length, slot->offset);
}

static void on_read(struct loop_op *op, int64_t result)
{
	struct slot *slot = container_of(op, struct slot, op);
	struct file *file = slot->file;

	if (result > 0) {
		file->warm->read_bytes += (uint64_t)result;
		slot->offset += (uint64_t)result;
		slot->length -= (size_t)result;
		if (slot->length > 0 && !file->warm->is_ended) {
			start(file->warm, slot);
			return;
		}
	}
	if (result == -EINTR || result == -EAGAIN) {
		start(file->warm, slot);
		return;
	}
	if (result < 0 && !file->code) /* 0: the file has become shorter, and has ended here */
		file->code = (int)-result;
	slot->file = NULL;
	release(file);
}

static int turn(struct warm *warm, int wait_ms)
{
	const struct warm_events *events = &warm->events;
	int result = loop_run(warm->loop, wait_ms < TICK_MS ? wait_ms : TICK_MS);

	if (!warm->is_ended)
		warm->is_ended =
			!events->progress(events->argument, warm->seen_bytes, warm->read_bytes);
	return result < 0 ? result : warm->is_ended ? -ECANCELED : 0;
}

static int delay_ms(const struct warm *warm)
{
	uint64_t now = passed_ns(warm);

	return warm->due_ns <= now ? 0 : (int)size_min((warm->due_ns - now) / 1000000 + 1, 1000);
}

/* What was not read in time is not made up for in one go. */
static void pay_for(struct warm *warm, uint64_t length)
{
	uint64_t now = passed_ns(warm);

	if (!warm->rate)
		return;
	if (warm->due_ns + CATCH_UP_NS < now)
		warm->due_ns = now - CATCH_UP_NS;
	warm->due_ns += (uint64_t)((double)length / (double)warm->rate * 1e9);
}

static struct slot *free_slot(struct warm *warm)
{
	for (unsigned i = 0; i < SLOTS; i++)
		if (!warm->slots[i].file && warm->slots[i].buffer)
			return &warm->slots[i];
	return NULL;
}

/* Negative when it was ended meanwhile. */
static int wait_for_slot(struct warm *warm, struct slot **slot)
{
	int result = 0, delay;

	while (result == 0) {
		*slot = free_slot(warm);
		delay = delay_ms(warm);
		if (*slot && delay == 0)
			return 0;
		result = turn(warm, *slot ? delay : TICK_MS);
	}
	return result;
}

static int read_range(struct warm *warm, struct file *file, uint64_t offset, uint64_t length)
{
	struct slot *slot;
	int result;

	warm->seen_bytes += length;
	/* Only where each page is known to be there: a piece that may have holes is read. */
	if (file->is_all_there || cache_look(file->fd, offset, length).state == CACHE_RESIDENT)
		return 0;
	result = wait_for_slot(warm, &slot);
	if (result < 0)
		return result;
	slot->op.done = on_read;
	slot->file = file;
	slot->offset = offset;
	slot->length = (size_t)length;
	file->pending++;
	pay_for(warm, length);
	start(warm, slot);
	return 0;
}

/* The next piece of data at or behind offset; false behind the last one. */
static bool next_data(int fd, uint64_t size, uint64_t *offset, uint64_t *end)
{
	int64_t data = sys_seek(fd, *offset, SEEK_DATA), hole;

	*end = size;
	if (data == -ENXIO)
		return false;
	if (data < 0) /* a file system that knows no holes */
		return *offset < size;
	*offset = (uint64_t)data;
	hole = sys_seek(fd, *offset, SEEK_HOLE);
	if (hole > data)
		*end = size_min(size, (uint64_t)hole);
	return *offset < size;
}

static int read_all(struct warm *warm, struct file *file, uint64_t size)
{
	uint64_t offset = 0, end;
	int result = 0;

	while (result == 0 && !file->code && next_data(file->fd, size, &offset, &end))
		for (; offset < end && result == 0 && !file->code; offset += warm->piece)
			result =
				read_range(warm, file, offset, size_min(warm->piece, end - offset));
	return result;
}

int warm_take(struct warm *warm, const char *path, int fd, uint64_t size)
{
	struct file *file = malloc(sizeof(*file) + strlen(path) + 1);
	int result;

	if (!file) {
		sys_close(fd);
		return -ENOMEM;
	}
	*file = (struct file){.warm = warm, .pending = 1, .fd = fd};
	strcpy(file->path, path);
	file->has_before = cache_figures(fd, size, &file->before) == 0;
	file->is_all_there = file->has_before && file->before.resident_bytes >= size;
	/*
	 * The kernel's read-ahead makes large pages, which are cheaper for whoever comes next; but
	 * it reads megabytes in one go, whatever the rate is.
	 */
	if (warm->rate)
		sys_fadvise(fd, 0, 0, POSIX_FADV_RANDOM);
	result = read_all(warm, file, size);
	release(file);
	return result;
}

int warm_finish(struct warm *warm)
{
	int result = 0;

	/* Also after it was ended: every file gets its `done`. */
	while (loop_pending(warm->loop) > 0 && (result == 0 || result == -ECANCELED))
		result = turn(warm, TICK_MS);
	return result;
}
