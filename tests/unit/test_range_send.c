/* SPDX-License-Identifier: MIT */
/* A body is only finished by bytes of the file that its head describes. */
#include "base/meter.h"
#include "range/send.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { LENGTH = 50000 };

static int source;

struct body {
	struct loop *loop;
	struct path_file *file;
	struct tally tally;
	struct range_send range;
	int pair[2];
	struct channel channel;
};

static void on_wake(struct range_send *range)
{
}

static void open_body(struct body *body)
{
	/* Its first step sends all at once, whatever the kernel tells about the page cache. */
	*body = (struct body){.range.wake = on_wake,
			      .range.tally = &body->tally,
			      .range.forced = &path_send_sendfile};
	assert_int_equal(loop_open(&body->loop, LOOP_AUTO, NULL), 0);
	assert_int_equal(path_file_open(&body->file, source, false, false), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, body->pair), 0);
	body->channel = channel_open(&channel_plain, body->pair[0], body->pair[0]);
}

static void close_body(struct body *body)
{
	range_send_close(&body->range);
	close(body->pair[0]);
	close(body->pair[1]);
	path_file_release(body->file);
	loop_close(body->loop);
}

/* Its first step, which is its last one, too, if all goes well. */
static int64_t send_range(struct body *body, uint64_t offset)
{
	range_send_open(&body->range, body->loop, body->file, &body->channel, offset, LENGTH);
	return range_send_step(&body->range);
}

static void change_source(void)
{
	static time_t when;
	const struct timespec times[2] = {{0, UTIME_OMIT}, {++when, 0}};

	assert_int_equal(futimens(source, times), 0);
}

static void a_look_in_this_turn_is_enough(void **state)
{
	struct body body;
	struct bill bill;
	struct meter meter;

	open_body(&body);
	body.range.checked_turn = loop_turn(body.loop);
	bill_init(&bill);
	meter_start(&meter);
	assert_int_equal(send_range(&body, 0), LENGTH);
	meter_read(&meter, &bill);
	for (unsigned i = 0; i < bill.public.system_call_count; i++)
		assert_string_not_equal(bill.public.system_calls_by_name[i].name, "statx");
	close_body(&body);
}

static void a_change_since_the_look(void **state)
{
	struct body body;

	open_body(&body);
	body.range.checked_turn = loop_turn(body.loop);
	loop_run(body.loop, 0);
	change_source();
	assert_int_equal(send_range(&body, 0), -ESTALE);
	close_body(&body);
}

static void a_change_since_a_look_for_somebody_else(void **state)
{
	struct body body;

	open_body(&body);
	change_source();
	assert_int_equal(send_range(&body, 0), -ESTALE);
	close_body(&body);
}

static void a_change_between_two_ranges(void **state)
{
	struct body body;

	open_body(&body);
	body.range.checked_turn = loop_turn(body.loop);
	assert_int_equal(send_range(&body, 0), LENGTH);
	range_send_close(&body.range);
	loop_run(body.loop, 0);
	change_source();
	assert_int_equal(send_range(&body, LENGTH), -ESTALE);
	close_body(&body);
}

/* Steps until there is no more to wait for. */
static int64_t settle(struct body *body)
{
	int64_t count;

	while ((count = range_send_step(&body->range)) == -EAGAIN)
		loop_run(body->loop, -1);
	return count;
}

static void append(void)
{
	assert_int_equal(pwrite(source, "more", 4, lseek(source, 0, SEEK_END)), 4);
}

static void a_file_that_grows_gives_what_was_promised(void **state)
{
	struct body body;

	open_body(&body);
	append();
	assert_int_equal(send_range(&body, 0), LENGTH);
	assert_true(body.file->has_grown);
	range_send_close(&body.range);
	append();
	assert_int_equal(send_range(&body, LENGTH), LENGTH);
	close_body(&body);
}

