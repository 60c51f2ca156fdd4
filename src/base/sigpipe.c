/* SPDX-License-Identifier: MIT */
#include "base/sigpipe.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <time.h>

static _Thread_local struct {
	unsigned depth;
	bool is_blocked;               /* by us, or found so */
	bool was_blocked, was_pending; /* before us */
	bool was_raised;               /* since we blocked it */
} thread;

static sigset_t only_sigpipe(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	return set;
}

static bool is_pending(void)
{
	sigset_t pending;

	return sigpending(&pending) == 0 && sigismember(&pending, SIGPIPE) == 1;
}

static void block(void)
{
	sigset_t set = only_sigpipe(), before;

	pthread_sigmask(SIG_BLOCK, &set, &before);
	thread.is_blocked = true;
	thread.was_blocked = sigismember(&before, SIGPIPE) == 1;
	thread.was_pending = thread.was_blocked && is_pending();
	thread.was_raised = false;
}

void sigpipe_enter(void)
{
	thread.depth++;
}

void sigpipe_expect(void)
{
	if (thread.depth > 0 && !thread.is_blocked)
		block();
}

void sigpipe_note(void)
{
	thread.was_raised = true;
}

static void take_out(const sigset_t *set)
{
	const struct timespec now = {0};

	while (sigtimedwait(set, NULL, &now) < 0 && errno == EINTR)
		;
}

void sigpipe_leave(void)
{
	sigset_t set = only_sigpipe();

	if (--thread.depth > 0 || !thread.is_blocked)
		return;
	if (thread.was_raised && !thread.was_pending)
		take_out(&set);
	if (!thread.was_blocked)
		pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	thread.is_blocked = false;
}
