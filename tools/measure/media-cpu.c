/* SPDX-License-Identifier: MIT */
/*
 * The CPU's caches and memory. Latency is that of a load whose address comes from the load before
 * it: a walk over all lines of the working set in one random circle, so that no prefetcher knows
 * the next. The circle is on huge pages where the kernel gives them: else the walk would measure
 * how addresses are translated. Bandwidth is that of one thread, on ordinary pages, as most
 * programs have them.
 *
 * All rows share two pieces of memory, one of each kind of page; each run prepares its own anew and
 * goes over it once before the clock starts.
 */
#include "base/error.h"
#include "base/size.h"
#include "measure/media-levels.h"
#include "measure/media-private.h"
#include "measure/media-stream.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define HUGE_PAGE    (2 * MIB)
#define CURVE_FROM   (4 * KIB)
#define CURVE_TO     (256 * MIB)
#define CURVE_POINTS 40
#define PROBES_MAX   16

enum act { CHASE, READ, WRITE, COPY };

struct cpu {
	struct media_levels levels;
	uint64_t available;
	char *mapping, *huge, *ordinary; /* both begin at a huge page */
	uint64_t mapping_size, size;     /* size is that of each */
	bool is_from_curve, has_huge_pages;
	uint64_t counts[PROBES_MAX];
};

/* What one run works on. */
struct piece {
	void **line; /* where the walk stands */
	char *data;
	uint64_t size;
};

/* Sattolo's shuffle makes a permutation that is one circle; the lines hold it themselves. */
static void make_circle(struct piece *piece, uint64_t line)
{
	uint64_t seed = 1, count = piece->size / line;
	char *data = piece->data;

	for (uint64_t i = 0; i < count; i++)
		*(void **)(data + i * line) = data + i * line;
	for (uint64_t i = count - 1; i > 0; i--) {
		void **one = (void **)(data + i * line);
		void **other = (void **)(data + measure_random(&seed) % i * line);
		void *kept = *one;

		*one = *other;
		*other = kept;
	}
	piece->line = (void **)data;
}

static int chase(void *argument, uint64_t count)
{
	struct piece *piece = argument;
	void **line = piece->line;

	for (uint64_t i = 0; i < count; i++)
		line = *line;
	piece->line = line;
	__asm__ volatile("" : : "r"(line) : "memory");
	return 0;
}

static int read_over(void *argument, uint64_t count)
{
	const struct piece *piece = argument;

	for (uint64_t i = 0; i < count; i++)
		media_stream_read(piece->data, piece->size);
	return 0;
}

static int write_over(void *argument, uint64_t count)
{
	const struct piece *piece = argument;

	for (uint64_t i = 0; i < count; i++)
		media_stream_write(piece->data, piece->size);
	return 0;
}

static int copy_over(void *argument, uint64_t count)
{
	const struct piece *piece = argument;
	uint64_t half = piece->size / 2;

	for (uint64_t i = 0; i < count; i++) {
		memcpy(piece->data, piece->data + half, half);
		__asm__ volatile("" : : "r"(piece->data) : "memory");
	}
	return 0;
}

/* Seconds of a load. The walk goes round once before the clock starts. */
static double chase_seconds(struct cpu *cpu, uint64_t size, uint64_t *count)
{
	struct piece piece = {.data = cpu->huge, .size = size};
	double seconds = 0;

	make_circle(&piece, cpu->levels.line);
	chase(&piece, size / cpu->levels.line);
	media_time(count, chase, &piece, &seconds);
	return seconds;
}

static double stream_rate(struct cpu *cpu, enum act act, uint64_t size, uint64_t *count)
{
	static int (*const over[])(void *, uint64_t) = {
		[READ] = read_over, [WRITE] = write_over, [COPY] = copy_over};
	struct piece piece = {.data = cpu->ordinary, .size = size};
	double seconds = 1;

	over[act](&piece, 1);
	media_time(count, over[act], &piece, &seconds);
	return (double)(act == COPY ? size / 2 : size) / seconds;
}

static int no_set(const struct cpu *cpu, unsigned level, struct sluice_error *error)
{
	char available[SIZE_TEXT];

	if (level < MEDIA_LEVELS && cpu->levels.size[level] == 0)
		return error_set(error, ENOTSUP, "this CPU has no such cache, or none that shows");
	if (level < MEDIA_LEVELS && cpu->levels.size[level] / 2 <= cpu->available / 4)
		return error_set(error, ENOTSUP, "hardly larger than the cache above it");
	return error_set(error, ENOMEM,
			 "%s of memory are available: too little to go past the caches",
			 size_format(available, cpu->available));
}

static void tell_method(const struct cpu *cpu, const struct media_probe *probe,
			struct measure_media_row *row)
{
	const char *pages =
		cpu->has_huge_pages ? ", on huge pages" : "; huge pages could not be had";

	snprintf(row->method, sizeof(row->method), "%s%s%s", probe->method,
		 probe->act == CHASE ? pages : "",
		 cpu->is_from_curve ? "; cache sizes found from the latency" : "");
}

static int run(void *state, const struct media_probe *probe, struct measure_media_row *row,
	       double *value, struct sluice_error *error)
{
	struct cpu *cpu = state;
	unsigned level = (unsigned)probe->place;
	uint64_t *count = &cpu->counts[probe->place * 4 + probe->act];

	row->size = media_levels_working_set(&cpu->levels, level, cpu->available);
	row->size = size_round_down(row->size, (uint64_t)2 * MEDIA_STREAM_STEP);
	if (row->size == 0)
		return no_set(cpu, level, error);
	tell_method(cpu, probe, row);
	if (*count == 0)
		*count = 1;
	*value = probe->act == CHASE ? chase_seconds(cpu, row->size, count)
				     : stream_rate(cpu, probe->act, row->size, count);
	return 0;
}

