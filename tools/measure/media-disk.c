/* SPDX-License-Identifier: MIT */
/*
 * The disk, past the page cache: O_DIRECT through the loop, as the transfers do it, so by io_uring
 * where the kernel lets us and by threads where not. In a directory it works on a file without a
 * name that is written whole before anything is measured, since what was never written is read from
 * nowhere. A block device is only read.
 *
 * A run is limited in time, and so is the filling: a slow disk gets a smaller file.
 */
#include "base/error.h"
#include "base/size.h"
#include "cache/residency.h"
#include "host/file.h"
#include "loop/loop.h"
#include "measure/media-private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define BLOCK        LOOP_BUFFER_SIZE
#define PIECE        4096
#define DEPTH        8 /* of sequential reads and writes */
#define DEPTH_MAX    32
#define FILL_SECONDS 10.0

enum disk_act { DISK_READ, DISK_WRITE, DISK_READ_RANDOM };

/* One run: so many operations are kept in flight until there is no more to do, or no time. */
struct disk_run {
	enum disk_act act;
	unsigned depth;
	double seconds; /* at most */
	/* private */
	double until;
	uint64_t next, bytes, count;
	unsigned active;
	int status;
};

struct slot {
	struct loop_op op;
	struct disk *disk;
	char *data;
};

struct disk {
	struct loop *loop;
	int fd;
	uint64_t size, seed;
	char *buffers[DEPTH];
	bool is_device;
	const struct measure_media_options *options;
	struct disk_run run; /* here, as are the slots, since they stay the loop's if it fails */
	struct slot slots[DEPTH_MAX];
};

static void next_operation(struct slot *slot)
{
	struct disk *disk = slot->disk;
	struct disk_run *run = &disk->run;
	uint64_t offset = run->next;

	if (run->status < 0 || offset + BLOCK > disk->size || clock_seconds() > run->until) {
		run->active--;
		return;
	}
	if (run->act == DISK_READ_RANDOM) {
		offset = measure_random(&disk->seed) % (disk->size / PIECE) * PIECE;
		loop_read(disk->loop, &slot->op, disk->fd, slot->data, PIECE, offset);
		return;
	}
	run->next += BLOCK;
	if (run->act == DISK_READ)
		loop_read(disk->loop, &slot->op, disk->fd, slot->data, BLOCK, offset);
	else
		loop_write(disk->loop, &slot->op, disk->fd, slot->data, BLOCK, offset);
}

static void operation_done(struct loop_op *op, int64_t result)
{
	struct slot *slot = (struct slot *)op;
	struct disk_run *run = &slot->disk->run;
	int64_t wanted = run->act == DISK_READ_RANDOM ? PIECE : (int64_t)BLOCK;

	if (result != wanted)
		run->status = result < 0 ? (int)result : -EIO;
	else
		run->bytes += (uint64_t)result;
	run->count++;
	next_operation(slot);
}

static void sync_done(struct loop_op *op, int64_t result)
{
	struct slot *slot = (struct slot *)op;

	slot->disk->run.status = result < 0 ? (int)result : 0;
	slot->disk->run.active--;
}

static int wait_for_all(struct disk *disk)
{
	while (disk->run.active > 0) {
		int status = loop_run(disk->loop, -1);

		if (status < 0)
			return status;
	}
	return disk->run.status;
}

static int keep_in_flight(struct disk *disk)
{
	bool is_random = disk->run.act == DISK_READ_RANDOM;

	disk->run.active = disk->run.depth;
	for (unsigned i = 0; i < disk->run.depth; i++) {
		disk->slots[i] = (struct slot){
			.op.done = operation_done,
			.disk = disk,
			.data = is_random ? disk->buffers[0] + (size_t)i * PIECE : disk->buffers[i],
		};
		next_operation(&disk->slots[i]);
	}
	return wait_for_all(disk);
}

/* Written is what the device has for good. */
static int sync_data(struct disk *disk)
{
	disk->slots[0] = (struct slot){.op.done = sync_done, .disk = disk};
	disk->run.active = 1;
	loop_sync(disk->loop, &disk->slots[0].op, disk->fd, true);
	return wait_for_all(disk);
}

static int perform(struct disk *disk, const struct disk_run *run, double *seconds)
{
	double start = clock_seconds();
	int status;

	if (loop_pending(disk->loop) > 0) /* the loop failed in an earlier run */
		return -EIO;
	disk->run = *run;
	disk->run.until = start + run->seconds;
	status = keep_in_flight(disk);
	if (status == 0 && run->act == DISK_WRITE)
		status = sync_data(disk);
	*seconds = clock_seconds() - start;
	return status;
}

static bool has_uring(const struct disk *disk)
{
	return strcmp(loop_name(disk->loop), "io_uring") == 0;
}

static unsigned possible_depth(const struct disk *disk, unsigned depth)
{
	return has_uring(disk) || depth < LOOP_THREADS ? depth : LOOP_THREADS;
}

