/* SPDX-License-Identifier: MIT */
/* Sizes and rates as people write and read them, and checked 64-bit arithmetic. Pure. */
#ifndef SLUICE_BASE_SIZE_H
#define SLUICE_BASE_SIZE_H

#include <stdbool.h>
#include <stdint.h>

#define KIB ((uint64_t)1 << 10)
#define MIB ((uint64_t)1 << 20)
#define GIB ((uint64_t)1 << 30)

#define SIZE_TEXT 32

/* "512", "64K", "1.5G" (binary units, K M G T, an optional iB or B behind them). */
bool size_parse(const char *text, uint64_t *bytes);
/* "1.5 GiB"; returns text. */
char *size_format(char text[SIZE_TEXT], uint64_t bytes);

static inline bool size_add(uint64_t a, uint64_t b, uint64_t *sum)
{
	return !__builtin_add_overflow(a, b, sum);
}

static inline uint64_t size_min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* unit is a power of two */
static inline uint64_t size_round_down(uint64_t value, uint64_t unit)
{
	return value & ~(unit - 1);
}

/* value is at least unit below 2^64 */
static inline uint64_t size_round_up(uint64_t value, uint64_t unit)
{
	return size_round_down(value + unit - 1, unit);
}

#endif
