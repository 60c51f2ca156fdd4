/* SPDX-License-Identifier: MIT */
/* The public send and receive over each kind of channel, by each path, on both loops. */
#include "path-pairs.h"

#include "channel/channel.h"
#include "sluice.h"

#include <pthread.h>

enum { LENGTH = (1 << 20) + 123 };

static const char *const loops[] = {"io_uring", "epoll"};

struct end {
	pthread_t thread;
	int fd;
	uint64_t length;
	struct sluice_transfer_options options;
	struct sluice_error error;
	int result;
};

static void *run_sender(void *argument)
{
	struct end *end = argument;

	end->result =
		sluice_send_file(end->fd, source, 0, end->length, &end->options, NULL, &end->error);
	close(end->fd);
	return NULL;
}

/* What ends with the channel. */
static void move(const struct pair_kind *kind, const char *send, const char *receive, size_t length)
{
	struct end sender = {
		.length = length,
		.options = {.size = sizeof(struct sluice_transfer_options), .path = send}};
	struct sluice_transfer_options options = {.size = sizeof(options), .path = receive};
	struct sluice_error error = {0};
	struct sluice_bill *bill;
	char *copy = malloc(length + 1);
	int pair[2], result;

	kind->open(pair);
	assert_int_equal(ftruncate(target, 0), 0);
	sender.fd = pair[0];
	assert_int_equal(pthread_create(&sender.thread, NULL, run_sender, &sender), 0);
	result = sluice_receive_file(pair[1], target, 0, UINT64_MAX, &options, &bill, &error);
	close(pair[1]);
	pthread_join(sender.thread, NULL);
	if (result < 0 || sender.result < 0)
		fail_msg("%s, %s to %s: %s; %s", kind->name, send, receive, sender.error.text,
			 error.text);
	assert_int_equal(bill->bytes, length);
	sluice_bill_free(bill);
	if (strcmp(receive, "discard") != 0) {
		assert_int_equal(pread(target, copy, length + 1, 0), length);
		assert_memory_equal(copy, content, length);
	}
	free(copy);
}

static void every_send_path(void **state)
{
	for (const struct pair_kind *kind = pair_kinds; kind->name; kind++) {
		const char *path;

		for (unsigned i = 0; (path = sluice_send_path_name(i)); i++) {
			if (!can_work_here(path))
				continue;
			if (strcmp(path, "zerocopy") == 0 && strcmp(kind->name, "tcp") != 0)
				continue;
			if (strcmp(path, "direct") == 0)
				evict_source();
			move(kind, path, "readwrite", LENGTH);
		}
		move(kind, "auto", "auto", SIZE);
	}
}

static void every_receive_path(void **state)
{
	for (const struct pair_kind *kind = pair_kinds; kind->name; kind++) {
		const char *path;

		for (unsigned i = 0; (path = sluice_receive_path_name(i)); i++)
			if (can_work_here(path))
				move(kind, "readwrite", path, LENGTH);
		/* References through a pipe between two that are pipes as well. */
		move(kind, "splice", "splice", LENGTH);
	}
}

static void on_both_loops(void (*test)(void **state))
{
	for (int i = 0; i < 2; i++) {
		setenv("SLUICE_LOOP", loops[i], true);
		test(NULL);
	}
	unsetenv("SLUICE_LOOP");
}

static void every_send_path_goes_everywhere(void **state)
{
	on_both_loops(every_send_path);
}

static void every_receive_path_comes_from_everywhere(void **state)
{
	on_both_loops(every_receive_path);
}

static void references_need_tcp(void **state)
{
	struct sluice_transfer_options options = {.size = sizeof(options), .path = "zerocopy"};

	for (const struct pair_kind *kind = pair_kinds + 1; kind->name; kind++) {
		int pair[2];

		kind->open(pair);
		assert_int_equal(sluice_send_file(pair[0], source, 0, SIZE, &options, NULL, NULL),
				 -EOPNOTSUPP);
		close(pair[0]);
		close(pair[1]);
	}
}

static void *read_some(void *argument)
{
	const int *fd = argument;
	char scrap[1000];

	assert_int_equal(read(*fd, scrap, sizeof(scrap)), sizeof(scrap));
	close(*fd);
	return NULL;
}

static void a_reader_goes_away(void **state)
{
	for (const struct pair_kind *kind = pair_kinds; kind->name; kind++) {
		pthread_t reader;
		int pair[2], result;

		kind->open(pair);
		assert_int_equal(pthread_create(&reader, NULL, read_some, &pair[1]), 0);
		result = sluice_send_file(pair[0], source, 0, SIZE, NULL, NULL, NULL);
		pthread_join(reader, NULL);
		if (result != -EPIPE && (result != -ECONNRESET || !kind->is_socket))
			fail_msg("%s: %d", kind->name, result);
		close(pair[0]);
	}
}