static void tell_method(const struct disk *disk, const struct media_probe *probe,
			struct measure_media_row *row)
{
	row->size = disk->size;
	snprintf(row->method, sizeof(row->method), "%s, %u in flight, by %s%s", probe->method,
		 disk->run.depth,
		 has_uring(disk) ? "io_uring" : "threads, as io_uring is refused or switched off",
		 disk->is_device ? "; of the block device itself" : "");
}

static int run_sequential(void *state, const struct media_probe *probe,
			  struct measure_media_row *row, double *value, struct sluice_error *error)
{
	struct disk *disk = state;
	struct disk_run run = {.act = (enum disk_act)probe->act, .seconds = 1};
	double seconds;
	int status;

	if (run.act == DISK_WRITE && disk->is_device)
		return error_set(error, EPERM, "a block device is only read");
	run.depth = possible_depth(disk, DEPTH);
	status = perform(disk, &run, &seconds);
	if (status < 0)
		return error_set_errno(error, -status, "O_DIRECT");
	tell_method(disk, probe, row);
	*value = (double)disk->run.bytes / seconds;
	return 0;
}

static int run_random(void *state, const struct media_probe *probe, struct measure_media_row *row,
		      double *value, struct sluice_error *error)
{
	struct disk *disk = state;
	struct disk_run run = {
		.act = DISK_READ_RANDOM, .depth = (unsigned)probe->place, .seconds = 0.3};
	double seconds;
	int status;

	if (possible_depth(disk, run.depth) < run.depth)
		return error_set(
			error, ENOTSUP,
			"io_uring is refused or switched off, and threads have only %u in flight",
			LOOP_THREADS);
	status = perform(disk, &run, &seconds);
	if (status < 0)
		return error_set_errno(error, -status, "O_DIRECT");
	tell_method(disk, probe, row);
	*value = probe->kind == MEASURE_MEDIA_LATENCY ? seconds / (double)disk->run.count
						      : (double)disk->run.bytes / seconds;
	return 0;
}

/* Bytes that no disk takes for zeros, and no two of them the same. */
static void make_content(struct disk *disk)
{
	for (unsigned i = 0; i < DEPTH; i++)
		for (size_t at = 0; at < BLOCK; at += sizeof(uint64_t)) {
			uint64_t word = measure_random(&disk->seed);

			memcpy(disk->buffers[i] + at, &word, sizeof(word));
		}
}

static int fill(struct disk *disk, struct sluice_error *error)
{
	struct disk_run run = {.act = DISK_WRITE, .seconds = FILL_SECONDS};
	double seconds;
	int status;

	make_content(disk);
	run.depth = possible_depth(disk, DEPTH);
	status = perform(disk, &run, &seconds);
	if (status < 0)
		return error_set_errno(error, -status, "writing a file in %s by O_DIRECT",
				       disk->options->disk);
	disk->size = disk->run.bytes;
	if (disk->size < MEASURE_MEDIA_SIZE_MIN)
		return error_set(error, EIO, "in %.0f s the disk took only %llu MiB", seconds,
				 (unsigned long long)(disk->size / MIB));
	return 0;
}

/* Some file systems take O_DIRECT, and go through the page cache after all. */
static int refuse_cached(const struct disk *disk, struct sluice_error *error)
{
	struct cache_residency residency = cache_residency(disk->fd, 0, disk->size);

	if (residency.has_bytes && residency.resident_bytes > disk->size / 8)
		return error_set(error, ENOTSUP,
				 "the file system of %s answers O_DIRECT from the page cache",
				 disk->options->disk);
	return 0;
}

static int choose_size(struct disk *disk, struct sluice_error *error)
{
	char free_text[SIZE_TEXT], wanted[SIZE_TEXT];
	struct statvfs fs;
	uint64_t room;

	if (statvfs(disk->options->disk, &fs) < 0)
		return error_set_errno(error, errno, "%s", disk->options->disk);
	room = (uint64_t)fs.f_bavail * fs.f_frsize;
	disk->size =
		media_file_size(disk->options->size, room, (uint64_t)fs.f_blocks * fs.f_frsize);
	if (disk->size == 0)
		return error_set(error, ENOSPC,
				 "%s has %s free: no room for %s and a reserve; give less with "
				 "--size, or another --disk",
				 disk->options->disk, size_format(free_text, room),
				 disk->options->size ? size_format(wanted, disk->options->size)
						     : "a file");
	disk->size = size_round_down(disk->size, BLOCK);
	return 0;
}

static int check_direct(const struct disk *disk, struct sluice_error *error)
{
	struct statx status;
	uint32_t align;

	if (statx(disk->fd, "", AT_EMPTY_PATH, HOST_FILE_STATX, &status) < 0)
		return error_set_errno(error, errno, "%s", disk->options->disk);
	if (host_file_is_in_memory(disk->fd))
		return error_set(error, ENOTSUP,
				 "the file system of %s is in memory: name a directory on a disk "
				 "with --disk",
				 disk->options->disk);
	align = host_file_direct_align(&status);
	if (align == 0)
		return error_set(error, ENOTSUP, "the file system of %s has no O_DIRECT",
				 disk->options->disk);
	if (align > PIECE)
		return error_set(error, ENOTSUP, "O_DIRECT needs blocks of %u bytes in %s", align,
				 disk->options->disk);
	return 0;
}

