/* SPDX-License-Identifier: MIT */
/* What a program may want of a send or a receive besides its bytes. */
#include "sluice.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { SIZE = 3 << 20 };

/* A send and a receive of the same bytes on one engine; either may have options. */
struct both {
	struct sluice_engine *engine;
	struct sluice_send *send;
	struct sluice_receive *receive;
	int source, target, pair[2];
	int results[2]; /* 1: under way */
	struct sluice_bill *bills[2];
	struct sluice_error errors[2];
};

static int temporary_file(void)
{
	const char *folder = getenv("SLUICE_TEST_DIR");
	int fd = open(folder ? folder : "/var/tmp", O_TMPFILE | O_RDWR, 0600);

	assert_true(fd >= 0);
	return fd;
}

static int set_up(void **state)
{
	struct both *both = calloc(1, sizeof(*both));
	char *content = malloc(SIZE);

	signal(SIGPIPE, SIG_IGN);
	memset(content, 'x', SIZE);
	both->source = temporary_file();
	both->target = temporary_file();
	assert_int_equal(write(both->source, content, SIZE), SIZE);
	free(content);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, both->pair), 0);
	assert_int_equal(sluice_engine_open(&both->engine, NULL, NULL), 0);
	*state = both;
	return 0;
}

static int tear_down(void **state)
{
	struct both *both = *state;

	sluice_send_close(both->send);
	sluice_receive_close(both->receive);
	sluice_engine_close(both->engine);
	for (int i = 0; i < 2; i++) {
		close(both->pair[i]);
		sluice_bill_free(both->bills[i]);
	}
	close(both->source);
	close(both->target);
	free(both);
	return 0;
}

static void on_sent(void *argument, int result, const struct sluice_bill *bill,
		    const struct sluice_error *error)
{
	struct both *both = argument;

	both->results[0] = result;
	both->bills[0] = sluice_bill_copy(bill);
	both->errors[0] = *error;
}

static void on_received(void *argument, int result, const struct sluice_bill *bill,
			const struct sluice_error *error)
{
	struct both *both = argument;

	both->results[1] = result;
	both->bills[1] = sluice_bill_copy(bill);
	both->errors[1] = *error;
}

static void start_send(struct both *both, const struct sluice_transfer_options *options)
{
	both->results[0] = 1;
	assert_int_equal(sluice_send_open(&both->send, both->engine, both->pair[0], both->source, 0,
					  SIZE, options, on_sent, both, NULL),
			 0);
}

static void start_receive(struct both *both, const struct sluice_transfer_options *options)
{
	both->results[1] = 1;
	assert_int_equal(sluice_receive_open(&both->receive, both->engine, both->pair[1],
					     both->target, 0, SIZE, options, on_received, both,
					     NULL),
			 0);
}

static void run(struct both *both)
{
	while (both->results[0] == 1 || both->results[1] == 1)
		assert_int_equal(sluice_engine_run(both->engine, -1), 0);
}

static uint64_t calls_of(const struct sluice_bill *bill, const char *name)
{
	for (unsigned i = 0; i < bill->system_call_count; i++)
		if (strcmp(bill->system_calls_by_name[i].name, name) == 0)
			return bill->system_calls_by_name[i].count;
	return 0;
}

/* Whichever end has it; a rate of a tenth of a second for all of the bytes. */
static void a_rate_lets_all_bytes_through(void **state)
{
	struct both *both = *state;
	const struct sluice_transfer_options options = {
		.size = sizeof(options),
		.bytes_per_second = 10 * SIZE,
	};

	start_send(both, &options);
	start_receive(both, &options);
	run(both);
	assert_int_equal(both->results[0], 0);
	assert_int_equal(both->results[1], 0);
	assert_int_equal(both->bills[0]->bytes, SIZE);
	assert_int_equal(both->bills[1]->bytes, SIZE);
}

/* The rate is so low that the rest waits for a timer, which must not outlive the transfer. */
static void a_transfer_that_waits_for_its_turn_can_be_closed(void **state)
{
	struct both *both = *state;
	const struct sluice_transfer_options options = {
		.size = sizeof(options),
		.bytes_per_second = 1,
		.timeout_seconds = 1000,
	};

	start_send(both, &options);
	start_receive(both, &options);
	for (int i = 0; i < 10; i++)
		assert_int_equal(sluice_engine_run(both->engine, 1), 0);
	assert_int_equal(both->results[0], 1);
	assert_int_equal(both->results[1], 1);
}

static int unread(const struct both *both)
{
	int bytes;

	assert_int_equal(ioctl(both->pair[1], FIONREAD, &bytes), 0);
	return bytes;
}

/* A peer that sees nothing move for as long as a large step is paid for would give up. */
static void a_slow_receive_takes_small_steps(void **state)
{
	struct both *both = *state;
	const struct sluice_transfer_options options = {
		.size = sizeof(options),
		.bytes_per_second = 1,
	};
	const char bytes[100] = {0};

	assert_int_equal(write(both->pair[0], bytes, sizeof(bytes)), sizeof(bytes));
	start_receive(both, &options);
	while (unread(both) == sizeof(bytes))
		assert_int_equal(sluice_engine_run(both->engine, -1), 0);
	assert_int_equal(unread(both), sizeof(bytes) - 1);
}

