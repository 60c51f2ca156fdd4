/* SPDX-License-Identifier: MIT */
/* The buffer pool: its bound, who gets what comes free, and what goes back to the system. */
#include "loop-requests.h"

static void test_pool(void **state)
{
	struct loop *loop = loop_new();
	char *all[LOOP_BUFFERS_MAX];

	for (int i = 0; i < LOOP_BUFFERS_MAX; i++) {
		all[i] = loop_buffer_take(loop);
		assert_non_null(all[i]);
		assert_int_equal((uintptr_t)all[i] % LOOP_BUFFER_SIZE, 0);
		all[i][0] = (char)i;
		all[i][LOOP_BUFFER_SIZE - 1] = (char)-i;
	}
	assert_null(loop_buffer_take(loop));
	for (int i = 0; i < LOOP_BUFFERS_MAX; i++) {
		assert_int_equal(all[i][0], (char)i);
		assert_int_equal(all[i][LOOP_BUFFER_SIZE - 1], (char)-i);
	}
	loop_buffer_give(loop, all[40]);
	assert_ptr_equal(loop_buffer_take(loop), all[40]);
	assert_null(loop_buffer_take(loop));
	loop_buffer_give(loop, all[7]);
	loop_buffer_give(loop, all[3]);
	assert_ptr_equal(loop_buffer_take(loop), all[3]);
	assert_ptr_equal(loop_buffer_take(loop), all[7]);
	loop_close(loop);
}

struct waiter {
	struct loop_task task;
	struct loop *loop;
	char *data;
	int runs;
	bool takes;
};

static void waiter_run(struct loop_task *task)
{
	struct waiter *waiter = (struct waiter *)task;

	waiter->runs++;
	if (waiter->takes)
		waiter->data = loop_buffer_take(waiter->loop);
}

static struct waiter make_waiter(struct loop *loop)
{
	return (struct waiter){.task.run = waiter_run, .loop = loop, .takes = true};
}

static char *take_all(struct loop *loop)
{
	char *data, *last = NULL;

	while ((data = loop_buffer_take(loop)))
		last = data;
	return last;
}

static void test_waiters(void **state)
{
	struct loop *loop = loop_new();
	struct waiter a = make_waiter(loop), b = make_waiter(loop), c = make_waiter(loop);
	char *last = take_all(loop);

	loop_buffer_wait(loop, &a.task);
	loop_buffer_wait(loop, &b.task);
	loop_buffer_wait(loop, &c.task);
	loop_buffer_wait(loop, &a.task);
	assert_int_equal(loop_run(loop, 0), 0);
	assert_int_equal(a.runs + b.runs + c.runs, 0);
	loop_buffer_give(loop, last);
	/* It is kept for a: nobody overtakes. */
	assert_null(loop_buffer_take(loop));
	assert_int_equal(a.runs, 0);
	assert_int_equal(loop_run(loop, -1), 0);
	assert_ptr_equal(a.data, last);
	assert_int_equal(b.runs + c.runs, 0);
	/* b has no use for it after all, so it is c's turn. */
	b.takes = false;
	loop_buffer_give(loop, last);
	assert_int_equal(loop_run(loop, -1), 0);
	assert_int_equal(b.runs, 1);
	assert_int_equal(loop_run(loop, -1), 0);
	assert_ptr_equal(c.data, last);
	assert_int_equal(a.runs, 1);
	/* Now nobody waits. */
	loop_buffer_give(loop, last);
	assert_int_equal(loop_run(loop, 0), 0);
	assert_int_equal(a.runs + b.runs + c.runs, 3);
	assert_ptr_equal(loop_buffer_take(loop), last);
	loop_close(loop);
}