static int open_file(struct disk *disk, struct sluice_error *error)
{
	int status;

	disk->fd = measure_scratch_open(disk->options->disk, error);
	if (disk->fd < 0)
		return disk->fd;
	status = check_direct(disk, error);
	if (status < 0)
		return status;
	status = choose_size(disk, error);
	if (status < 0)
		return status;
	if (fcntl(disk->fd, F_SETFL, O_DIRECT) < 0)
		return error_set_errno(error, errno, "%s: O_DIRECT", disk->options->disk);
	/* Room that cannot be had is missed now, not in the middle; not every file system can tell.
	 */
	if (fallocate(disk->fd, 0, 0, (off_t)disk->size) < 0 && errno != EOPNOTSUPP)
		return error_set_errno(error, errno, "a file in %s", disk->options->disk);
	status = fill(disk, error);
	return status < 0 ? status : refuse_cached(disk, error);
}

static int open_device(struct disk *disk, struct sluice_error *error)
{
	off_t whole;

	disk->is_device = true;
	disk->fd = open(disk->options->disk, O_RDONLY | O_DIRECT | O_CLOEXEC);
	whole = disk->fd < 0 ? -1 : lseek(disk->fd, 0, SEEK_END);
	if (whole < 0)
		return error_set_errno(error, errno, "%s", disk->options->disk);
	disk->size = size_round_down((uint64_t)whole, BLOCK);
	if (disk->options->size)
		disk->size = size_min(disk->size, size_round_down(disk->options->size, BLOCK));
	if (disk->size < MEASURE_MEDIA_SIZE_MIN)
		return error_set(error, ENOSPC, "%s is too small to measure", disk->options->disk);
	return 0;
}

static void close_disk(void *state)
{
	struct disk *disk = state;

	for (unsigned i = 0; i < DEPTH; i++)
		if (disk->buffers[i])
			loop_buffer_give(disk->loop, disk->buffers[i]);
	if (disk->loop)
		loop_close(disk->loop);
	if (disk->fd >= 0)
		close(disk->fd);
	free(disk);
}

static int open_loop(struct disk *disk, struct sluice_error *error)
{
	int status = loop_open(&disk->loop, LOOP_AUTO, error);

	for (unsigned i = 0; i < DEPTH && status == 0; i++) {
		disk->buffers[i] = loop_buffer_take(disk->loop);
		if (!disk->buffers[i])
			status = error_set_errno(error, ENOMEM, "buffers");
	}
	return status;
}

static int open_disk(const struct media_host *host, void **state, struct sluice_error *error)
{
	struct disk *disk = calloc(1, sizeof(*disk));
	struct stat status;
	int result;

	if (!disk)
		return error_set_errno(error, ENOMEM, "disk");
	disk->fd = -1;
	disk->options = host->options;
	result = open_loop(disk, error);
	if (result == 0)
		result = stat(host->options->disk, &status) == 0 && S_ISBLK(status.st_mode)
				 ? open_device(disk, error)
				 : open_file(disk, error);
	if (result < 0) {
		close_disk(disk);
		return result;
	}
	*state = disk;
	return 0;
}

static const struct media_probe probes[] = {
	{
		.name = "disk_random_read_latency",
		.group = "disk",
		.label = "disk, 4 KiB",
		.kind = MEASURE_MEDIA_LATENCY,
		.run = run_random,
		.method = "O_DIRECT reads of 4 KiB at random places",
		.place = 1,
	},
	{
		.name = "disk_read_bandwidth",
		.group = "disk",
		.label = "disk, read",
		.kind = MEASURE_MEDIA_BANDWIDTH,
		.run = run_sequential,
		.method = "O_DIRECT reads of 1 MiB in order",
		.act = DISK_READ,
	},
	{
		.name = "disk_write_bandwidth",
		.group = "disk",
		.label = "disk, write",
		.kind = MEASURE_MEDIA_BANDWIDTH,
		.run = run_sequential,
		.method = "O_DIRECT writes of 1 MiB in order into a written file, to the end of "
			  "fdatasync(2)",
		.act = DISK_WRITE,
	},
	{
		.name = "disk_random_read_bandwidth",
		.group = "disk",
		.label = "disk, 4 KiB reads",
		.kind = MEASURE_MEDIA_BANDWIDTH,
		.run = run_random,
		.method = "O_DIRECT reads of 4 KiB at random places",
		.place = DEPTH_MAX,
	},
};

const struct media_module media_disk = {
	.name = "disk",
	.open = open_disk,
	.close = close_disk,
	.probes = probes,
	.count = sizeof(probes) / sizeof(*probes),
};
