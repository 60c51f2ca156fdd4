/* SPDX-License-Identifier: MIT */
/* Small files in a batch: all, none over another's, and what becomes of those that nobody waits
 * for. */
#include "landing/batch.h"

#include "scratch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { MANY = 300 };

struct ends {
	unsigned good, bad;
	int last;
};

static void on_done(void *owner, int result)
{
	struct ends *ends = owner;

	ends->good += result == 0;
	ends->bad += result < 0;
	ends->last = result;
}

static void add_to(struct batch *batch, struct ends *ends, struct batch_directory *directory,
		   const char *name)
{
	struct batch_file *file = calloc(1, sizeof(*file));

	file->directory = directory;
	file->done = on_done;
	file->owner = ends;
	file->data = strdup(name);
	file->length = strlen(name);
	strcpy(file->name, name);
	batch_add(batch, file);
}

static void add(struct batch *batch, struct ends *ends, const char *path, const char *name)
{
	struct batch_directory *directory;

	assert_int_equal(batch_directory_open(batch, path, &directory), 0);
	add_to(batch, ends, directory, name);
}

static void run(struct loop *loop, const struct ends *ends, unsigned count)
{
	while (ends->good + ends->bad < count)
		assert_int_equal(loop_run(loop, -1), 0);
}

static void check(const char *directory, const char *name)
{
	char path[4096], text[64] = "";
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	file = fopen(path, "r");
	assert_non_null(file);
	assert_non_null(fgets(text, sizeof(text), file));
	assert_string_equal(text, name);
	fclose(file);
}

static unsigned count_and_remove(const char *directory)
{
	DIR *stream = opendir(directory);
	struct dirent *entry;
	unsigned count = 0;

	while ((entry = readdir(stream)))
		count += unlinkat(dirfd(stream), entry->d_name, 0) == 0;
	closedir(stream);
	assert_int_equal(rmdir(directory), 0);
	return count;
}

struct fixture {
	struct loop *loop;
	struct batch *batch;
	struct ends ends;
	char one[64], other[64];
};

static void make_directory(char path[64])
{
	snprintf(path, 64, "%.30s/sluice-batch-XXXXXX", disk());
	assert_non_null(mkdtemp(path));
}

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	make_directory(fixture->one);
	make_directory(fixture->other);
	assert_int_equal(loop_open(&fixture->loop, LOOP_AUTO, NULL), 0);
	fixture->batch = batch_open(fixture->loop);
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	free(fixture);
	return 0;
}

/* Returns how many files there are by then. */
static unsigned end(struct fixture *fixture)
{
	batch_close(fixture->batch);
	loop_close(fixture->loop);
	return count_and_remove(fixture->one) + count_and_remove(fixture->other);
}

static void test_many_in_two_directories(void **state)
{
	struct fixture *fixture = *state;
	char name[32];

	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "file-%d", i);
		add(fixture->batch, &fixture->ends, i % 3 ? fixture->one : fixture->other, name);
	}
	run(fixture->loop, &fixture->ends, MANY);
	if (!batch_can(fixture->batch)) {
		print_message("no files without a name on this file system\n");
		end(fixture);
		skip();
	}
	assert_int_equal(fixture->ends.good, MANY);
	check(fixture->other, "file-0");
	check(fixture->one, "file-1");
	check(fixture->one, "file-299");
	assert_int_equal(end(fixture), MANY);
}

static void test_none_over_another_one(void **state)
{
	struct fixture *fixture = *state;
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/here", fixture->one);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	assert_int_equal(write(fd, "here", 4), 4);
	close(fd);
	add(fixture->batch, &fixture->ends, fixture->one, "here");
	run(fixture->loop, &fixture->ends, 1);
	if (batch_can(fixture->batch))
		assert_int_equal(fixture->ends.last, -EEXIST);
	check(fixture->one, "here");
	assert_int_equal(end(fixture), 1);
}

static void test_a_directory_that_is_gone(void **state)
{
	struct fixture *fixture = *state;
	struct batch_directory *directory;
	unsigned can;

	assert_int_equal(batch_directory_open(fixture->batch, "/none", &directory), -ENOENT);
	add(fixture->batch, &fixture->ends, fixture->one, "one");
	run(fixture->loop, &fixture->ends, 1);
	assert_int_equal(batch_directory_open(fixture->batch, fixture->one, &directory), 0);
	assert_int_equal(count_and_remove(fixture->one), batch_can(fixture->batch));
	add_to(fixture->batch, &fixture->ends, directory, "two");
	run(fixture->loop, &fixture->ends, 2);
	assert_true(fixture->ends.last < 0);
	assert_int_equal(batch_directory_open(fixture->batch, fixture->one, &directory), -ENOENT);
	make_directory(fixture->one);
	/* Another one by the same name takes what comes. */
	add(fixture->batch, &fixture->ends, fixture->one, "three");
	run(fixture->loop, &fixture->ends, 3);
	can = batch_can(fixture->batch);
	assert_int_equal(fixture->ends.good, 2 * can);
	assert_int_equal(end(fixture), can);
}

static void test_nobody_waits(void **state)
{
	struct fixture *fixture = *state;

	add(fixture->batch, NULL, fixture->one, "one");
	add(fixture->batch, NULL, fixture->one, "two");
	/* What has begun ends, what has not does not begin. */
	assert_true(end(fixture) <= 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_many_in_two_directories, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_none_over_another_one, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_directory_that_is_gone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_nobody_waits, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
