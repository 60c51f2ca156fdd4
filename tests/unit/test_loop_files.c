/* SPDX-License-Identifier: MIT */
/* File operations and the buffer pool, on both backends and where the system refuses something. */
#include "loop-kinds.h"

#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define BLOCK     4096
#define FILE_SIZE ((size_t)8 << 20)

static int completions; /* of all operations that a test started */

struct request {
	struct loop_op op;
	struct loop *loop;
	int64_t result;
	int calls;
	int again; /* how often to read once more */
	int fd;
	char *data;
};

static void request_done(struct loop_op *op, int64_t result)
{
	struct request *request = (struct request *)op;

	request->result = result;
	request->calls++;
	completions++;
	if (request->again > 0) {
		request->again--;
		loop_read(request->loop, op, request->fd, request->data, 1,
			  (uint64_t)request->calls * BLOCK);
	}
}

static struct request make_request(struct loop *loop)
{
	completions = 0;
	return (struct request){.op.done = request_done, .loop = loop, .result = INT64_MIN};
}

static int64_t finish_request(struct request *request)
{
	/* Never inside the call that started it. */
	assert_int_equal(request->calls, 0);
	assert_int_equal(loop_pending(request->loop), 1);
	run_until(request->loop, &request->calls, 1);
	assert_int_equal(request->calls, 1);
	assert_int_equal(loop_pending(request->loop), 0);
	return request->result;
}

static int64_t read_all(struct loop *loop, int fd, void *data, size_t length, uint64_t offset)
{
	struct request request = make_request(loop);

	loop_read(loop, &request.op, fd, data, length, offset);
	return finish_request(&request);
}

static int64_t write_all(struct loop *loop, int fd, const void *data, size_t length,
			 uint64_t offset)
{
	struct request request = make_request(loop);

	loop_write(loop, &request.op, fd, data, length, offset);
	return finish_request(&request);
}

static int64_t sync_all(struct loop *loop, int fd, bool data_only)
{
	struct request request = make_request(loop);

	loop_sync(loop, &request.op, fd, data_only);
	return finish_request(&request);
}

static int open_temporary(int flags)
{
	char path[] = "/var/tmp/test-loop-XXXXXX";
	int fd = mkostemp(path, flags);

	if (fd >= 0)
		unlink(path);
	return fd;
}

/* No two blocks of a pattern are equal. */
static void fill_pattern(void *data, size_t length, unsigned seed)
{
	uint32_t *words = data;

	for (size_t i = 0; i < length / sizeof(*words); i++)
		words[i] = (uint32_t)i * 2654435761u + seed;
}

static int open_pattern(const char *pattern)
{
	int fd = open_temporary(0);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, pattern, FILE_SIZE, 0), FILE_SIZE);
	return fd;
}

static char *make_pattern(void)
{
	char *pattern = malloc(FILE_SIZE);

	assert_non_null(pattern);
	fill_pattern(pattern, FILE_SIZE, 0);
	return pattern;
}

static void test_write_read(void **state)
{
	struct loop *loop = loop_new();
	int fd = open_temporary(0);
	char out[3000], in[3000] = {0}, direct[3000];

	assert_true(fd >= 0);
	fill_pattern(out, sizeof(out), 3);
	assert_int_equal(write_all(loop, fd, out, sizeof(out), 5000), sizeof(out));
	assert_int_equal(sync_all(loop, fd, true), 0);
	assert_int_equal(sync_all(loop, fd, false), 0);
	assert_int_equal(pread(fd, direct, sizeof(direct), 5000), sizeof(direct));
	assert_memory_equal(direct, out, sizeof(out));
	assert_int_equal(lseek(fd, 0, SEEK_END), 8000);
	assert_int_equal(read_all(loop, fd, in, sizeof(in), 5000), sizeof(in));
	assert_memory_equal(in, out, sizeof(out));
	close(fd);
	loop_close(loop);
}

static void test_end_of_file(void **state)
{
	struct loop *loop = loop_new();
	int fd = open_temporary(0);
	char in[100] = {0};

	assert_int_equal(pwrite(fd, "0123456789", 10, 0), 10);
	assert_int_equal(read_all(loop, fd, in, sizeof(in), 4), 6);
	assert_memory_equal(in, "456789\0", 7);
	assert_int_equal(read_all(loop, fd, in, sizeof(in), 10), 0);
	assert_int_equal(read_all(loop, fd, in, sizeof(in), 1 << 20), 0);
	assert_int_equal(read_all(loop, fd, in, 0, 0), 0);
	close(fd);
	loop_close(loop);
}

