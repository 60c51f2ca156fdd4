/* SPDX-License-Identifier: MIT */
/* The counters of system calls, over the lives of many threads: exact, and no memory of the dead.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/sys.h"
#include "sluice.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS = 800, MANY_THREADS = 100000, CALLS = 7, SIDE_BY_SIDE = 8 };

static uint64_t reads_of(void (*read)(struct sys_counts *))
{
	struct sys_counts counts;

	read(&counts);
	return counts.calls[CALL_read];
}

static uint64_t reads(void)
{
	return reads_of(sys_counts_read);
}

static void make_calls(int count)
{
	while (count-- > 0)
		sys_count(CALL_read);
}

static void *short_life(void *argument)
{
	make_calls(CALLS);
	return argument;
}

/* Stacks of our own: to make and unmake one costs more than such a life. */
static void live(void *(*life)(void *), void *argument)
{
	static _Alignas(4096) char stacks[SIDE_BY_SIDE][256 << 10];
	pthread_t threads[SIDE_BY_SIDE];
	pthread_attr_t attributes;

	pthread_attr_init(&attributes);
	for (int i = 0; i < SIDE_BY_SIDE; i++) {
		pthread_attr_setstack(&attributes, stacks[i], sizeof(stacks[i]));
		assert_int_equal(pthread_create(&threads[i], &attributes, life, argument), 0);
	}
	pthread_attr_destroy(&attributes);
	for (int i = 0; i < SIDE_BY_SIDE; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
}

/* Bytes in use of all arenas; 0 where another allocator stands in, as a sanitizer's. */
static size_t bytes_in_use(void)
{
	return mallinfo2().uordblks;
}

static void threads_that_ended_count_and_leave_no_memory(void **state)
{
	uint64_t before;
	size_t memory;

	live(short_life, NULL);
	before = reads();
	memory = bytes_in_use();
	for (int i = 0; i < THREADS / SIDE_BY_SIDE; i++)
		live(short_life, NULL);
	assert_int_equal(reads() - before, THREADS * CALLS);
	/* A block of counters for each would be 400 KB. */
	assert_in_range(bytes_in_use() - memory + 100000, 0, 200000);
}

/* Calls that allocate, count and fail, as a program's threads make them. */
static void *call_the_library(void *argument)
{
	struct sluice_error error;
	char name[256];

	if (sluice_url_filename("http://localhost/file", name, &error) < 0 ||
	    sluice_explain("/nowhere", NULL, NULL, &error) != -ENOENT)
		abort();
	return argument;
}

static void many_threads_that_call_the_library_leave_no_memory(void **state)
{
	size_t memory, threads;

	live(call_the_library, NULL);
	memory = bytes_in_use();
	threads = memory ? MANY_THREADS : THREADS;
	for (size_t i = 0; i < threads / SIDE_BY_SIDE; i++)
		live(call_the_library, NULL);
	/* Four bytes of each would be more. */
	assert_in_range(bytes_in_use() - memory + 2 * threads, 0, 4 * threads);
}

/* In the middle of threads' ends, no reader misses a call or finds one twice. */
static void *read_on(void *argument)
{
	uint64_t last = 0;

	while (!__atomic_load_n((bool *)argument, __ATOMIC_RELAXED)) {
		uint64_t now = reads();

		if (now < last)
			abort();
		last = now;
	}
	return NULL;
}

static void readers_see_only_more(void **state)
{
	uint64_t before = reads();
	bool is_over = false;
	pthread_t reader;

	assert_int_equal(pthread_create(&reader, NULL, read_on, &is_over), 0);
	for (int i = 0; i < THREADS / SIDE_BY_SIDE; i++) {
		live(short_life, NULL);
		assert_int_equal(reads() - before, (i + 1) * SIDE_BY_SIDE * CALLS);
	}
	__atomic_store_n(&is_over, true, __ATOMIC_RELAXED);
	pthread_join(reader, NULL);
}

static pthread_key_t late;

/* Comes back for as many rounds as there are, so that some are behind the counters' own. */
static void late_call(void *rounds)
{
	make_calls(1);
	if ((intptr_t)rounds > 1)
		pthread_setspecific(late, (void *)((intptr_t)rounds - 1));
}

static void *life_with_late_calls(void *rounds)
{
	make_calls(1);
	pthread_setspecific(late, rounds);
	return NULL;
}

/* The first call of such a thread is made while it ends. */
static void *life_with_late_calls_only(void *rounds)
{
	pthread_setspecific(late, rounds);
	return NULL;
}

static void calls_of_other_destructors_count(void **state)
{
	/* Round 1 may be in front of the counters' own destructor, the last is behind it. */
	const intptr_t rounds = 3;
	uint64_t before = reads();
	size_t memory;

	assert_int_equal(pthread_key_create(&late, late_call), 0);
	live(life_with_late_calls, (void *)rounds);
	live(life_with_late_calls_only, (void *)rounds);
	assert_int_equal(reads() - before, SIDE_BY_SIDE * (2 * rounds + 1));
	memory = bytes_in_use();
	for (int i = 0; i < THREADS / SIDE_BY_SIDE; i++)
		live(i % 2 ? life_with_late_calls : life_with_late_calls_only, (void *)rounds);
	assert_in_range(bytes_in_use() - memory + 100000, 0, 200000);
	pthread_key_delete(late);
}

static void *own(void *argument)
{
	if (reads_of(sys_counts_read_own) != 0)
		abort();
	make_calls(CALLS);
	if (reads_of(sys_counts_read_own) != CALLS)
		abort();
	return argument;
}

static void a_thread_s_own_are_its_own(void **state)
{
	make_calls(1);
	live(own, NULL);
}

/* In a child, whatever the parent's other threads were at: nothing hangs, and the sum goes on. */
static int child(void)
{
	uint64_t before = reads();

	alarm(60); /* in place of a hang */
	make_calls(CALLS);
	return reads() - before == CALLS ? 0 : 1;
}

static void a_fork_in_the_middle_keeps_the_counters_whole(void **state)
{
	bool is_over = false;
	pthread_t reader;

	assert_int_equal(pthread_create(&reader, NULL, read_on, &is_over), 0);
	for (int i = 0; i < 50; i++) {
		int status;
		pid_t pid = fork();

		if (pid == 0)
			_exit(child());
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
	}
	__atomic_store_n(&is_over, true, __ATOMIC_RELAXED);
	pthread_join(reader, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(threads_that_ended_count_and_leave_no_memory),
		cmocka_unit_test(many_threads_that_call_the_library_leave_no_memory),
		cmocka_unit_test(readers_see_only_more),
		cmocka_unit_test(calls_of_other_destructors_count),
		cmocka_unit_test(a_thread_s_own_are_its_own),
		cmocka_unit_test(a_fork_in_the_middle_keeps_the_counters_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
