/* SPDX-License-Identifier: MIT */
#include "path/appetite.h"

#include "base/size.h"

/* One block is being sent while the next is read. */
#define WINDOW_MIN   (2 * APPETITE_BLOCK_MIN)
#define WINDOW_MAX   (APPETITE_DEPTH * APPETITE_BLOCK_MAX)
#define WINDOW_FIRST (2 * APPETITE_BLOCK_MAX)

/* How long a busy disk may take to answer. */
#define ANSWER_MS 16

struct appetite appetite_new(bool is_plenty, uint64_t now_ms)
{
	return (struct appetite){
		.window = is_plenty ? WINDOW_FIRST : WINDOW_FIRST / 4,
		.full_ms = now_ms,
		.moved_ms = now_ms,
	};
}

/* What the peer takes in ANSWER_MS, by its rate since the socket was full last. */
static uint64_t need(const struct appetite *appetite, uint64_t now_ms)
{
	uint64_t ms = now_ms > appetite->full_ms ? now_ms - appetite->full_ms : 1;

	return size_min(appetite->sent, UINT64_MAX / ANSWER_MS) * ANSWER_MS / ms;
}

void appetite_sent(struct appetite *appetite, uint64_t bytes, uint64_t now_ms)
{
	appetite->sent += bytes;
	appetite->moved_ms = now_ms;
}

void appetite_full(struct appetite *appetite, uint64_t now_ms)
{
	uint64_t needed = size_min(need(appetite, now_ms), WINDOW_MAX);

	if (appetite->sent == 0)
		return;
	appetite->window = (appetite->window + needed) / 2;
	appetite->sent = 0;
	appetite->full_ms = now_ms;
}

void appetite_starved(struct appetite *appetite, uint64_t now_ms)
{
	if (need(appetite, now_ms) >= appetite->window)
		appetite->window = size_min(appetite->window * 2, WINDOW_MAX);
}

void appetite_robbed(struct appetite *appetite)
{
	appetite->window = WINDOW_MIN;
}

size_t appetite_block(const struct appetite *appetite)
{
	uint64_t block = APPETITE_BLOCK_MIN;

	while (block < APPETITE_BLOCK_MAX && block * 4 <= appetite->window)
		block *= 2;
	return block;
}

unsigned appetite_depth(const struct appetite *appetite)
{
	uint64_t block = appetite_block(appetite);
	uint64_t depth = (appetite->window + block - 1) / block;

	return depth < 2 ? 2 : (unsigned)size_min(depth, APPETITE_DEPTH);
}