static void a_writer_stops_early(void **state)
{
	for (const struct pair_kind *kind = pair_kinds; kind->name; kind++) {
		struct sluice_bill *bill;
		int pair[2];

		kind->open(pair);
		assert_int_equal(write(pair[0], content, 1000), 1000);
		close(pair[0]);
		assert_int_equal(sluice_receive_file(pair[1], target, 0, 1001, NULL, &bill, NULL),
				 -ENODATA);
		assert_int_equal(bill->bytes, 1000);
		sluice_bill_free(bill);
		close(pair[1]);
	}
}

static void a_descriptor_blocks_as_before(void **state)
{
	for (const struct pair_kind *kind = pair_kinds; kind->name; kind++) {
		for (int flags = 0; flags <= O_NONBLOCK; flags += O_NONBLOCK) {
			int pair[2];

			kind->open(pair);
			fcntl(pair[0], F_SETFL, flags);
			fcntl(pair[1], F_SETFL, flags);
			assert_int_equal(
				sluice_send_file(pair[0], source, 0, 100, NULL, NULL, NULL), 0);
			assert_int_equal(
				sluice_receive_file(pair[1], target, 0, 100, NULL, NULL, NULL), 0);
			assert_int_equal(fcntl(pair[0], F_GETFL) & O_NONBLOCK, flags);
			assert_int_equal(fcntl(pair[1], F_GETFL) & O_NONBLOCK, flags);
			close(pair[0]);
			close(pair[1]);
		}
	}
}

static void note_result(void *argument, int result, const struct sluice_bill *bill,
			const struct sluice_error *error)
{
	*(int *)argument = result;
}

static void what_cannot_be_waited_for_is_refused(void **state)
{
	struct sluice_error error = {0};
	struct sluice_receive *receive;
	struct sluice_engine *engine;
	struct sluice_send *send;
	int pair[2], result = 1;

	pipe_pair(pair);
	assert_int_equal(sluice_engine_open(&engine, NULL, NULL), 0);
	assert_int_equal(sluice_send_open(&send, engine, pair[0], source, 0, SIZE, NULL,
					  note_result, &result, &error),
			 -EINVAL);
	assert_non_null(strstr(error.text, "blocks"));
	assert_int_equal(sluice_receive_open(&receive, engine, pair[1], target, 0, SIZE, NULL,
					     note_result, &result, &error),
			 -EINVAL);
	assert_non_null(strstr(error.text, "blocks"));
	assert_int_equal(sluice_send_file(target, source, 0, SIZE, NULL, NULL, &error), -EINVAL);
	assert_non_null(strstr(error.text, "a socket, a pipe or a terminal"));
	assert_int_equal(sluice_receive_file(source, target, 0, SIZE, NULL, NULL, &error), -EINVAL);
	assert_int_equal(result, 1);
	sluice_engine_close(engine);
	close(pair[0]);
	close(pair[1]);
}

/* The channels themselves */

static void a_channel_says_what_may_be_done(void **state)
{
	for (const struct pair_kind *kind = pair_kinds; kind->name; kind++) {
		struct channel channel;
		bool is_local = false;
		int pair[2];

		kind->open(pair);
		channel = channel_find(pair[0], &is_local);
		assert_true(is_local);
		assert_true(channel.takes_files);
		assert_int_equal(channel.takes_references, kind->is_socket);
		assert_int_equal(channel.can_drop, strcmp(kind->name, "tcp") == 0);
		assert_int_equal(channel.cpu_passes, 0);
		close(pair[0]);
		close(pair[1]);
	}
}

static void pieces_go_in_their_order(void **state)
{
	const struct iovec pieces[] = {{content, 300}, {content + 300, 200}};

	for (const struct pair_kind *kind = pair_kinds; kind->name; kind++) {
		struct channel out, in;
		char copy[600];
		bool is_local;
		int pair[2];

		kind->open(pair);
		out = channel_find(pair[0], &is_local);
		in = channel_find(pair[1], &is_local);
		assert_int_equal(channel_send_pieces(&out, pieces, 2, true), 500);
		assert_int_equal(channel_send(&out, content + 500, 100, false), 100);
		assert_int_equal(channel_flush(&out), 0);
		assert_int_equal(channel_drop(&in, 100), 100);
		assert_int_equal(channel_receive(&in, copy, 500), 500);
		assert_memory_equal(copy, content + 100, 500);
		channel_finish(&out);
		close(pair[0]);
		assert_int_equal(channel_receive(&in, copy, 1), 0);
		close(pair[1]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_channel_says_what_may_be_done),
		cmocka_unit_test(pieces_go_in_their_order),
		cmocka_unit_test(every_send_path_goes_everywhere),
		cmocka_unit_test(every_receive_path_comes_from_everywhere),
		cmocka_unit_test(references_need_tcp),
		cmocka_unit_test(a_reader_goes_away),
		cmocka_unit_test(a_writer_stops_early),
		cmocka_unit_test(a_descriptor_blocks_as_before),
		cmocka_unit_test(what_cannot_be_waited_for_is_refused),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
