/* SPDX-License-Identifier: MIT */
#include "pagecache/map.h"

#include "base/size.h"

void cache_map_open(struct cache_map *map, uint64_t pages, unsigned width)
{
	*map = (struct cache_map){.pages = pages};
	map->width = (unsigned)size_min(pages, size_min(width, CACHE_MAP_MAX));
}

/* pages * cell / width, without the overflow */
static uint64_t start_of(const struct cache_map *map, unsigned cell)
{
	return map->pages / map->width * cell + map->pages % map->width * cell / map->width;
}

static unsigned cell_of(const struct cache_map *map, uint64_t page)
{
	unsigned cell = (unsigned)size_min(page / (map->pages / map->width), map->width - 1);

	while (start_of(map, cell) > page)
		cell--;
	return cell;
}

void cache_map_add(struct cache_map *map, uint64_t first, uint64_t count)
{
	uint64_t end = first + size_min(count, map->pages - size_min(first, map->pages));

	while (first < end) {
		unsigned cell = cell_of(map, first);
		uint64_t until = size_min(end, start_of(map, cell + 1));

		map->cells[cell] += until - first;
		first = until;
	}
}

unsigned cache_map_eighths(const struct cache_map *map, unsigned cell)
{
	uint64_t all = start_of(map, cell + 1) - start_of(map, cell);
	uint64_t resident = map->cells[cell];

	if (resident == 0 || resident >= all)
		return resident ? 8 : 0;
	return 1 + (unsigned)((double)resident / (double)all * 7);
}