static void a_file_that_grew_and_is_written_to(void **state)
{
	struct body body;

	open_body(&body);
	append();
	assert_int_equal(send_range(&body, 0), LENGTH);
	range_send_close(&body.range);
	change_source();
	range_send_open(&body.range, body.loop, body.file, &body.channel, LENGTH, LENGTH);
	assert_int_equal(settle(&body), -ESTALE);
	close_body(&body);
}

/* The time of a write is there before its size: as if we had looked between the two. */
static void a_look_in_the_middle_of_an_append(void **state)
{
	struct body body;

	open_body(&body);
	append();
	assert_int_equal(send_range(&body, 0), LENGTH);
	range_send_close(&body.range);
	change_source();
	assert_int_equal(send_range(&body, LENGTH), -EAGAIN);
	append();
	assert_int_equal(settle(&body), LENGTH);
	close_body(&body);
}

/* Longer than promised all the time, and yet not the same. */
static void a_file_that_grew_and_shrank(void **state)
{
	struct stat status;
	struct body body;

	open_body(&body);
	append();
	append();
	assert_int_equal(send_range(&body, 0), LENGTH);
	range_send_close(&body.range);
	assert_int_equal(fstat(source, &status), 0);
	assert_int_equal(ftruncate(source, status.st_size - 4), 0);
	range_send_open(&body.range, body.loop, body.file, &body.channel, LENGTH, LENGTH);
	assert_int_equal(settle(&body), -ESTALE);
	close_body(&body);
}

static void what_is_not_content_does_not_matter(void **state)
{
	struct body body;
	char byte;

	open_body(&body);
	assert_int_equal(fchmod(source, 0640), 0);
	assert_int_equal(pread(source, &byte, 1, 0), 1);
	assert_int_equal(send_range(&body, 0), LENGTH);
	assert_false(body.file->has_grown);
	close_body(&body);
}

/* What a step says, with what it sent taken from the other end. */
static int64_t step_and_drain(struct body *body)
{
	static char scrap[4 << 20];
	int64_t count = range_send_step(&body->range);

	while (read(body->pair[1], scrap, sizeof(scrap)) > 0)
		;
	return count;
}

/* A step moves no more than its owner allows, by any path, and the body is whole. */
static void short_steps(void **state)
{
	enum { STEP = 7001 };

	for (const struct path_send *const *path = path_sends; *path; path++) {
		struct body body;
		int64_t count = 1;
		uint64_t sent = 0;

		if (*path == &path_send_zerocopy) /* not on AF_UNIX */
			continue;
		open_body(&body);
		body.range.forced = *path;
		body.range.step_bytes = STEP;
		range_send_open(&body.range, body.loop, body.file, &body.channel, 0, LENGTH);
		while (count > 0 || count == -EAGAIN) {
			count = step_and_drain(&body);
			assert_true(count <= STEP);
			sent += count > 0 ? (uint64_t)count : 0;
			if (count == -EAGAIN)
				loop_run(body.loop, 1);
		}
		if (count == -EOPNOTSUPP)
			print_message("%s cannot work here\n", (*path)->name);
		else
			assert_int_equal(sent, LENGTH);
		close_body(&body);
	}
}

