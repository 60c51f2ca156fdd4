/* SPDX-License-Identifier: MIT */
/*
 * What a file costs that is in the page cache: read(2) copies it, a mapping shows it, and each
 * takes a while to begin. The file is made in the directory that --disk names, since file systems
 * keep their pages differently; where none can be made there, it is one in memory.
 *
 * Every run reads the file once before its clock starts: some kernels give up pages nobody used for
 * a while.
 */
#include "base/error.h"
#include "base/size.h"
#include "measure/media-private.h"
#include "measure/media-stream.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define BLOCK     MIB
#define PIECE     4096
#define FILE_SIZE (256 * MIB)
#define SHARE     8 /* of what memory is available */

struct page_cache {
	int fd;
	uint64_t size, seed;
	uint64_t read_count, piece_count;
	char *block;
	bool is_in_memory;
};

/* 0 where a call moved all that it was asked to, else -errno. */
static int whole(ssize_t count, size_t wanted)
{
	if (count < 0)
		return -errno;
	return (size_t)count == wanted ? 0 : -EIO;
}

static int read_whole(struct page_cache *cache)
{
	int status = 0;

	for (uint64_t offset = 0; offset < cache->size && status == 0; offset += BLOCK)
		status = whole(pread(cache->fd, cache->block, BLOCK, (off_t)offset), BLOCK);
	return status;
}

static int read_over(void *argument, uint64_t count)
{
	int status = 0;

	for (uint64_t i = 0; i < count && status == 0; i++)
		status = read_whole(argument);
	return status;
}

static int read_pieces(void *argument, uint64_t count)
{
	struct page_cache *cache = argument;
	int status = 0;

	for (uint64_t i = 0; i < count && status == 0; i++) {
		uint64_t offset = measure_random(&cache->seed) % (cache->size / PIECE) * PIECE;

		status = whole(pread(cache->fd, cache->block, PIECE, (off_t)offset), PIECE);
	}
	return status;
}

static void prepare(const struct page_cache *cache, const struct media_probe *probe,
		    struct measure_media_row *row)
{
	snprintf(row->method, sizeof(row->method), "%s%s", probe->method,
		 cache->is_in_memory ? "; the file is one in memory (memfd)" : "");
	row->size = cache->size;
}

static int run_read(void *state, const struct media_probe *probe, struct measure_media_row *row,
		    double *value, struct sluice_error *error)
{
	struct page_cache *cache = state;
	double seconds = 0;
	int status = read_whole(cache);

	prepare(cache, probe, row);
	if (status == 0)
		status = media_time(&cache->read_count, read_over, cache, &seconds);
	if (status < 0)
		return error_set_errno(error, -status, "reading a cached file");
	*value = (double)cache->size / seconds;
	return 0;
}

static int run_pieces(void *state, const struct media_probe *probe, struct measure_media_row *row,
		      double *value, struct sluice_error *error)
{
	struct page_cache *cache = state;
	int status = read_whole(cache);

	prepare(cache, probe, row);
	if (status == 0)
		status = media_time(&cache->piece_count, read_pieces, cache, value);
	return status < 0 ? error_set_errno(error, -status, "reading a cached file") : 0;
}

/* Adds what it takes to read a new mapping from end to end. */
static int read_mapping(const struct page_cache *cache, double *seconds)
{
	double start = clock_seconds();
	void *data = mmap(NULL, cache->size, PROT_READ, MAP_SHARED, cache->fd, 0);

	if (data == MAP_FAILED)
		return -errno;
	media_stream_read(data, cache->size);
	*seconds += clock_seconds() - start;
	munmap(data, cache->size);
	return 0;
}

