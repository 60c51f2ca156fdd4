/* SPDX-License-Identifier: MIT */
/* The public send and receive, one against the other, over TCP and over a socket pair. */
#include "scratch.h"
#include "sluice.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { SIZE = (5 << 20) + 123 };

struct fixture {
	int source, target;
	char *content;
};

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	uint32_t random = 1;

	signal(SIGPIPE, SIG_IGN);
	fixture->content = malloc(SIZE);
	for (size_t i = 0; i < SIZE; i++) {
		random = random * 1664525 + 1013904223;
		fixture->content[i] = (char)(random >> 24);
	}
	fixture->source = temporary_file(disk());
	fixture->target = temporary_file(disk());
	assert_int_equal(write(fixture->source, fixture->content, SIZE), SIZE);
	assert_int_equal(fsync(fixture->source), 0);
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	close(fixture->source);
	close(fixture->target);
	free(fixture->content);
	free(fixture);
	return 0;
}

struct sender {
	pthread_t thread;
	int socket, file, result;
	uint64_t offset, length;
	struct sluice_transfer_options options;
	struct sluice_bill *bill;
	struct sluice_error error;
};

static void *run_sender(void *argument)
{
	struct sender *sender = argument;

	sender->result =
		sluice_send_file(sender->socket, sender->file, sender->offset, sender->length,
				 &sender->options, &sender->bill, &sender->error);
	close(sender->socket);
	return NULL;
}

static void check_target(const struct fixture *fixture, uint64_t at, uint64_t from, size_t length)
{
	char *copy = malloc(SIZE);

	assert_int_equal(pread(fixture->target, copy, length, (off_t)at), length);
	assert_memory_equal(copy, fixture->content + from, length);
	free(copy);
}

struct row {
	void (*pair)(int pair[2]);
	const char *send, *receive;
	uint64_t from, at;
	size_t length;
	bool length_is_unknown;
};

static void move_one(struct fixture *fixture, const struct row *row)
{
	struct sluice_transfer_options options = {.size = sizeof(options), .path = row->receive};
	struct sluice_bill *bill;
	struct sluice_error error = {0};
	struct sender sender = {.file = fixture->source,
				.offset = row->from,
				.length = row->length,
				.options.size = sizeof(sender.options),
				.options.path = row->send};
	int pair[2], result;

	row->pair(pair);
	assert_int_equal(ftruncate(fixture->target, 0), 0);
	sender.socket = pair[0];
	assert_int_equal(pthread_create(&sender.thread, NULL, run_sender, &sender), 0);
	result = sluice_receive_file(pair[1], fixture->target, row->at,
				     row->length_is_unknown ? UINT64_MAX : row->length, &options,
				     &bill, &error);
	pthread_join(sender.thread, NULL);
	close(pair[1]);
	if (result < 0 || sender.result < 0)
		fail_msg("%s to %s: %s; %s", row->send, row->receive, sender.error.text,
			 error.text);
	assert_int_equal(bill->bytes, row->length);
	assert_int_equal(sender.bill->bytes, row->length);
	sluice_bill_free(bill);
	sluice_bill_free(sender.bill);
	check_target(fixture, row->at, row->from, row->length);
}

static void every_pair_of_paths(void **state)
{
	static const char *const sends[] = {"readwrite", "sendfile", "auto"};
	static const char *const receives[] = {"readwrite", "auto"};
	static const struct {
		uint64_t from, at;
		size_t length;
	} pieces[] = {{0, 0, SIZE},       {1, 0, 4096},     {4095, 8192, 4 << 20},
		      {123, 77, 3 << 20}, {SIZE - 1, 0, 1}, {0, 0, 0}};

	for (size_t i = 0; i < sizeof(pieces) / sizeof(*pieces); i++)
		for (int s = 0; s < 3; s++)
			for (int r = 0; r < 2; r++)
				for (int unknown = 0; unknown < 2; unknown++) {
					struct row row = {s % 2 ? unix_pair : tcp_pair,
							  sends[s],
							  receives[r],
							  pieces[i].from,
							  pieces[i].at,
							  pieces[i].length,
							  unknown};

					move_one(*state, &row);
				}
}