static bool has_direct(int file)
{
	char name[32];
	int fd;

	snprintf(name, sizeof(name), "/proc/self/fd/%d", file);
	fd = open(name, O_RDONLY | O_DIRECT);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

enum { STREAMS = 6, SIZE = 72 << 20 };

/* A large file of no content in place of the small one. Returns that. */
static int swap_source(void)
{
	char name[] = "/var/tmp/sluice-unit-XXXXXX";
	int small = source;

	source = mkstemp(name);
	assert_true(source >= 0);
	unlink(name);
	assert_int_equal(ftruncate(source, SIZE), 0);
	return small;
}

/* On one loop, with sockets that take a block at once, and fewer buffers than bodies. */
static void open_bodies(struct body bodies[STREAMS], const struct path_send *path, uint64_t length)
{
	enum { SOCKET = 4 << 20 };

	for (int i = 0; i < STREAMS; i++) {
		open_body(&bodies[i]);
		setsockopt(bodies[i].pair[0], SOL_SOCKET, SO_SNDBUFFORCE, &(int){SOCKET},
			   sizeof(int));
		if (i > 0) {
			loop_close(bodies[i].loop);
			bodies[i].loop = bodies[0].loop;
		}
		bodies[i].range.forced = path;
		range_send_open(&bodies[i].range, bodies[i].loop, bodies[i].file,
				&bodies[i].channel, 0, length);
	}
	for (int i = 0; i < LOOP_BUFFERS_MAX - 2; i++)
		assert_non_null(loop_buffer_take(bodies[0].loop));
}

static void close_bodies(struct body bodies[STREAMS])
{
	for (int i = STREAMS - 1; i >= 0; i--) {
		range_send_close(&bodies[i].range);
		close(bodies[i].pair[0]);
		close(bodies[i].pair[1]);
		path_file_release(bodies[i].file);
	}
	loop_close(bodies[0].loop);
}

/* One step of each. Returns how many go on. */
static int step_all(struct body bodies[STREAMS])
{
	int left = 0;

	loop_run(bodies[0].loop, 1);
	for (int i = 0; i < STREAMS; i++) {
		int64_t count = step_and_drain(&bodies[i]);

		assert_true(count >= 0 || count == -EAGAIN);
		left += count != 0;
	}
	return left;
}

/*
 * More ranges than buffers, of a file that is planned in several parts: whoever has none takes
 * from those who have, and no body ends early.
 */
static void few_buffers(void **state)
{
	struct body bodies[STREAMS];
	int small, left = STREAMS;

	if (!has_direct(source)) {
		print_message("no O_DIRECT on this file system\n");
		skip();
	}
	small = swap_source();
	open_bodies(bodies, &path_send_direct, SIZE);
	for (int turns = 0; left > 0 && turns < 100000; turns++)
		left = step_all(bodies);
	assert_int_equal(left, 0);
	for (int i = 0; i < STREAMS; i++)
		assert_int_equal(bodies[i].tally.bytes, SIZE);
	close_bodies(bodies);
	close(source);
	source = small;
}

/* Nobody keeps what he has to the end, however fast his peer takes it. */
static void buffers_go_round(void **state)
{
	enum { SHORT = 16 << 20 };
	const struct path_send *const paths[] = {&path_send_direct, &path_send_readwrite};
	int small = swap_source();

	for (int p = has_direct(source) ? 0 : 1; p < 2; p++) {
		struct body bodies[STREAMS];
		int left = STREAMS;

		open_bodies(bodies, paths[p], SHORT);
		for (int turns = 0; left == STREAMS && turns < 100000; turns++)
			left = step_all(bodies);
		assert_true(left < STREAMS);
		for (int i = 0; i < STREAMS; i++)
			assert_true(bodies[i].tally.bytes >= SHORT / 2);
		close_bodies(bodies);
	}
	close(source);
	source = small;
}

static int set_up(void **state)
{
	static const char content[2 * LENGTH];
	char name[] = "/var/tmp/sluice-unit-XXXXXX";

	source = mkstemp(name);
	assert_true(source >= 0);
	unlink(name);
	assert_int_equal(write(source, content, sizeof(content)), sizeof(content));
	return 0;
}

static int tear_down(void **state)
{
	return close(source);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_look_in_this_turn_is_enough),
		cmocka_unit_test(a_change_since_the_look),
		cmocka_unit_test(a_change_since_a_look_for_somebody_else),
		cmocka_unit_test(a_change_between_two_ranges),
		cmocka_unit_test(a_file_that_grows_gives_what_was_promised),
		cmocka_unit_test(a_file_that_grew_and_is_written_to),
		cmocka_unit_test(a_look_in_the_middle_of_an_append),
		cmocka_unit_test(a_file_that_grew_and_shrank),
		cmocka_unit_test(what_is_not_content_does_not_matter),

		cmocka_unit_test(short_steps),
		cmocka_unit_test(few_buffers),
		cmocka_unit_test(buffers_go_round),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
