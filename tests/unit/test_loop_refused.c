/* SPDX-License-Identifier: MIT */
/*
 * The loop where the system refuses something: io_uring, registered memory, threads. Each case runs
 * in a child, which answers by its exit status.
 */
#include "loop-requests.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);            \
			_exit(1);                                                                  \
		}                                                                                  \
	} while (0)

static void run_child(void (*child)(void))
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		child();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* From here on the system call answers EPERM to this process. */
static void forbid(unsigned number)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {.len = COUNT_OF(code), .filter = code};

	CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
}

static void run_count(struct loop *loop, int wanted)
{
	for (int turns = 0; completions < wanted; turns++) {
		CHECK(turns < 1000000);
		CHECK(loop_run(loop, 1000) == 0);
	}
}

/* Writes through one buffer, reads through another; far apart, so in different arenas. */
static void check_round_trip(struct loop *loop)
{
	char *out = loop_buffer_take(loop), *between[4], *in;
	struct request a = make_request(loop), b = make_request(loop);
	int fd = open_temporary(0);

	for (size_t i = 0; i < COUNT_OF(between); i++)
		between[i] = loop_buffer_take(loop);
	in = loop_buffer_take(loop);
	CHECK(fd >= 0 && out && in);
	fill_pattern(out, LOOP_BUFFER_SIZE, 5);
	loop_write(loop, &a.op, fd, out, LOOP_BUFFER_SIZE, 0);
	run_count(loop, 1);
	CHECK(a.result == (int64_t)LOOP_BUFFER_SIZE);
	loop_read(loop, &b.op, fd, in, LOOP_BUFFER_SIZE, 0);
	run_count(loop, 2);
	CHECK(b.result == (int64_t)LOOP_BUFFER_SIZE);
	CHECK(memcmp(in, out, LOOP_BUFFER_SIZE) == 0);
	loop_buffer_give(loop, out);
	loop_buffer_give(loop, in);
	for (size_t i = 0; i < COUNT_OF(between); i++)
		loop_buffer_give(loop, between[i]);
	close(fd);
}

static void check_falls_back(void)
{
	struct loop *loop;
	struct sluice_error error = {0};

	CHECK(loop_open(&loop, LOOP_URING, &error) == -EPERM);
	CHECK(error.code == EPERM);
	CHECK(strstr(error.text, "io_uring") != NULL);
	error = (struct sluice_error){0};
	CHECK(loop_open(&loop, LOOP_AUTO, &error) == 0);
	CHECK(error.code == 0);
	CHECK(strcmp(loop_name(loop), "epoll") == 0);
	check_round_trip(loop);
	loop_close(loop);
}

static void child_setup_refused(void)
{
	forbid(SYS_io_uring_setup);
	check_falls_back();
}

static void child_enter_refused(void)
{
	forbid(SYS_io_uring_enter);
	check_falls_back();
}

static void child_register_refused(void)
{
	struct loop *loop;

	forbid(SYS_io_uring_register);
	CHECK(loop_open(&loop, LOOP_URING, NULL) == 0);
	check_round_trip(loop);
	CHECK(loop->buffers.pinned == 0);
	loop_close(loop);
}

/* A sandbox that closes while the loop is open: every operation fails, none is lost. */
static void child_enter_refused_late(void)
{
	static struct request requests[600];
	static char in[600];
	struct loop *loop;

	CHECK(loop_open(&loop, LOOP_URING, NULL) == 0);
	forbid(SYS_io_uring_enter);
	for (int round = 1; round <= 2; round++) {
		for (size_t i = 0; i < COUNT_OF(requests); i++) {
			requests[i] = make_request(loop);
			loop_read(loop, &requests[i].op, 0, &in[i], 1, 0);
		}
		CHECK(completions == 0);
		run_count(loop, COUNT_OF(requests));
		for (size_t i = 0; i < COUNT_OF(requests); i++)
			CHECK(requests[i].calls == 1 && requests[i].result == -EPERM);
	}
	CHECK(loop_pending(loop) == 0);
	loop_close(loop);
}

static void become_nobody(void)
{
	/* A user that nobody else is, for the limits count per user. */
	if (getuid() == 0)
		CHECK(setresuid(61234, 61234, 61234) == 0);
}

static void limit_lock(size_t size)
{
	struct rlimit limit = {.rlim_cur = size, .rlim_max = size};

	CHECK(setrlimit(RLIMIT_MEMLOCK, &limit) == 0);
}

static void child_lock_forbidden(void)
{
	struct loop *loop;

	limit_lock(0);
	become_nobody();
	/* Before Linux 5.12 the ring itself counts, and then it is the threads that do it. */
	CHECK(loop_open(&loop, LOOP_AUTO, NULL) == 0);
	check_round_trip(loop);
	CHECK(loop->buffers.pinned == 0);
	loop_close(loop);
}

static void child_lock_limited(void)
{
	struct loop *loop;

	limit_lock(LOOP_ARENA_SIZE + LOOP_BUFFER_SIZE);
	become_nobody();
	CHECK(loop_open(&loop, LOOP_AUTO, NULL) == 0);
	check_round_trip(loop);
	CHECK((loop->buffers.pinned & ~1u) == 0);
	loop_close(loop);
}

static int64_t no_work(void *argument)
{
	return 17;
}

/* Not one helper thread can be had: the operation fails, through done as always. */
static void child_threads_refused(void)
{
	struct rlimit limit = {0};
	struct request request;
	struct loop *loop;

	CHECK(loop_open(&loop, kind, NULL) == 0);
	CHECK(setrlimit(RLIMIT_NPROC, &limit) == 0);
	become_nobody();
	request = make_request(loop);
	loop_work(loop, &request.op, no_work, NULL);
	CHECK(completions == 0);
	run_count(loop, 1);
	CHECK(request.result == -EAGAIN);
	loop_close(loop);
}

static void test_threads_refused(void **state)
{
	run_child(child_threads_refused);
}

static void test_refusals(void **state)
{
	static void (*const children[])(void) = {
		child_setup_refused,      child_enter_refused,  child_register_refused,
		child_enter_refused_late, child_lock_forbidden, child_lock_limited,
	};

	if (kind != LOOP_URING) {
		print_message("only io_uring can be refused\n");
		skip();
	}
	for (size_t i = 0; i < COUNT_OF(children); i++)
		run_child(children[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_threads_refused),
		cmocka_unit_test(test_refusals),
	};

	return RUN_BOTH(tests);
}