static void a_peer_that_stops_early_is_an_error(void **state)
{
	struct fixture *fixture = *state;
	struct sluice_error error = {0};
	struct sluice_bill *bill;
	int pair[2];

	tcp_pair(pair);
	assert_int_equal(write(pair[0], "abc", 3), 3);
	close(pair[0]);
	assert_int_equal(sluice_receive_file(pair[1], fixture->target, 0, 10, NULL, &bill, &error),
			 -ENODATA);
	assert_int_equal(error.code, ENODATA);
	assert_int_equal(bill->bytes, 3);
	sluice_bill_free(bill);
	close(pair[1]);
}

/* As an older and a newer header have them. */
static void options_of_other_sizes(void **state)
{
	struct {
		struct sluice_engine_options options;
		char later[24];
	} newer = {.options.size = sizeof(newer)};
	struct sluice_engine_options none = {0},
				     older = {.size = sizeof(size_t), .backend = "none"};
	struct sluice_error error;
	struct sluice_engine *engine;

	assert_int_equal(sluice_engine_open(&engine, &newer.options, &error), 0);
	sluice_engine_close(engine);
	newer.later[23] = 1;
	assert_int_equal(sluice_engine_open(&engine, &newer.options, &error), -E2BIG);
	assert_non_null(strstr(error.text, "struct sluice_engine_options has a member set"));
	/* What lies behind the end of an older one is not looked at. */
	assert_int_equal(sluice_engine_open(&engine, &older, &error), 0);
	sluice_engine_close(engine);
	older.size = sizeof(older);
	assert_int_equal(sluice_engine_open(&engine, &older, &error), -EINVAL);
	assert_non_null(strstr(error.text, "no backend 'none'"));
	assert_int_equal(sluice_engine_open(&engine, &none, &error), -EINVAL);
	assert_non_null(strstr(error.text, "sizeof(struct sluice_engine_options)"));
	none.size = SIZE_MAX;
	assert_int_equal(sluice_engine_open(&engine, &none, &error), -EINVAL);
}

static void every_struct_of_options_has_a_size(void **state)
{
	struct sluice_transfer_options transfer = {.size = 1};
	struct sluice_get_options get = {.size = 1};
	struct sluice_server_options server = {.size = 1};
	struct sluice_get_result *result;
	struct sluice_server *served;
	struct sluice_error error;

	assert_int_equal(sluice_send_file(-1, -1, 0, 0, &transfer, NULL, NULL), -EBADF);
	assert_int_equal(sluice_get("http://127.0.0.1:1/x", &get, &result, &error), -EINVAL);
	assert_null(result);
	assert_non_null(strstr(error.text, "sizeof(struct sluice_get_options)"));
	assert_int_equal(sluice_server_open(&served, &server, &error), -EINVAL);
	assert_non_null(strstr(error.text, "sizeof(struct sluice_server_options)"));
	assert_int_equal(sluice_server_open(&served, NULL, &error), -EINVAL);
	assert_non_null(strstr(error.text, "directory"));
}

static void a_blocking_socket_is_blocking_again(void **state)
{
	struct fixture *fixture = *state;
	int pair[2];

	tcp_pair(pair);
	assert_int_equal(sluice_send_file(pair[0], fixture->source, 0, 100, NULL, NULL, NULL), 0);
	assert_int_equal(fcntl(pair[0], F_GETFL) & O_NONBLOCK, 0);
	close(pair[0]);
	close(pair[1]);
}

static void note_result(void *argument, int result, const struct sluice_bill *bill,
			const struct sluice_error *error)
{
	*(int *)argument = result;
}

static void a_receive_can_be_closed_at_any_time(void **state)
{
	struct fixture *fixture = *state;
	struct sluice_receive *receive;
	struct sluice_engine *engine;
	int pair[2], result = 1;

	tcp_pair(pair);
	fcntl(pair[1], F_SETFL, O_NONBLOCK);
	assert_int_equal(sluice_engine_open(&engine, NULL, NULL), 0);
	for (int turns = 0; turns < 8; turns++) {
		assert_int_equal(sluice_receive_open(&receive, engine, pair[1], fixture->target, 0,
						     SIZE, NULL, note_result, &result, NULL),
				 0);
		assert_true(write(pair[0], fixture->content, 100000) > 0);
		for (int i = 0; i < turns; i++)
			sluice_engine_run(engine, 1);
		sluice_receive_close(receive);
	}
	sluice_engine_close(engine);
	assert_int_equal(result, 1);
	close(pair[0]);
	close(pair[1]);
}

