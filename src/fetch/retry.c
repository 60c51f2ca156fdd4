/* SPDX-License-Identifier: MIT */
#include "fetch/retry.h"

#include "base/size.h"

#include <stdio.h>

unsigned retry_failures(const struct retry *retry, uint64_t done)
{
	return done > retry->best ? 1 : retry->failed + 1;
}

bool retry_is_possible(const struct retry *retry, uint64_t done)
{
	return retry->tries == 0 || retry_failures(retry, done) < retry->tries;
}

void retry_count(struct retry *retry, uint64_t done)
{
	retry->failed = retry_failures(retry, done);
	if (done > retry->best)
		retry->best = done;
}

uint64_t retry_pause_ms(const struct retry *retry, uint64_t after_seconds, uint64_t random)
{
	unsigned doublings = retry->failed > 0 ? retry->failed - 1 : 0;
	uint64_t most = RETRY_MOST_MS, asked = size_min(after_seconds, RETRY_AFTER_MOST_S) * 1000;

	if (doublings < 16)
		most = size_min(most, (uint64_t)RETRY_FIRST_MS << doublings);
	/* Jitter comes on top: others were told the same time. */
	if (asked > 0)
		return asked + random % RETRY_FIRST_MS;
	return random % (most + 1);
}

static void put_time(uint64_t ms, char *text, size_t size)
{
	if (ms < 9950)
		snprintf(text, size, "%.1f s", (double)ms / 1000);
	else if (ms < 120 * 1000)
		snprintf(text, size, "%llu s", (unsigned long long)(ms + 500) / 1000);
	else
		snprintf(text, size, "%llu min", (unsigned long long)(ms + 30000) / 60000);
}

void retry_words(const struct retry *retry, uint64_t pause_ms, uint64_t after_seconds, char *words,
		 size_t size)
{
	char pause[32], asked[64] = "", of[16] = "";

	put_time(pause_ms, pause, sizeof(pause));
	if (after_seconds > RETRY_AFTER_MOST_S)
		snprintf(asked, sizeof(asked), ", although the server asks for %llu min",
			 (unsigned long long)after_seconds / 60);
	if (retry->tries > 0)
		snprintf(of, sizeof(of), " of %u", retry->tries);
	snprintf(words, size, "again in %s%s (%u%s)", pause, asked, retry->failed + 1, of);
}