/* How much of this process is on huge pages. */
static uint64_t huge_bytes(void)
{
	FILE *file = fopen("/proc/self/smaps_rollup", "re");
	unsigned long long kib = 0;
	char line[256];

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "AnonHugePages: %llu kB", &kib) == 1)
			break;
	if (file)
		fclose(file);
	return kib * KIB;
}

static int map_memory(struct cpu *cpu, uint64_t size, struct sluice_error *error)
{
	uint64_t each = size_round_up(size, HUGE_PAGE), whole = 2 * each + HUGE_PAGE;
	char *mapping =
		mmap(NULL, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (mapping == MAP_FAILED)
		return error_set_errno(error, errno, "memory to measure in");
	cpu->mapping = mapping;
	cpu->mapping_size = whole;
	cpu->huge = (char *)size_round_up((uintptr_t)mapping, HUGE_PAGE);
	cpu->ordinary = cpu->huge + each;
	cpu->size = each;
	madvise(cpu->huge, each, MADV_HUGEPAGE);
	madvise(cpu->ordinary, each, MADV_NOHUGEPAGE);
	memset(cpu->huge, 1, 2 * each);
	cpu->has_huge_pages = huge_bytes() >= each / 2;
	return 0;
}

static struct media_point measure_point(struct cpu *cpu, uint64_t size)
{
	uint64_t count = 1;

	return (struct media_point){size, chase_seconds(cpu, size, &count)};
}

static void find_levels(struct cpu *cpu)
{
	struct media_point points[CURVE_POINTS];
	uint64_t line = cpu->levels.line;
	size_t found = 0;

	/* In steps of a half: 4 KiB, 6 KiB, 8 KiB, 12 KiB, ... */
	for (uint64_t size = CURVE_FROM; size <= cpu->size && found + 2 <= CURVE_POINTS; size *= 2)
		for (unsigned step = 2; step <= 3 && size / 2 * step <= cpu->size; step++)
			points[found++] = measure_point(cpu, size / 2 * step);
	media_levels_from_curve(points, found, &cpu->levels);
	cpu->levels.line = line;
	cpu->is_from_curve = true;
}

static uint64_t memory_size(const struct cpu *cpu, bool has_levels)
{
	uint64_t size = has_levels ? 0 : size_min(CURVE_TO, cpu->available / 4);

	for (unsigned level = 0; level <= MEDIA_LEVELS; level++) {
		uint64_t set = media_levels_working_set(&cpu->levels, level, cpu->available);

		size = set > size ? set : size;
	}
	return size;
}

static void close_cpu(void *state)
{
	struct cpu *cpu = state;

	if (cpu->mapping)
		munmap(cpu->mapping, cpu->mapping_size);
	free(cpu);
}

static int open_cpu(const struct media_host *host, void **state, struct sluice_error *error)
{
	struct cpu *cpu = calloc(1, sizeof(*cpu));
	char directory[64];
	bool has_levels;
	int result;

	if (!cpu)
		return error_set_errno(error, ENOMEM, "memory to measure in");
	cpu->available = host->available;
	snprintf(directory, sizeof(directory), "/sys/devices/system/cpu/cpu%d/cache", host->cpu);
	has_levels = media_levels_read(directory, &cpu->levels);
	result = map_memory(cpu, memory_size(cpu, has_levels), error);
	if (result < 0) {
		close_cpu(cpu);
		return result;
	}
	if (!has_levels)
		find_levels(cpu);
	*state = cpu;
	return 0;
}

#define LATENCY "each load waits for the one before, lines of the working set in random order"
#define READING "one thread loads every byte of the working set, in vectors"
#define WRITING "one thread stores to every byte of the working set, in vectors"
#define COPYING "memcpy from one half of the working set to the other, bytes copied counted once"
#define ROWS(prefix, in_group, words, number)                                                      \
	{.name = prefix "_latency",                                                                \
	 .group = in_group,                                                                        \
	 .label = words,                                                                           \
	 .kind = MEASURE_MEDIA_LATENCY,                                                            \
	 .run = run,                                                                               \
	 .method = LATENCY,                                                                        \
	 .place = number,                                                                          \
	 .act = CHASE},                                                                            \
		{.name = prefix "_read_bandwidth",                                                 \
		 .group = in_group,                                                                \
		 .label = words ", read",                                                          \
		 .kind = MEASURE_MEDIA_BANDWIDTH,                                                  \
		 .run = run,                                                                       \
		 .method = READING,                                                                \
		 .place = number,                                                                  \
		 .act = READ},                                                                     \
		{.name = prefix "_write_bandwidth",                                                \
		 .group = in_group,                                                                \
		 .label = words ", write",                                                         \
		 .kind = MEASURE_MEDIA_BANDWIDTH,                                                  \
		 .run = run,                                                                       \
		 .method = WRITING,                                                                \
		 .place = number,                                                                  \
		 .act = WRITE},                                                                    \
	{                                                                                          \
		.name = prefix "_copy_bandwidth", .group = in_group, .label = words ", copy",      \
		.kind = MEASURE_MEDIA_BANDWIDTH, .run = run, .method = COPYING, .place = number,   \
		.act = COPY                                                                        \
	}

static const struct media_probe probes[] = {
	ROWS("l1", "cpu", "L1 cache", 0),
	ROWS("l2", "cpu", "L2 cache", 1),
	ROWS("l3", "cpu", "L3 cache", 2),
	ROWS("memory", "memory", "memory", 3),
};

const struct media_module media_cpu = {
	.name = "cpu",
	.is_pinned = true,
	.open = open_cpu,
	.close = close_cpu,
	.probes = probes,
	.count = sizeof(probes) / sizeof(*probes),
};
