/* SPDX-License-Identifier: MIT */
/*
 * A file that arrives in random steps, its blocks lent or not, in one run or two, followed to the
 * right digest on both loops; what was lent is released once.
 */
#include "digest/follow.h"
#include "loop-kinds.h"
#include "scratch.h"

#include "base/size.h"

#include <errno.h>
#include <unistd.h>

enum { SIZE_MAX_MIB = 24, BLOCK_MAX = 1 << 20, BLOCKS = 512, AHEAD = 6 };

struct arrival {
	struct loop *loop;
	struct follow *follow;
	char *data;
	int fd, woken, lent, released, is_out[BLOCKS];
	uint64_t size, run, at, edge;
	uint64_t ends[BLOCKS]; /* of the blocks that are being written */
	unsigned count, written;
};

struct out {
	struct arrival *arrival;
	unsigned block;
};

static struct out outs[BLOCKS];

static void on_wake(void *owner)
{
	((struct arrival *)owner)->woken++;
}

static void on_release(void *argument)
{
	const struct out *out = argument;

	assert_int_equal(--out->arrival->is_out[out->block], 0);
	out->arrival->released++;
}

static void write_all(int fd, const char *data, size_t length, uint64_t offset)
{
	assert_int_equal(pwrite(fd, data, length, (off_t)offset), length);
}

/* A block comes, and may be lent while it is being written. */
static void arrive(struct arrival *arrival, bool is_lent)
{
	size_t length = size_min((uint64_t)(1 + rand() % BLOCK_MAX), arrival->size - arrival->at);
	const struct path_lent lent = {arrival->at, arrival->data + arrival->at, length, on_release,
				       &outs[arrival->count]};

	outs[arrival->count] = (struct out){arrival, arrival->count};
	if (is_lent && follow_lend(arrival->follow, arrival->run, &lent)) {
		arrival->lent++;
		arrival->is_out[arrival->count]++;
	}
	arrival->at += length;
	arrival->ends[arrival->count++] = arrival->at;
}

static void settle_one(struct arrival *arrival)
{
	uint64_t end = arrival->ends[arrival->written++];

	write_all(arrival->fd, arrival->data + arrival->edge, end - arrival->edge, arrival->edge);
	arrival->edge = end;
	follow_advance(arrival->follow, end, end == arrival->size);
}

static void drive(struct arrival *arrival, int lends_percent)
{
	while (arrival->edge < arrival->size) {
		bool is_full = arrival->count - arrival->written >= AHEAD;

		if (arrival->at < arrival->size && !is_full && rand() % 2)
			arrive(arrival, rand() % 100 < lends_percent);
		else if (arrival->written < arrival->count)
			settle_one(arrival);
		if (rand() % 4 == 0)
			assert_int_equal(loop_run(arrival->loop, 0), 0);
	}
	follow_advance(arrival->follow, arrival->size, true);
}

static struct path_file *open_file(int fd)
{
	struct path_file *file;

	assert_int_equal(path_file_open(&file, fd, false, false), 0);
	return file;
}

static void follow_one(unsigned seed)
{
	static const int percents[] = {0, 50, 100};
	const struct hash_algorithm *algorithm = hash_algorithms[seed % 3];
	struct arrival arrival = {.loop = loop_new(), .fd = temporary_file(disk())};
	const struct follow_options options = {.wake = on_wake, .owner = &arrival};
	struct path_file *file = open_file(arrival.fd);
	struct digest wanted, digest;

	srand(seed);
	arrival.size = (uint64_t)rand() % (SIZE_MAX_MIB * MIB);
	arrival.data = malloc(arrival.size + 1);
	for (uint64_t i = 0; i < arrival.size; i++)
		arrival.data[i] = (char)(i * 31 + (i >> 12) + seed);
	assert_int_equal(hash_all(algorithm, arrival.data, arrival.size, &wanted), 0);
	/* What an earlier call brought, and a run that begins behind it. */
	arrival.run = arrival.at = arrival.edge = seed % 2 ? arrival.size / 2 : 0;
	write_all(arrival.fd, arrival.data, arrival.edge, 0);
	assert_int_equal(follow_open(&arrival.follow, arrival.loop, file, algorithm, 0, &options),
			 0);
	path_file_release(file);
	follow_advance(arrival.follow, arrival.edge, false);
	drive(&arrival, percents[seed / 2 % 3]);
	run_until(arrival.loop, &arrival.woken, 1);
	assert_int_equal(follow_result(arrival.follow, &digest), 0);
	assert_true(digest_equal(&digest, &wanted));
	assert_int_equal(arrival.released, arrival.lent);
	assert_int_equal(arrival.woken, 1);
	follow_close(arrival.follow);
	loop_close(arrival.loop);
	free(arrival.data);
	close(arrival.fd);
}

static void test_files_that_arrive(void **state)
{
	for (unsigned seed = 0; seed < 24; seed++) {
		print_message("seed %u\n", seed);
		follow_one(seed);
	}
}

static void test_closed_in_the_middle(void **state)
{
	for (unsigned seed = 100; seed < 112; seed++) {
		struct arrival arrival = {.loop = loop_new(), .fd = temporary_file(disk())};
		const struct follow_options options = {.wake = on_wake, .owner = &arrival};
		struct path_file *file = open_file(arrival.fd);

		srand(seed);
		arrival.size = 4 * MIB;
		arrival.data = calloc(1, arrival.size);
		assert_int_equal(
			follow_open(&arrival.follow, arrival.loop, file, &hash_sha256, 0, &options),
			0);
		path_file_release(file);
		for (unsigned steps = seed % 7; steps > 0; steps--) {
			arrive(&arrival, true);
			if (rand() % 2)
				settle_one(&arrival);
			assert_int_equal(loop_run(arrival.loop, 0), 0);
			if (arrival.at == arrival.size)
				break;
		}
		follow_close(arrival.follow);
		loop_close(arrival.loop);
		assert_int_equal(arrival.released, arrival.lent);
		assert_int_equal(arrival.woken, 0);
		free(arrival.data);
		close(arrival.fd);
	}
}

static void test_a_file_that_is_shorter_than_it_should_be(void **state)
{
	struct arrival arrival = {.loop = loop_new(), .fd = temporary_file(disk())};
	const struct follow_options options = {.wake = on_wake, .owner = &arrival};
	struct path_file *file = open_file(arrival.fd);
	struct digest digest;

	write_all(arrival.fd, "abc", 3, 0);
	assert_int_equal(
		follow_open(&arrival.follow, arrival.loop, file, &hash_sha256, 0, &options), 0);
	assert_int_equal(follow_result(arrival.follow, &digest), -EAGAIN);
	follow_advance(arrival.follow, 4, true);
	run_until(arrival.loop, &arrival.woken, 1);
	assert_int_equal(follow_result(arrival.follow, &digest), -ENODATA);
	follow_close(arrival.follow);
	path_file_release(file);
	loop_close(arrival.loop);
	close(arrival.fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files_that_arrive),
		cmocka_unit_test(test_closed_in_the_middle),
		cmocka_unit_test(test_a_file_that_is_shorter_than_it_should_be),
	};

	return RUN_BOTH(tests);
}
