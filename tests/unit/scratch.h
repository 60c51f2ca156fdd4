/* SPDX-License-Identifier: MIT */
/* Files without a name, on the disk under test, and connections within this process. */
#ifndef SLUICE_TESTS_SCRATCH_H
#define SLUICE_TESTS_SCRATCH_H

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static inline const char *disk(void)
{
	const char *directory = getenv("SLUICE_TEST_DIR");

	return directory ? directory : "/var/tmp";
}

static inline int temporary_file(const char *directory)
{
	char name[256];
	int fd;

	snprintf(name, sizeof(name), "%s/sluice-unit-XXXXXX", directory);
	fd = mkstemp(name);
	assert_true(fd >= 0);
	unlink(name);
	return fd;
}

static inline void tcp_pair(int pair[2])
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(address);
	int listening = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(listening, (struct sockaddr *)&address, size), 0);
	assert_int_equal(listen(listening, 1), 0);
	assert_int_equal(getsockname(listening, (struct sockaddr *)&address, &size), 0);
	pair[0] = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(pair[0], (struct sockaddr *)&address, size), 0);
	pair[1] = accept(listening, NULL, NULL);
	assert_true(pair[1] >= 0);
	close(listening);
}

static inline void unix_pair(int pair[2])
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
}

#endif
