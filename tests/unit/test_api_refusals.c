/* SPDX-License-Identifier: MIT */
/* What a send and a receive refuse, and in what words. */
#include "sluice.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { SIZE = 2 << 20 }; /* enough for O_DIRECT, which needs a descriptor of its own */

struct fixture {
	int source, target, pair[2];
	struct sluice_error error;
};

static int temporary_file(void)
{
	const char *directory = getenv("SLUICE_TEST_DIR");
	int fd = open(directory ? directory : "/var/tmp", O_TMPFILE | O_RDWR, 0600);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, SIZE), 0);
	return fd;
}

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	fixture->source = temporary_file();
	fixture->target = temporary_file();
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fixture->pair), 0);
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	close(fixture->source);
	close(fixture->target);
	close(fixture->pair[0]);
	close(fixture->pair[1]);
	free(fixture);
	return 0;
}

static int send_range(struct fixture *fixture, uint64_t offset, uint64_t length, const char *path)
{
	const struct sluice_transfer_options options = {.size = sizeof(options), .path = path};

	return sluice_send_file(fixture->pair[0], fixture->source, offset, length, &options, NULL,
				&fixture->error);
}

static void ranges_beyond_the_file(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(send_range(fixture, 1, SIZE, NULL), -EINVAL);
	assert_non_null(strstr(fixture->error.text, "exceed the file's"));
	assert_int_equal(send_range(fixture, UINT64_MAX, 2, NULL), -EINVAL);
	assert_int_equal(sluice_receive_file(fixture->pair[0], fixture->target, UINT64_MAX - 1, 2,
					     NULL, NULL, &fixture->error),
			 -EINVAL);
	assert_int_equal(fixture->error.kind, SLUICE_ERROR_USAGE);
	assert_non_null(strstr(fixture->error.text, "more than a file holds"));
}

static void unknown_paths(void **state)
{
	struct fixture *fixture = *state;
	const struct sluice_transfer_options options = {.size = sizeof(options),
							.path = "teleport"};

	assert_int_equal(send_range(fixture, 0, 1, "teleport"), -EINVAL);
	assert_non_null(strstr(fixture->error.text, "teleport"));
	assert_int_equal(
		sluice_receive_file(fixture->pair[0], fixture->target, 0, 1, &options, NULL, NULL),
		-EINVAL);
}

static void a_path_that_cannot_work(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(send_range(fixture, 0, 1, "zerocopy"), -EOPNOTSUPP);
	assert_non_null(strstr(fixture->error.text, "leave the choice to the plan"));
}

static int open_anew(int fd, int flags)
{
	char name[32];

	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	return open(name, flags);
}

static void a_file_that_is_open_for_reading_only(void **state)
{
	struct fixture *fixture = *state;
	int file = open_anew(fixture->target, O_RDONLY);

	close(fixture->pair[1]); /* nothing comes, should it be taken */
	fixture->pair[1] = -1;
	assert_int_equal(
		sluice_receive_file(fixture->pair[0], file, 0, SIZE, NULL, NULL, &fixture->error),
		-EBADF);
	assert_int_equal(fixture->error.kind, SLUICE_ERROR_USAGE);
	assert_non_null(strstr(fixture->error.text, "not open for writing"));
	close(file);
}

static void a_file_that_is_open_for_writing_only(void **state)
{
	struct fixture *fixture = *state;
	int file = open_anew(fixture->source, O_WRONLY);

	assert_int_equal(
		sluice_send_file(fixture->pair[0], file, 0, 1, NULL, NULL, &fixture->error),
		-EBADF);
	assert_non_null(strstr(fixture->error.text, "not open for reading"));
	close(file);
}

static void a_descriptor_of_another_transfer(void **state)
{
	struct fixture *fixture = *state;
	struct sluice_send *send, *other;
	struct sluice_engine *engine;

	assert_int_equal(sluice_engine_open(&engine, NULL, NULL), 0);
	assert_int_equal(sluice_send_open(&send, engine, fixture->pair[0], fixture->source, 0, 1,
					  NULL, NULL, NULL, NULL),
			 0);
	assert_int_equal(sluice_send_open(&other, engine, fixture->pair[0], fixture->source, 0, 1,
					  NULL, NULL, NULL, &fixture->error),
			 -EBUSY);
	assert_int_equal(fixture->error.kind, SLUICE_ERROR_BUSY);
	assert_non_null(strstr(fixture->error.text, "another transfer"));
	sluice_send_close(send);
	sluice_engine_close(engine);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(ranges_beyond_the_file),
		TEST(unknown_paths),
		TEST(a_path_that_cannot_work),
		TEST(a_file_that_is_open_for_reading_only),
		TEST(a_file_that_is_open_for_writing_only),
		TEST(a_descriptor_of_another_transfer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
