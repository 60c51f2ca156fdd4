/* SPDX-License-Identifier: MIT */
#include "measure/media-levels.h"

#include "base/size.h"

#include <stdio.h>
#include <string.h>

#define LINE         64 /* where nobody tells */
#define INDEXES      8
#define SAME_LEVEL   1.25 /* latency that still is this level's */
#define STILL_RISING 1.12 /* from one size to the next */
#define PAST_ABOVE   4    /* working sets that large find nothing in the cache above */
#define MEMORY_SETS  8    /* caches that fit into the working set of memory, */
#define MEMORY_LEAST 2    /* or at least so many */
#define SMALLEST     (128 * MIB)
#define LARGEST      (512 * MIB)
#define SHARE        4 /* of what memory is available */

static bool read_word(const char *directory, unsigned index, const char *name, char word[32])
{
	char path[512];
	FILE *file;
	bool is_read;

	snprintf(path, sizeof(path), "%s/index%u/%s", directory, index, name);
	file = fopen(path, "re");
	is_read = file && fscanf(file, "%31s", word) == 1;
	if (file)
		fclose(file);
	return is_read;
}

static void read_index(const char *directory, unsigned index, struct media_levels *levels)
{
	char type[32], level[32], size[32], line[32];
	uint64_t bytes, line_bytes;
	unsigned number;

	if (!read_word(directory, index, "type", type) || strcmp(type, "Instruction") == 0 ||
	    !read_word(directory, index, "level", level) || sscanf(level, "%u", &number) != 1 ||
	    number < 1 || number > MEDIA_LEVELS || !read_word(directory, index, "size", size) ||
	    !size_parse(size, &bytes))
		return;
	levels->size[number - 1] = bytes;
	if (number == 1 && read_word(directory, index, "coherency_line_size", line) &&
	    size_parse(line, &line_bytes) && line_bytes >= sizeof(void *))
		levels->line = line_bytes;
}

bool media_levels_read(const char *directory, struct media_levels *levels)
{
	*levels = (struct media_levels){.line = LINE};
	for (unsigned index = 0; index < INDEXES; index++)
		read_index(directory, index, levels);
	return media_levels_largest(levels) > 0;
}

void media_levels_from_curve(const struct media_point *points, size_t count,
			     struct media_levels *levels)
{
	unsigned level = 0;

	*levels = (struct media_levels){.line = LINE};
	for (size_t i = 0; i < count && level < MEDIA_LEVELS;) {
		double own = points[i].seconds;

		while (i < count && points[i].seconds <= SAME_LEVEL * own)
			i++;
		if (i == count)
			return;
		levels->size[level++] = points[i > 0 ? i - 1 : 0].size;
		while (i + 1 < count && points[i + 1].seconds > STILL_RISING * points[i].seconds)
			i++;
	}
}

uint64_t media_levels_largest(const struct media_levels *levels)
{
	uint64_t largest = 0;

	for (unsigned level = 0; level < MEDIA_LEVELS; level++)
		if (levels->size[level] > largest)
			largest = levels->size[level];
	return largest;
}

static uint64_t memory_set(const struct media_levels *levels, uint64_t available)
{
	uint64_t largest = media_levels_largest(levels);
	uint64_t size = MEMORY_SETS * largest;

	size = size < SMALLEST ? SMALLEST : size > LARGEST ? LARGEST : size;
	size = size_round_down(size_min(size, available / SHARE), 2 * MIB);
	return size < MEMORY_LEAST * largest ? 0 : size;
}

uint64_t media_levels_working_set(const struct media_levels *levels, unsigned level,
				  uint64_t available)
{
	uint64_t size, above = 0;

	if (level == MEDIA_LEVELS)
		return memory_set(levels, available);
	for (unsigned i = 0; i < level; i++)
		above = levels->size[i] > above ? levels->size[i] : above;
	size = levels->size[level] / 2;
	if (size <= above)
		return 0;
	size = above ? size_min(size, PAST_ABOVE * above) : size;
	return size <= available / SHARE ? size : 0;
}
