/* SPDX-License-Identifier: MIT */
/* A source whose content is known, a target, and which paths can work between them. */
#ifndef SLUICE_TESTS_PATH_FILES_H
#define SLUICE_TESTS_PATH_FILES_H

#include "path/path.h"
#include "scratch.h"

#include <arpa/inet.h>
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

enum { SIZE = (24 << 20) + 123 };

static int source, target;
static char *content;

static void fill(int fd)
{
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(pwrite(fd, content, SIZE, 0), SIZE);
	assert_int_equal(fsync(fd), 0);
}

static int set_up(void **state)
{
	uint32_t random = 1;

	content = malloc(SIZE);
	for (size_t i = 0; i < SIZE; i++) {
		random = random * 1664525 + 1013904223;
		content[i] = (char)(random >> 24);
	}
	source = temporary_file(disk());
	target = temporary_file(disk());
	fill(source);
	return 0;
}

static int tear_down(void **state)
{
	close(source);
	close(target);
	free(content);
	return 0;
}

static bool can_direct(void)
{
	struct path_file *file;
	bool can;

	assert_int_equal(path_file_open(&file, target, true, false), 0);
	can = path_file_need_direct(file) == 0;
	path_file_release(file);
	return can;
}

static bool can_dontcache(void)
{
	struct path_file *file;
	bool can;

	assert_int_equal(path_file_open(&file, target, true, false), 0);
	can = path_file_need_dontcache(file) == 0;
	assert_int_equal(file->can_dontcache, can);
	path_file_release(file);
	return can;
}

static bool can_work_here(const char *path)
{
	if (strcmp(path, "direct") == 0)
		return can_direct();
	return strcmp(path, "dontcache") != 0 || can_dontcache();
}

/* Written back and out of the page cache. */
static void evict_source(void)
{
	fsync(source);
	posix_fadvise(source, 0, 0, POSIX_FADV_DONTNEED);
}

#endif