static void test_errors(void **state)
{
	struct loop *loop = loop_new();
	int fd = open("/dev/null", O_RDONLY), folder = open("/", O_RDONLY);
	char byte = 'x';

	assert_int_equal(read_all(loop, -1, &byte, 1, 0), -EBADF);
	assert_int_equal(write_all(loop, -1, &byte, 1, 0), -EBADF);
	assert_int_equal(sync_all(loop, -1, false), -EBADF);
	assert_int_equal(sync_all(loop, -1, true), -EBADF);
	assert_int_equal(write_all(loop, fd, &byte, 1, 0), -EBADF);
	assert_int_equal(read_all(loop, folder, &byte, 1, 0), -EISDIR);
	assert_int_equal(byte, 'x');
	close(fd);
	close(folder);
	loop_close(loop);
}

#define MANY (FILE_SIZE / BLOCK)

/* More than the ring holds, at once, the good ones among bad ones. */
static void test_many(void **state)
{
	struct loop *loop = loop_new();
	char *pattern = make_pattern(), *in = calloc(1, FILE_SIZE);
	struct request *requests = calloc(MANY, sizeof(*requests));
	int fd = open_pattern(pattern);

	for (size_t i = 0; i < MANY; i++) {
		requests[i] = make_request(loop);
		loop_read(loop, &requests[i].op, i % 16 ? fd : -1, in + i * BLOCK, BLOCK,
			  i * BLOCK);
	}
	assert_int_equal(loop_pending(loop), MANY);
	assert_int_equal(completions, 0);
	run_until(loop, &completions, MANY);
	for (size_t i = 0; i < MANY; i++) {
		assert_int_equal(requests[i].calls, 1);
		assert_int_equal(requests[i].result, i % 16 ? BLOCK : -EBADF);
		if (i % 16 == 0)
			memcpy(in + i * BLOCK, pattern + i * BLOCK, BLOCK);
	}
	assert_memory_equal(in, pattern, FILE_SIZE);
	assert_int_equal(loop_pending(loop), 0);
	close(fd);
	free(requests);
	free(pattern);
	free(in);
	loop_close(loop);
}

/* What a turn queued goes to the kernel in one call. */
static void test_one_submit(void **state)
{
	struct loop *loop = loop_new();
	char *pattern = make_pattern(), in[100] = {0};
	struct request requests[100];
	struct sys_counts before, after;
	int fd = open_pattern(pattern);

	for (int i = 0; i < 100; i++)
		requests[i] = make_request(loop);
	sys_counts_read(&before);
	for (int i = 0; i < 100; i++)
		loop_read(loop, &requests[i].op, fd, &in[i], 1, (uint64_t)i * 4);
	run_until(loop, &completions, 100);
	sys_counts_read(&after);
	assert_int_equal(after.calls[CALL_io_uring_enter] - before.calls[CALL_io_uring_enter],
			 kind == LOOP_URING);
	assert_int_equal(after.calls[CALL_pread64] - before.calls[CALL_pread64],
			 kind == LOOP_URING ? 0 : 100);
	for (int i = 0; i < 100; i++)
		assert_int_equal(in[i], pattern[i * 4]);
	close(fd);
	free(pattern);
	loop_close(loop);
}

static void test_chain(void **state)
{
	struct loop *loop = loop_new();
	char *pattern = make_pattern(), byte = 0;
	struct request request = make_request(loop);
	int fd = open_pattern(pattern);

	request.again = 200;
	request.fd = fd;
	request.data = &byte;
	loop_read(loop, &request.op, fd, &byte, 1, 0);
	run_until(loop, &completions, 201);
	assert_int_equal(request.result, 1);
	assert_int_equal(byte, pattern[200 * BLOCK]);
	assert_int_equal(loop_pending(loop), 0);
	close(fd);
	free(pattern);
	loop_close(loop);
}

static void test_close_in_flight(void **state)
{
	struct loop *loop = loop_new();
	char *pattern = make_pattern(), *in = calloc(1, FILE_SIZE);
	struct request *requests = calloc(MANY, sizeof(*requests));
	int fd = open_pattern(pattern);

	for (size_t i = 0; i < MANY; i++) {
		requests[i] = make_request(loop);
		requests[i].fd = fd;
		requests[i].data = in + i * BLOCK;
		requests[i].again = i % 8 == 0;
		loop_read(loop, &requests[i].op, fd, in + i * BLOCK, BLOCK, i * BLOCK);
	}
	loop_close(loop);
	assert_int_equal(completions, MANY + MANY / 8);
	for (size_t i = 0; i < MANY; i++) {
		assert_int_equal(requests[i].calls, i % 8 ? 1 : 2);
		assert_int_equal(requests[i].result, i % 8 ? BLOCK : 1);
		if (i % 8)
			assert_memory_equal(in + i * BLOCK, pattern + i * BLOCK, BLOCK);
		else
			assert_int_equal(in[i * BLOCK], pattern[BLOCK]);
	}
	close(fd);
	free(requests);
	free(pattern);
	free(in);
}

