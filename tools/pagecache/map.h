/* SPDX-License-Identifier: MIT */
/* Where a file is resident, as a row of cells. Pure. */
#ifndef SLUICE_PAGECACHE_MAP_H
#define SLUICE_PAGECACHE_MAP_H

#include <stdint.h>

#define CACHE_MAP_MAX 512

struct cache_map {
	uint64_t pages;                /* of the file */
	unsigned width;                /* cells, at most as many as pages */
	uint64_t cells[CACHE_MAP_MAX]; /* resident pages in each */
};

/* Empty, of at most width cells. */
void cache_map_open(struct cache_map *map, uint64_t pages, unsigned width);
/* Takes in resident pages; each page once. What lies behind the end is left out. */
void cache_map_add(struct cache_map *map, uint64_t first, uint64_t count);
/* 0: none of the cell is resident, 8: all of it; 1 to 7 between. */
unsigned cache_map_eighths(const struct cache_map *map, unsigned cell);

#endif
