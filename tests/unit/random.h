/* SPDX-License-Identifier: MIT */
/* xorshift64*: the same numbers from the same seed, which must not be 0. */
#ifndef SLUICE_TESTS_RANDOM_H
#define SLUICE_TESTS_RANDOM_H

#include <stdint.h>

static uint64_t random_state;

static uint64_t random_below(uint64_t end)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return (random_state * 0x2545f4914f6cdd1d >> 16) % end;
}

#endif
