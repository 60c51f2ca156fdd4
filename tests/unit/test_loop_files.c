/* SPDX-License-Identifier: MIT */
/* File operations, on both backends. */
#include "loop-requests.h"

#include "base/sys.h"

#include <errno.h>
#include <pthread.h>
#include <sys/mman.h>

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
	int fd = open("/dev/null", O_RDONLY), directory = open("/", O_RDONLY);
	char byte = 'x';

	assert_int_equal(read_all(loop, -1, &byte, 1, 0), -EBADF);
	assert_int_equal(write_all(loop, -1, &byte, 1, 0), -EBADF);
	assert_int_equal(sync_all(loop, -1, false), -EBADF);
	assert_int_equal(sync_all(loop, -1, true), -EBADF);
	assert_int_equal(write_all(loop, fd, &byte, 1, 0), -EBADF);
	assert_int_equal(read_all(loop, directory, &byte, 1, 0), -EISDIR);
	assert_int_equal(byte, 'x');
	close(fd);
	close(directory);
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

/* What a turn queued goes to the kernel in batches of eight. */
static void test_few_submits(void **state)
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
			 kind == LOOP_URING ? 13 : 0);
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

/* Aligned and registered buffers */

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_write_read),      cmocka_unit_test(test_end_of_file),
		cmocka_unit_test(test_errors),          cmocka_unit_test(test_many),
		cmocka_unit_test(test_few_submits),     cmocka_unit_test(test_chain),
		cmocka_unit_test(test_close_in_flight), cmocka_unit_test(test_other_thread),
		cmocka_unit_test(test_direct),          cmocka_unit_test(test_fixed),
	};

	return RUN_BOTH(tests);
}
