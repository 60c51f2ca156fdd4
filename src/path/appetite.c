/* SPDX-License-Identifier: MIT */
#include "path/appetite.h"

#include "base/size.h"

#define BLOCK_MIN ((uint64_t)64 << 10)
#define BLOCK_MAX ((uint64_t)1 << 20)

/* One is being sent, the next one read. */
enum { DEPTH_MIN = 2 };

struct appetite appetite_new(bool is_plenty, uint64_t now_ms)
{
	return (struct appetite){
		.usual = is_plenty ? BLOCK_MAX : BLOCK_MAX / 4,
		.depth = DEPTH_MIN,
		.moved_ms = now_ms,
	};
}

void appetite_sent(struct appetite *appetite, uint64_t bytes, uint64_t now_ms)
{
	appetite->burst += bytes;
	appetite->moved_ms = now_ms;
}

void appetite_full(struct appetite *appetite)
{
	if (appetite->burst > 0)
		appetite->usual = appetite->burst;
	appetite->burst = 0;
}

/* Before the first byte everybody waits for the disk, and it says nothing. */
void appetite_starved(struct appetite *appetite)
{
	if (appetite->burst > 0)
		appetite->depth = (unsigned)size_min(appetite->depth * 2, APPETITE_DEPTH);
}

void appetite_robbed(struct appetite *appetite)
{
	appetite->depth = DEPTH_MIN;
}

size_t appetite_block(const struct appetite *appetite)
{
	uint64_t bytes = appetite->burst > appetite->usual ? appetite->burst : appetite->usual;
	uint64_t block = BLOCK_MIN;

	while (block < bytes && block < BLOCK_MAX)
		block *= 2;
	return block;
}