static void a_descriptor_can_be_closed_after_the_transfer(void **state)
{
	struct fixture *fixture = *state;
	struct sluice_transfer_options options = {.size = sizeof(options), .path = "readwrite"};
	struct sluice_receive *receive;
	struct sluice_engine *engine;
	int pair[2], result = 1, victim;
	struct stat status;

	unix_pair(pair);
	fcntl(pair[1], F_SETFL, O_NONBLOCK);
	fcntl(pair[0], F_SETFL, O_NONBLOCK);
	for (int turns = 1; turns < 60; turns++) {
		int file = temporary_file(disk());

		assert_int_equal(sluice_engine_open(&engine, NULL, NULL), 0);
		assert_int_equal(sluice_receive_open(&receive, engine, pair[1], file, 0, 4 << 20,
						     &options, note_result, &result, NULL),
				 0);
		for (int i = 0; i < turns; i++) {
			(void)!write(pair[0], fixture->content, 100000);
			sluice_engine_run(engine, 0);
		}
		sluice_receive_close(receive);
		close(file);
		victim = temporary_file(disk());
		sluice_engine_close(engine);
		assert_int_equal(fstat(victim, &status), 0);
		assert_int_equal(status.st_size, 0);
		close(victim);
	}
	close(pair[0]);
	close(pair[1]);
}

/* Streams whose peers take nothing must not keep the buffers from the others. */
static void slow_peers_starve_nobody(void **state)
{
	enum { COUNT = 150, SLOW = 100 };
	struct fixture *fixture = *state;
	struct sluice_transfer_options options = {.size = sizeof(options), .path = "readwrite"};
	struct sluice_send *sends[COUNT];
	struct sluice_engine *engine;
	int pairs[COUNT][2], results[COUNT], left = COUNT - SLOW;
	char *scrap = malloc(1 << 20);

	assert_int_equal(sluice_engine_open(&engine, NULL, NULL), 0);
	for (int i = 0; i < COUNT; i++) {
		results[i] = 1;
		unix_pair(pairs[i]);
		fcntl(pairs[i][0], F_SETFL, O_NONBLOCK);
		fcntl(pairs[i][1], F_SETFL, O_NONBLOCK);
		assert_int_equal(sluice_send_open(&sends[i], engine, pairs[i][0], fixture->source,
						  0, SIZE, &options, note_result, &results[i],
						  NULL),
				 0);
	}
	for (int turns = 0; left > 0 && turns < 100000; turns++) {
		sluice_engine_run(engine, 1);
		left = 0;
		for (int i = SLOW; i < COUNT; i++) {
			(void)!read(pairs[i][1], scrap, 1 << 20);
			left += results[i] == 1;
		}
	}
	assert_int_equal(left, 0);
	for (int i = 0; i < COUNT; i++) {
		assert_int_equal(results[i], i < SLOW ? 1 : 0);
		sluice_send_close(sends[i]);
		close(pairs[i][0]);
		close(pairs[i][1]);
	}
	sluice_engine_close(engine);
	free(scrap);
}

/* More receives than buffers, all of them moving. */
static void many_receives_share_the_buffers(void **state)
{
	enum { COUNT = 100 };
	struct fixture *fixture = *state;
	struct sluice_receive *receives[COUNT];
	struct sluice_engine *engine;
	int pairs[COUNT][2], results[COUNT], left = COUNT;
	size_t sent[COUNT] = {0};

	assert_int_equal(sluice_engine_open(&engine, NULL, NULL), 0);
	for (int i = 0; i < COUNT; i++) {
		results[i] = 1;
		unix_pair(pairs[i]);
		fcntl(pairs[i][0], F_SETFL, O_NONBLOCK);
		fcntl(pairs[i][1], F_SETFL, O_NONBLOCK);
		assert_int_equal(sluice_receive_open(&receives[i], engine, pairs[i][1],
						     fixture->target, 0, 3 << 20, NULL, note_result,
						     &results[i], NULL),
				 0);
	}
	for (int turns = 0; left > 0 && turns < 100000; turns++) {
		sluice_engine_run(engine, 1);
		left = 0;
		for (int i = 0; i < COUNT; i++) {
			ssize_t count =
				write(pairs[i][0], fixture->content + sent[i], (3 << 20) - sent[i]);

			sent[i] += count > 0 ? (size_t)count : 0;
			left += results[i] == 1;
		}
	}
	assert_int_equal(left, 0);
	for (int i = 0; i < COUNT; i++) {
		assert_int_equal(results[i], 0);
		sluice_receive_close(receives[i]);
		close(pairs[i][0]);
		close(pairs[i][1]);
	}
	sluice_engine_close(engine);
	check_target(fixture, 0, 0, 3 << 20);
}