static int run_mapped(void *state, const struct media_probe *probe, struct measure_media_row *row,
		      double *value, struct sluice_error *error)
{
	struct page_cache *cache = state;
	double seconds = 0;
	uint64_t bytes = 0;
	int status = read_whole(cache);

	prepare(cache, probe, row);
	while (status == 0 && seconds < MEDIA_RUN_SECONDS) {
		status = read_mapping(cache, &seconds);
		bytes += cache->size;
	}
	if (status < 0)
		return error_set_errno(error, -status, "mapping a cached file");
	*value = (double)bytes / seconds;
	return 0;
}

static int fill(struct page_cache *cache, uint64_t size)
{
	memset(cache->block, 1, BLOCK);
	for (; cache->size < size; cache->size += BLOCK) {
		int status = whole(write(cache->fd, cache->block, BLOCK), BLOCK);

		if (status < 0)
			return status;
	}
	/* On the disk the pages are clean, as those of a file that was read are. */
	return fsync(cache->fd) < 0 ? -errno : 0;
}

/* A file in the directory, if there is room to spare for it. */
static int open_in_directory(const char *directory, uint64_t size)
{
	struct sluice_error ignored;
	struct statvfs fs;

	if (statvfs(directory, &fs) < 0 || (uint64_t)fs.f_bavail * fs.f_frsize / 2 < size)
		return -ENOSPC;
	return measure_scratch_open(directory, &ignored);
}

static int make_file(struct page_cache *cache, const char *directory, uint64_t size)
{
	cache->fd = open_in_directory(directory, size);
	if (cache->fd >= 0 && fill(cache, size) == 0)
		return 0;
	if (cache->fd >= 0)
		close(cache->fd);
	cache->size = 0;
	cache->is_in_memory = true;
	cache->fd = memfd_create("sluice-media", MFD_CLOEXEC);
	return cache->fd < 0 ? -errno : fill(cache, size);
}

static void close_page_cache(void *state)
{
	struct page_cache *cache = state;

	if (cache->fd >= 0)
		close(cache->fd);
	free(cache->block);
	free(cache);
}

static int open_page_cache(const struct media_host *host, void **state, struct sluice_error *error)
{
	uint64_t size = size_round_down(size_min(FILE_SIZE, host->available / SHARE), BLOCK);
	struct page_cache *cache;
	int status;

	if (size < 16 * MIB)
		return error_set(error, ENOMEM, "too little memory is available to cache a file");
	cache = calloc(1, sizeof(*cache));
	if (!cache)
		return error_set_errno(error, ENOMEM, "a cached file");
	*cache = (struct page_cache){.fd = -1, .seed = 1, .read_count = 1, .piece_count = 1000};
	cache->block = aligned_alloc(PIECE, BLOCK);
	status = cache->block ? make_file(cache, host->options->disk, size) : -ENOMEM;
	if (status < 0) {
		close_page_cache(cache);
		return error_set_errno(error, -status, "a file to cache");
	}
	*state = cache;
	return 0;
}

static const struct media_probe probes[] = {
	{
		.name = "page_cache_latency",
		.group = "page_cache",
		.label = "page cache, 4 KiB",
		.kind = MEASURE_MEDIA_LATENCY,
		.run = run_pieces,
		.method = "pread(2) of 4 KiB at random places of a cached file",
	},
	{
		.name = "page_cache_read_bandwidth",
		.group = "page_cache",
		.label = "page cache, read",
		.kind = MEASURE_MEDIA_BANDWIDTH,
		.run = run_read,
		.method = "pread(2) of a cached file, 1 MiB at a time into the same place",
	},
	{
		.name = "page_cache_mapped_bandwidth",
		.group = "page_cache",
		.label = "page cache, mapped",
		.kind = MEASURE_MEDIA_BANDWIDTH,
		.run = run_mapped,
		.method = "every byte of a new mapping of a cached file is loaded, with the page "
			  "faults of that",
	},
};

const struct media_module media_page_cache = {
	.name = "page cache",
	.is_pinned = true,
	.open = open_page_cache,
	.close = close_page_cache,
	.probes = probes,
	.count = sizeof(probes) / sizeof(*probes),
};