/* Opened and started in one thread, run in another. */
static void *run_elsewhere(void *loop)
{
	while (loop_pending(loop) > 0)
		if (loop_run(loop, WAIT_MS) < 0)
			return loop;
	return NULL;
}

static void test_other_thread(void **state)
{
	struct loop *loop = loop_new();
	struct request request = make_request(loop);
	char *pattern = make_pattern(), byte = 0;
	int fd = open_pattern(pattern);
	pthread_t thread;
	void *failed;

	request.again = 5;
	request.fd = fd;
	request.data = &byte;
	loop_read(loop, &request.op, fd, &byte, 1, 0);
	assert_int_equal(pthread_create(&thread, NULL, run_elsewhere, loop), 0);
	assert_int_equal(pthread_join(thread, &failed), 0);
	assert_null(failed);
	assert_int_equal(byte, pattern[5 * BLOCK]);
	assert_int_equal(request.calls, 6);
	close(fd);
	free(pattern);
	loop_close(loop);
}

/* Buffers */

static void test_direct(void **state)
{
	struct loop *loop = loop_new();
	char *out = loop_buffer_take(loop), *in = loop_buffer_take(loop);
	int fd = open_temporary(O_DIRECT);

	if (fd < 0) {
		print_message("no O_DIRECT in /var/tmp: skipped\n");
		loop_close(loop);
		skip();
	}
	fill_pattern(out, LOOP_BUFFER_SIZE, 9);
	assert_int_equal(write_all(loop, fd, out, LOOP_BUFFER_SIZE, LOOP_BUFFER_SIZE),
			 LOOP_BUFFER_SIZE);
	assert_int_equal(sync_all(loop, fd, true), 0);
	assert_int_equal(read_all(loop, fd, in, LOOP_BUFFER_SIZE, LOOP_BUFFER_SIZE),
			 LOOP_BUFFER_SIZE);
	assert_memory_equal(in, out, LOOP_BUFFER_SIZE);
	close(fd);
	loop_close(loop);
}

/*
 * That a transfer was a fixed one shows where the data goes: to the pages that were registered, and
 * not to those that lie at the address now.
 */
static void test_fixed(void **state)
{
	struct loop *loop = loop_new();
	char *pattern = make_pattern(), *data = loop_buffer_take(loop);
	int fd = open_pattern(pattern);

	if (loop->buffers.pinned) {
		assert_int_equal(loop_buffers_pinned(loop, data, LOOP_ARENA_SIZE), 0);
		assert_int_equal(loop_buffers_pinned(loop, data + 1, LOOP_ARENA_SIZE), -1);
		assert_int_equal(loop_buffers_pinned(loop, data - 1, 1), -1);
		assert_int_equal(loop_buffers_pinned(loop, pattern, 1), -1);
		assert_int_equal(read_all(loop, fd, data, BLOCK, 0), BLOCK);
		assert_memory_equal(data, pattern, BLOCK);
		assert_int_equal(madvise(data, LOOP_ARENA_SIZE, MADV_DONTNEED), 0);
		assert_int_equal(read_all(loop, fd, data, BLOCK, 0), BLOCK);
		assert_int_equal(data[4], 0);
		assert_int_not_equal(pattern[4], 0);
	} else {
		assert_int_equal(loop_buffers_pinned(loop, data, 1), -1);
	}
	close(fd);
	free(pattern);
	loop_close(loop);
}

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

/* Children that the system refuses something; they answer by their exit status. */

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

	if (kind != LOOP_URING)
		skip();
	for (size_t i = 0; i < COUNT_OF(children); i++)
		run_child(children[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_write_read),
		cmocka_unit_test(test_end_of_file),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_one_submit),
		cmocka_unit_test(test_chain),
		cmocka_unit_test(test_close_in_flight),
		cmocka_unit_test(test_other_thread),
		cmocka_unit_test(test_direct),
		cmocka_unit_test(test_fixed),
		cmocka_unit_test(test_pool),
		cmocka_unit_test(test_waiters),
		cmocka_unit_test(test_waiters_cancel),
		cmocka_unit_test(test_trim),
		cmocka_unit_test(test_threads_refused),
		cmocka_unit_test(test_refusals),
	};

	return RUN_BOTH(tests);
}
