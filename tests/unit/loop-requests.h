/* SPDX-License-Identifier: MIT */
/*
 * Requests for the tests of file operations: an operation that remembers how it ended, and data in
 * which no two blocks are equal.
 */
#ifndef SLUICE_TESTS_LOOP_REQUESTS_H
#define SLUICE_TESTS_LOOP_REQUESTS_H

#include "loop-kinds.h"

#include <fcntl.h>

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

static inline void request_done(struct loop_op *op, int64_t result)
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

static inline struct request make_request(struct loop *loop)
{
	completions = 0;
	return (struct request){.op.done = request_done, .loop = loop, .result = INT64_MIN};
}

static inline int64_t finish_request(struct request *request)
{
	/* Never inside the call that started it. */
	assert_int_equal(request->calls, 0);
	assert_int_equal(loop_pending(request->loop), 1);
	run_until(request->loop, &request->calls, 1);
	assert_int_equal(request->calls, 1);
	assert_int_equal(loop_pending(request->loop), 0);
	return request->result;
}

static inline int64_t read_all(struct loop *loop, int fd, void *data, size_t length,
			       uint64_t offset)
{
	struct request request = make_request(loop);

	loop_read(loop, &request.op, fd, data, length, offset);
	return finish_request(&request);
}

static inline int64_t write_all(struct loop *loop, int fd, const void *data, size_t length,
				uint64_t offset)
{
	struct request request = make_request(loop);

	loop_write(loop, &request.op, fd, data, length, offset);
	return finish_request(&request);
}

static inline int64_t sync_all(struct loop *loop, int fd, bool data_only)
{
	struct request request = make_request(loop);

	loop_sync(loop, &request.op, fd, data_only);
	return finish_request(&request);
}

static inline int open_temporary(int flags)
{
	char path[] = "/var/tmp/test-loop-XXXXXX";
	int fd = mkostemp(path, flags);

	if (fd >= 0)
		unlink(path);
	return fd;
}

/* No two blocks of a pattern are equal. */
static inline void fill_pattern(void *data, size_t length, unsigned seed)
{
	uint32_t *words = data;

	for (size_t i = 0; i < length / sizeof(*words); i++)
		words[i] = (uint32_t)i * 2654435761u + seed;
}

static inline int open_pattern(const char *pattern)
{
	int fd = open_temporary(0);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, pattern, FILE_SIZE, 0), FILE_SIZE);
	return fd;
}

static inline char *make_pattern(void)
{
	char *pattern = malloc(FILE_SIZE);

	assert_non_null(pattern);
	fill_pattern(pattern, FILE_SIZE, 0);
	return pattern;
}

#endif