static void a_silent_peer_is_not_waited_for(void **state)
{
	struct both *both = *state;
	const struct sluice_transfer_options options = {
		.size = sizeof(options),
		.timeout_seconds = 1,
	};
	char byte;

	/* Nobody takes what is sent, and nobody sends what is to be received. */
	start_send(both, &options);
	while (both->results[0] == 1)
		assert_int_equal(sluice_engine_run(both->engine, -1), 0);
	assert_int_equal(both->results[0], -ETIMEDOUT);
	assert_int_equal(both->errors[0].kind, SLUICE_ERROR_TIMEOUT);
	assert_non_null(strstr(both->errors[0].text, "the peer was silent for 1 s"));
	while (read(both->pair[1], &byte, 1) == 1)
		;
	start_receive(both, &options);
	run(both);
	assert_int_equal(both->results[1], -ETIMEDOUT);
	assert_int_equal(both->errors[1].kind, SLUICE_ERROR_TIMEOUT);
}

/* In 32 bits, 2^29 seconds are 0 milliseconds. */
static void a_long_time_limit_is_long(void **state)
{
	struct both *both = *state;
	const struct sluice_transfer_options options = {
		.size = sizeof(options),
		.timeout_seconds = 1U << 29,
	};

	start_receive(both, &options);
	assert_int_equal(sluice_engine_run(both->engine, 1), 0);
	start_send(both, NULL);
	run(both);
	assert_int_equal(both->results[1], 0);
}

static bool stop_at_the_third(void *argument, const struct sluice_progress *progress)
{
	int *calls = argument;

	assert_int_equal(progress->total_bytes, SIZE);
	assert_true(progress->done_bytes < SIZE);
	return ++*calls < 3;
}

static void progress_is_told_and_can_end_it(void **state)
{
	struct both *both = *state;
	int calls = 0;
	const struct sluice_transfer_options options = {
		.size = sizeof(options),
		.progress = stop_at_the_third,
		.argument = &calls,
	};

	start_send(both, &options);
	run(both);
	assert_int_equal(both->results[0], -ECANCELED);
	assert_int_equal(both->errors[0].kind, SLUICE_ERROR_CANCELLED);
	assert_int_equal(calls, 3);
	assert_true(both->bills[0]->bytes < SIZE);
}

static void a_blocking_receive_can_be_ended(void **state)
{
	struct both *both = *state;
	int calls = 0;
	const struct sluice_transfer_options options = {
		.size = sizeof(options),
		.progress = stop_at_the_third,
		.argument = &calls,
	};
	struct sluice_error error;

	assert_int_equal(
		sluice_receive_file(both->pair[1], both->target, 0, SIZE, &options, NULL, &error),
		-ECANCELED);
	assert_int_equal(error.code, ECANCELED);
	assert_int_equal(calls, 3);
}

static void no_sync_does_not_sync(void **state)
{
	struct both *both = *state;
	struct sluice_transfer_options options = {.size = sizeof(options), .path = "readwrite"};

	for (int i = 0; i < 2; i++) {
		options.no_sync = i == 1;
		start_send(both, NULL);
		start_receive(both, &options);
		run(both);
		assert_int_equal(both->results[1], 0);
		assert_int_equal(calls_of(both->bills[1], "fsync") +
					 calls_of(both->bills[1], "fdatasync"),
				 i == 1 ? 0 : 1);
		sluice_send_close(both->send);
		sluice_receive_close(both->receive);
		both->send = NULL;
		both->receive = NULL;
		for (int j = 0; j < 2; j++) {
			sluice_bill_free(both->bills[j]);
			both->bills[j] = NULL;
		}
	}
}

static void keep_cached_keeps_it_cached(void **state)
{
	struct both *both = *state;
	const struct sluice_transfer_options options = {
		.size = sizeof(options),
		.keep_cached = true,
	};

	start_send(both, NULL);
	start_receive(both, &options);
	run(both);
	assert_int_equal(both->results[1], 0);
	if (both->bills[1]->page_cache_after_bytes < 0) {
		print_message("this kernel does not tell what is in the page cache\n");
		skip();
	}
	assert_int_equal(both->bills[1]->page_cache_after_bytes, SIZE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_rate_lets_all_bytes_through, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_transfer_that_waits_for_its_turn_can_be_closed,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_slow_receive_takes_small_steps, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_silent_peer_is_not_waited_for, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_long_time_limit_is_long, set_up, tear_down),
		cmocka_unit_test_setup_teardown(progress_is_told_and_can_end_it, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_blocking_receive_can_be_ended, set_up, tear_down),
		cmocka_unit_test_setup_teardown(no_sync_does_not_sync, set_up, tear_down),
		cmocka_unit_test_setup_teardown(keep_cached_keeps_it_cached, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
