/* SPDX-License-Identifier: MIT */
/*
 * A download that failed with something that may pass: it says why and when it goes on, waits on
 * the loop's timer, and asks for what is missing from where it is. The landing stays open: what is
 * settled is never fetched again.
 */
#include "base/clock.h"
#include "base/container.h"
#include "base/digest.h"
#include "base/error.h"
#include "fetch/download.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>

enum {
	TRIES = 20,
	/* Fruitless ones, after which it may be the range that the server fails at. */
	DOUBTS_AFTER = 4,
};

void again_open(struct download *download)
{
	unsigned tries = download->options.tries;

	download->again.retry.tries = tries == UINT_MAX ? 0 : tries == 0 ? TRIES : tries;
}

/* What an output that cannot be taken back has got stays, and something must follow it. */
static bool can_go_on(const struct download *download)
{
	return download->body.written_to_fd == 0 || download_question_can_go_on(download);
}

/* The kind says where it failed: a disk and a reader of the output have codes like a network's. */
static struct policy judge(const struct download *download, int code)
{
	switch (download->error.kind) {
	case SLUICE_ERROR_HTTP:
	case SLUICE_ERROR_DNS:
		return download->exchange.verdict;
	case SLUICE_ERROR_NETWORK:
	case SLUICE_ERROR_TIMEOUT:
	case SLUICE_ERROR_ENDED:
		return policy_of_failure(code);
	default:
		return (struct policy){.kind = POLICY_NEVER};
	}
}

bool again_is_possible(const struct download *download)
{
	return retry_is_possible(&download->again.retry, download_done(download));
}

bool again_doubts_range(const struct download *download)
{
	return !again_is_possible(download) ||
	       retry_failures(&download->again.retry, download_done(download)) > DOUBTS_AFTER;
}

static void on_timer(struct loop_timer *timer)
{
	struct download *download = container_of(timer, struct download, again.timer);

	download->again.is_waiting = false;
	download_wake(download);
}

static uint64_t any_number(void)
{
	uint64_t now = clock_ns();

	return digest_add(DIGEST_START, &now, sizeof(now)) >> 8;
}

static void wait(struct download *download, uint64_t after_seconds)
{
	struct again *again = &download->again;
	uint64_t pause = retry_pause_ms(&again->retry, after_seconds, any_number());
	char words[128], line[sizeof(download->error.text) + sizeof(words) + 2];

	retry_words(&again->retry, pause, after_seconds, words, sizeof(words));
	snprintf(line, sizeof(line), "%s: %s", download->error.text, words);
	download_note(download, line);
	again->timer.fire = on_timer;
	again->is_waiting = true;
	loop_timer_set(download->loop, &again->timer, pause);
	exchange_disconnect(&download->exchange);
}

int download_try_again(struct download *download, int code)
{
	struct policy policy = judge(download, code);
	struct retry *retry = &download->again.retry;

	if (can_go_on(download) && mirrors_go_on(download, policy.kind == POLICY_AGAIN)) {
		exchange_disconnect(&download->exchange);
		download_question_again(download);
		return 0;
	}
	if (policy.kind != POLICY_AGAIN || !can_go_on(download))
		return code;
	if (!again_is_possible(download)) {
		if (retry->tries > 1)
			error_append(&download->error, " (tried %u times)", retry->tries);
		return code;
	}
	retry_count(retry, download_done(download));
	wait(download, policy.after_seconds);
	download_question_again(download);
	return 0;
}

int download_pause(struct download *download)
{
	return download->again.is_waiting ? download_wait_exchange(download) : 0;
}

void again_close(struct download *download)
{
	if (download->loop)
		loop_timer_cancel(download->loop, &download->again.timer);
}