static void test_waiters_cancel(void **state)
{
	struct loop *loop = loop_new();
	struct waiter a = make_waiter(loop), b = make_waiter(loop), c = make_waiter(loop);
	char *last = take_all(loop);

	loop_buffer_wait(loop, &a.task);
	loop_buffer_wait(loop, &b.task);
	loop_buffer_wait(loop, &c.task);
	loop_task_cancel(loop, &a.task);
	loop_buffer_give(loop, last);
	/* What was kept for b goes on to c. */
	loop_task_cancel(loop, &b.task);
	assert_int_equal(loop_run(loop, -1), 0);
	assert_ptr_equal(c.data, last);
	assert_int_equal(a.runs + b.runs, 0);
	/* Queueing ends a wait: the run comes without a buffer, and the next one to come free is no
	 * one's. */
	loop_buffer_wait(loop, &a.task);
	loop_task_queue(loop, &a.task);
	assert_int_equal(loop_run(loop, -1), 0);
	assert_int_equal(a.runs, 1);
	assert_null(a.data);
	loop_buffer_give(loop, last);
	assert_ptr_equal(loop_buffer_take(loop), last);
	/* Where one is free there is no wait. */
	loop_buffer_give(loop, last);
	loop_buffer_wait(loop, &b.task);
	assert_null(loop_buffer_take(loop));
	assert_int_equal(loop_run(loop, -1), 0);
	assert_ptr_equal(b.data, last);
	loop_close(loop);
}

/* Two that come free at once go to two, and each keeps its own claim. */
static void test_waiters_together(void **state)
{
	struct loop *loop = loop_new();
	struct waiter a = make_waiter(loop), b = make_waiter(loop), c = make_waiter(loop);
	char *first = loop_buffer_take(loop), *last = take_all(loop);

	a.takes = false;
	loop_buffer_wait(loop, &a.task);
	loop_buffer_wait(loop, &b.task);
	loop_buffer_give(loop, last);
	loop_buffer_give(loop, first);
	assert_null(loop_buffer_take(loop));
	loop_buffer_wait(loop, &c.task);
	assert_int_equal(loop_run(loop, -1), 0);
	assert_int_equal(a.runs, 1);
	assert_non_null(b.data);
	assert_int_equal(c.runs, 0);
	assert_null(loop_buffer_take(loop));
	assert_int_equal(loop_run(loop, -1), 0);
	assert_non_null(c.data);
	assert_ptr_not_equal(b.data, c.data);
	loop_close(loop);
}

static void let_trim(struct loop *loop)
{
	loop_timer_set(loop, &loop->buffers.trim, 0);
	assert_int_equal(loop_run(loop, 0), 0);
}

/* What an idle spell leaves unused goes back to the system, and comes again when needed. */
static void test_trim(void **state)
{
	struct loop *loop = loop_new();
	char *pattern = make_pattern(), *all[6];
	int fd = open_pattern(pattern);
	bool is_pinned;

	for (int i = 0; i < 6; i++)
		memset(all[i] = loop_buffer_take(loop), 'x', LOOP_BUFFER_SIZE);
	is_pinned = loop->buffers.pinned != 0;
	assert_int_equal(loop->buffers.touched, 7);
	loop_buffer_give(loop, all[0]);
	loop_buffer_give(loop, all[1]);
	loop_buffer_give(loop, all[2]);
	loop_buffer_give(loop, all[3]);
	assert_true(loop->buffers.trim.is_set);
	let_trim(loop);
	assert_int_equal(loop->buffers.touched, 7);
	let_trim(loop);
	assert_int_equal(loop->buffers.touched, 5);
	assert_int_equal(loop->buffers.pinned, is_pinned ? 5 : 0);
	assert_int_equal(all[1][5], 'x');
	assert_int_equal(all[2][5], 0);
	assert_int_equal(all[4][5], 'x');
	for (int i = 0; i < 4; i++) {
		assert_ptr_equal(loop_buffer_take(loop), all[i]);
		assert_int_equal(read_all(loop, fd, all[i], LOOP_BUFFER_SIZE,
					  (uint64_t)i * LOOP_BUFFER_SIZE),
				 LOOP_BUFFER_SIZE);
		assert_memory_equal(all[i], pattern + (size_t)i * LOOP_BUFFER_SIZE,
				    LOOP_BUFFER_SIZE);
	}
	assert_int_equal(loop->buffers.pinned, is_pinned ? 7 : 0);
	for (int i = 0; i < 6; i++)
		loop_buffer_give(loop, all[i]);
	let_trim(loop);
	let_trim(loop);
	assert_int_equal(loop->buffers.touched, 1);
	assert_false(loop->buffers.trim.is_set);
	close(fd);
	free(pattern);
	loop_close(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pool),           cmocka_unit_test(test_waiters),
		cmocka_unit_test(test_waiters_cancel), cmocka_unit_test(test_waiters_together),
		cmocka_unit_test(test_trim),
	};

	return RUN_BOTH(tests);
}
