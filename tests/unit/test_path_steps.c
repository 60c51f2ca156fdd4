/* SPDX-License-Identifier: MIT */
/*
 * Each send path alone, step by step: a file that becomes shorter, a limit that grows, an end in
 * the middle; and the books that zerocopy keeps.
 */
#include "path-files.h"
#include "path/notices.h"

#include <sys/mman.h>

/* One path, step by step */

struct one {
	struct loop *loop;
	struct path_file *file;
	struct path_send_job job;
	const struct path_send *path;
	int pair[2];
	struct channel channel;
	char *received;
	size_t received_length;
};

static void on_wake(struct path_send_job *job)
{
}

static void open_one(struct one *one, const struct path_send *path, enum loop_kind kind)
{
	*one = (struct one){.path = path};
	assert_int_equal(loop_open(&one->loop, kind, NULL), 0);
	assert_int_equal(path_file_open(&one->file, source, false, false), 0);
	tcp_pair(one->pair);
	fcntl(one->pair[0], F_SETFL, O_NONBLOCK);
	fcntl(one->pair[1], F_SETFL, O_NONBLOCK);
	one->received = malloc(SIZE);
	one->channel = channel_open(&channel_plain, one->pair[0], one->pair[0]);
	one->job = (struct path_send_job){
		.loop = one->loop,
		.file = one->file,
		.channel = &one->channel,
		.limit = SIZE,
		.ahead = SIZE,
		.wake = on_wake,
	};
	if (path->open)
		assert_int_equal(path->open(&one->job), 0);
}

static void close_path(struct one *one)
{
	if (one->path->close)
		one->path->close(&one->job);
}

static void close_one(struct one *one)
{
	close(one->pair[0]);
	close(one->pair[1]);
	path_file_release(one->file);
	loop_close(one->loop);
	free(one->received);
}

static ssize_t receive(struct one *one)
{
	ssize_t count = recv(one->pair[1], one->received + one->received_length,
			     SIZE - one->received_length, 0);

	if (count > 0)
		one->received_length += (size_t)count;
	return count;
}

/* Steps until the socket takes no more, or the path's end; what it said last. */
static int64_t step_until_full(struct one *one)
{
	int64_t count = 1;

	for (int idle = 0; idle < 20 && (count > 0 || count == -EAGAIN);) {
		count = one->path->step(&one->job);
		if (count > 0)
			one->job.offset += (uint64_t)count;
		idle = count == -EAGAIN && one->job.wait == PATH_WAIT_SOCKET ? idle + 1 : 0;
		if (count == -EAGAIN)
			loop_run(one->loop, 1);
		if (one->job.offset == one->job.ahead)
			break;
	}
	return count;
}

/* Reads what comes and steps on, to the end. */
static int64_t step_to_end(struct one *one)
{
	int64_t count;

	do {
		receive(one);
		count = one->path->step(&one->job);
		if (count > 0)
			one->job.offset += (uint64_t)count;
		else
			loop_run(one->loop, 1);
	} while (count > 0 ? one->job.offset < one->job.ahead : count == -EAGAIN);
	return count;
}

static void truncate_under(const struct path_send *path, enum loop_kind kind)
{
	enum { LEFT = 5000 };
	struct one one;
	int64_t end;

	fill(source);
	open_one(&one, path, kind);
	assert_int_equal(step_until_full(&one), -EAGAIN);
	assert_true(one.job.offset < SIZE);
	assert_int_equal(ftruncate(source, LEFT), 0);
	end = step_to_end(&one);
	close_path(&one);
	shutdown(one.pair[0], SHUT_WR);
	while (receive(&one) != 0)
		;
	/* What was read ahead may still be sent; nothing else. */
	if (end != 0)
		fail_msg("%s: %lld at %llu", path->name, (long long)end,
			 (unsigned long long)one.job.offset);
	assert_true(one.job.offset < SIZE);
	assert_int_equal(one.received_length, one.job.offset);
	assert_memory_equal(one.received, content, LEFT);
	close_one(&one);
	fill(source);
}

static void a_file_that_becomes_shorter(void **state)
{
	for (const struct path_send *const *path = path_sends; *path; path++) {
		if (!can_work_here((*path)->name))
			continue;
		truncate_under(*path, LOOP_AUTO);
		truncate_under(*path, LOOP_EPOLL);
	}
}

/* The limit grows in small steps, as the stream releases bytes. */
static void nothing_beyond_the_limit(void **state)
{
	for (const struct path_send *const *path = path_sends; *path; path++) {
		struct one one;

		if (!can_work_here((*path)->name))
			continue;
		open_one(&one, *path, LOOP_AUTO);
		one.job.limit = 0;
		while (one.job.offset < one.job.ahead) {
			int64_t count;

			if (one.job.limit == one.job.offset)
				one.job.limit += one.job.ahead - one.job.offset < 700001
							 ? one.job.ahead - one.job.offset
							 : 700001;
			count = one.path->step(&one.job);
			assert_true(count > 0 || count == -EAGAIN);
			if (count > 0)
				one.job.offset += (uint64_t)count;
			else
				loop_run(one.loop, 1);
			assert_true(one.job.offset <= one.job.limit);
			while (receive(&one) > 0)
				assert_true(one.received_length <= one.job.limit);
		}
		close_path(&one);
		shutdown(one.pair[0], SHUT_WR);
		while (receive(&one) != 0)
			;
		assert_int_equal(one.received_length, SIZE);
		assert_true(memcmp(one.received, content, SIZE) == 0);
		close_one(&one);
	}
}

