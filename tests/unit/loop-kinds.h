/* SPDX-License-Identifier: MIT */
/*
 * Runs the same tests on both backends of the loop, and in children that a sandbox limits.
 *
 * Invariant: a test that waits for the loop gives up after WAIT_MS, so a lost wake-up fails it
 * instead of stopping the run.
 */
#ifndef SLUICE_TESTS_LOOP_KINDS_H
#define SLUICE_TESTS_LOOP_KINDS_H

#include "base/clock.h"
#include "loop/loop-private.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define WAIT_MS        20000
#define COUNT_OF(list) (sizeof(list) / sizeof(*(list)))

static enum loop_kind kind;

static inline struct loop *loop_new(void)
{
	struct loop *loop = NULL;
	struct sluice_error error;

	assert_int_equal(loop_open(&loop, kind, &error), 0);
	return loop;
}

/* Turns the loop until *count is at least wanted. */
static inline void run_until(struct loop *loop, const int *count, int wanted)
{
	uint64_t end = loop_now_ms(loop) + WAIT_MS;

	while (*count < wanted) {
		assert_true(loop_now_ms(loop) < end);
		assert_int_equal(loop_run(loop, WAIT_MS), 0);
	}
}

static inline int is_readable(struct loop *loop, int timeout_ms)
{
	struct pollfd item = {.fd = loop_fd(loop), .events = POLLIN};

	return poll(&item, 1, timeout_ms);
}

static inline int set_uring(void **state)
{
	kind = LOOP_URING;
	return 0;
}

static inline int set_epoll(void **state)
{
	kind = LOOP_EPOLL;
	return 0;
}

static inline bool has_uring(void)
{
	struct loop *loop;
	struct sluice_error error;

	if (loop_open(&loop, LOOP_URING, &error) < 0) {
		print_message("io_uring is not tested here: %s\n", error.text);
		return false;
	}
	loop_close(loop);
	return true;
}

#define RUN_BOTH(tests)                                                                            \
	(cmocka_run_group_tests_name("epoll", tests, set_epoll, NULL) +                            \
	 (has_uring() ? cmocka_run_group_tests_name("io_uring", tests, set_uring, NULL) : 0))

#endif