/* Peers that send nothing, or stop in the middle, hold no buffers while others need them. */
static void silent_receives_starve_nobody(void **state)
{
	enum { SILENT = 150, BEGUN = 10000, LENGTH = 3 << 20 };
	struct fixture *fixture = *state;
	struct sluice_receive *receives[SILENT + 1];
	struct sluice_engine *engine;
	int pairs[SILENT + 1][2], results[SILENT + 1];
	size_t sent = 0;

	assert_int_equal(sluice_engine_open(&engine, NULL, NULL), 0);
	for (int i = 0; i <= SILENT; i++) {
		results[i] = 1;
		unix_pair(pairs[i]);
		fcntl(pairs[i][0], F_SETFL, O_NONBLOCK);
		fcntl(pairs[i][1], F_SETFL, O_NONBLOCK);
		if (i < SILENT && i % 2)
			assert_int_equal(write(pairs[i][0], fixture->content, BEGUN), BEGUN);
		assert_int_equal(sluice_receive_open(&receives[i], engine, pairs[i][1],
						     fixture->target, 0, LENGTH, NULL, note_result,
						     &results[i], NULL),
				 0);
		sluice_engine_run(engine, 0);
	}
	for (int turns = 0; results[SILENT] == 1 && turns < 20000; turns++) {
		ssize_t count = write(pairs[SILENT][0], fixture->content + sent, LENGTH - sent);

		sent += count > 0 ? (size_t)count : 0;
		sluice_engine_run(engine, 1);
	}
	assert_int_equal(results[SILENT], 0);
	check_target(fixture, 0, 0, LENGTH);
	/* The silent ones go on as if nothing had been. */
	sent = BEGUN;
	for (int turns = 0; results[1] == 1 && turns < 20000; turns++) {
		ssize_t count = write(pairs[1][0], fixture->content + sent, LENGTH - sent);

		sent += count > 0 ? (size_t)count : 0;
		sluice_engine_run(engine, 1);
	}
	assert_int_equal(results[1], 0);
	check_target(fixture, 0, 0, LENGTH);
	for (int i = 0; i <= SILENT; i++) {
		sluice_receive_close(receives[i]);
		close(pairs[i][0]);
		close(pairs[i][1]);
	}
	sluice_engine_close(engine);
}

/* What has ended, well or not, holds no buffer, even where its owner does not close it yet. */
static void ended_receives_starve_nobody(void **state)
{
	enum { COUNT = 300, LENGTH = 10000 };
	struct fixture *fixture = *state;
	struct sluice_receive *receives[COUNT];
	struct sluice_engine *engine;

	assert_int_equal(sluice_engine_open(&engine, NULL, NULL), 0);
	for (int i = 0; i < COUNT; i++) {
		/* Every other one is promised a byte more than comes. */
		uint64_t length = i % 2 ? LENGTH + 1 : UINT64_MAX;
		int pair[2], result = 1;

		unix_pair(pair);
		fcntl(pair[1], F_SETFL, O_NONBLOCK);
		assert_int_equal(write(pair[0], fixture->content, LENGTH), LENGTH);
		close(pair[0]);
		assert_int_equal(sluice_receive_open(&receives[i], engine, pair[1], fixture->target,
						     0, length, NULL, note_result, &result, NULL),
				 0);
		for (int turns = 0; result == 1 && turns < 2000; turns++)
			sluice_engine_run(engine, 1);
		assert_int_equal(result, i % 2 ? -ENODATA : 0);
		close(pair[1]);
	}
	for (int i = 0; i < COUNT; i++)
		sluice_receive_close(receives[i]);
	sluice_engine_close(engine);
	check_target(fixture, 0, 0, LENGTH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_pair_of_paths),
		cmocka_unit_test(a_peer_that_stops_early_is_an_error),
		cmocka_unit_test(options_of_other_sizes),
		cmocka_unit_test(every_struct_of_options_has_a_size),
		cmocka_unit_test(a_blocking_socket_is_blocking_again),
		cmocka_unit_test(a_receive_can_be_closed_at_any_time),
		cmocka_unit_test(a_descriptor_can_be_closed_after_the_transfer),
		cmocka_unit_test(slow_peers_starve_nobody),
		cmocka_unit_test(many_receives_share_the_buffers),
		cmocka_unit_test(silent_receives_starve_nobody),
		cmocka_unit_test(ended_receives_starve_nobody),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