/* What is in the socket is right, whatever its path's memory is used for next. */
/* What a path took up under an old limit waits, too. */
static void nothing_beyond_a_lower_limit(void **state)
{
	enum { LOWER = 3000 };

	for (const struct path_send *const *path = path_sends; *path; path++) {
		struct one one;
		int64_t count;

		if (!can_work_here((*path)->name))
			continue;
		open_one(&one, *path, LOOP_AUTO);
		step_until_full(&one);
		for (int i = 0; i < 20 && one.job.offset < SIZE / 2; i++) {
			while (receive(&one) > 0)
				;
			one.job.limit = one.job.offset + LOWER;
			count = one.path->step(&one.job);
			assert_true(count <= LOWER);
			one.job.offset += count > 0 ? (uint64_t)count : 0;
		}
		close_path(&one);
		close_one(&one);
	}
}

static void an_end_in_the_middle(void **state)
{
	for (const struct path_send *const *path = path_sends; *path; path++) {
		struct one one;
		char *scribble;

		if (!can_work_here((*path)->name))
			continue;
		open_one(&one, *path, LOOP_AUTO);
		assert_int_equal(step_until_full(&one), -EAGAIN);
		close_path(&one);
		while (loop_pending(one.loop) > 0) /* what is being read keeps its buffer */
			loop_run(one.loop, 100);
		while ((scribble = loop_buffer_take(one.loop)))
			memset(scribble, 'x', LOOP_BUFFER_SIZE);
		scribble = mmap(NULL, 8 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
				-1, 0);
		memset(scribble, 'x', 8 << 20);
		shutdown(one.pair[0], SHUT_WR);
		while (receive(&one) != 0)
			loop_run(one.loop, 0);
		assert_true(one.received_length >= one.job.offset);
		assert_true(memcmp(one.received, content, one.received_length) == 0);
		munmap(scribble, 8 << 20);
		close_one(&one);
	}
}

static void an_end_before_the_first_step(void **state)
{
	for (const struct path_send *const *path = path_sends; *path; path++) {
		struct one one;

		if (!can_work_here((*path)->name))
			continue;
		evict_source();
		open_one(&one, *path, LOOP_AUTO);
		if (one.path->prefetch)
			one.path->prefetch(&one.job);
		close_path(&one);
		close_one(&one);
	}
}

/* The numbers of zero-copy sends */

static void completions_in_any_order(void **state)
{
	static const uint32_t bases[] = {0, 77, UINT32_MAX - 1, UINT32_MAX - 4};

	for (size_t i = 0; i < sizeof(bases) / sizeof(*bases); i++) {
		struct notices notices = {0};
		struct notices_range a = {0}, b = {0}, *ranges[] = {&a, &b};
		uint32_t base = bases[i];

		notices_expect(&notices, &a);
		notices_expect(&notices, &a);
		notices_expect(&notices, &b);
		notices_complete(&notices, base + 1, base + 2, ranges, 2);
		assert_int_equal(a.open, 2); /* which ones is not known yet */
		assert_int_equal(b.open, 1);
		notices_complete(&notices, base, base, ranges, 2);
		assert_int_equal(a.open + b.open + notices_open(&notices), 0);
		a = (struct notices_range){0};
		notices_expect(&notices, &b);
		notices_expect(&notices, &a);
		notices_expect(&notices, &a);
		notices_complete(&notices, base + 5, base + 5, ranges, 2);
		assert_int_equal(a.open, 1);
		assert_int_equal(b.open, 1);
		notices_complete(&notices, base + 3, base + 4, ranges, 2);
		assert_int_equal(a.open + b.open + notices_open(&notices), 0);
	}
}

/* Several transfers on one connection: each learns anew where its numbers begin. */
static void one_connection_again_and_again(void **state)
{
	struct one one;

	open_one(&one, &path_send_zerocopy, LOOP_AUTO);
	for (int i = 0; i < 5; i++) {
		if (i > 0)
			assert_int_equal(one.path->open(&one.job), 0);
		one.job.ahead = one.job.limit = one.job.offset + (3 << 20) + 1;
		assert_true(step_to_end(&one) > 0);
		close_path(&one);
	}
	while (one.received_length < one.job.offset)
		receive(&one);
	assert_true(memcmp(one.received, content, one.received_length) == 0);
	close_one(&one);
}

/* What a job would read before its turn waits for no buffer that somebody could send from. */
static void a_prefetch_stands_in_no_line(void **state)
{
	void *buffers[LOOP_BUFFERS_MAX];
	struct one one;

	if (!can_direct())
		skip();
	open_one(&one, &path_send_direct, LOOP_AUTO);
	for (int i = 0; i < LOOP_BUFFERS_MAX; i++)
		assert_non_null(buffers[i] = loop_buffer_take(one.loop));
	one.path->prefetch(&one.job);
	loop_buffer_give(one.loop, buffers[0]);
	assert_non_null(loop_buffer_take(one.loop));
	/* When its turn comes, it does. */
	assert_int_equal(one.path->step(&one.job), -EAGAIN);
	loop_buffer_give(one.loop, buffers[0]);
	assert_null(loop_buffer_take(one.loop));
	assert_true(step_to_end(&one) > 0);
	assert_int_equal(one.job.offset, SIZE);
	close_path(&one);
	close_one(&one);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_that_becomes_shorter),
		cmocka_unit_test(nothing_beyond_the_limit),
		cmocka_unit_test(nothing_beyond_a_lower_limit),
		cmocka_unit_test(an_end_in_the_middle),
		cmocka_unit_test(an_end_before_the_first_step),
		cmocka_unit_test(completions_in_any_order),
		cmocka_unit_test(one_connection_again_and_again),
		cmocka_unit_test(a_prefetch_stands_in_no_line),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
