/* SPDX-License-Identifier: MIT */
/* A program that does nothing about signals survives peers that are gone, and finds its own as it
 * was. */
#include "path-pairs.h"

#include <pthread.h>
#include <signal.h>

static bool is_blocked(void)
{
	sigset_t mask;

	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	return sigismember(&mask, SIGPIPE) == 1;
}

static bool is_pending(void)
{
	sigset_t pending;

	sigpending(&pending);
	return sigismember(&pending, SIGPIPE) == 1;
}

static int set_up_without_signals(void **state)
{
	sigset_t set;

	signal(SIGPIPE, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	return set_up(state);
}

/* So that the very first call raises it. */
static void break_pair(const struct pair_kind *kind, int pair[2])
{
	kind->open(pair);
	if (kind->is_socket)
		shutdown(pair[0], SHUT_WR);
	close(pair[1]);
}

static void every_send_path_survives(void **state)
{
	for (const struct pair_kind *kind = pair_kinds; kind->name; kind++) {
		const char *path;

		for (unsigned i = 0; (path = sluice_send_path_name(i)); i++) {
			struct sluice_transfer_options options = {.size = sizeof(options),
								  .path = path};
			int pair[2], result;

			if (!can_work_here(path))
				continue;
			evict_source();
			break_pair(kind, pair);
			result = sluice_send_file(pair[0], source, 0, SIZE, &options, NULL, NULL);
			if (result != -EPIPE && result != -EOPNOTSUPP)
				fail_msg("%s, %s: %d", kind->name, path, result);
			assert_false(is_pending());
			assert_false(is_blocked());
			close(pair[0]);
		}
	}
}

static void note_result(void *argument, int result, const struct sluice_bill *bill,
			const struct sluice_error *error)
{
	*(int *)argument = result;
}

static void send_by_turns(const struct pair_kind *kind, const char *path)
{
	struct sluice_transfer_options options = {.size = sizeof(options), .path = path};
	struct sluice_engine *engine;
	struct sluice_send *send;
	int pair[2], result = 1;

	break_pair(kind, pair);
	fcntl(pair[0], F_SETFL, O_NONBLOCK);
	assert_int_equal(sluice_engine_open(&engine, NULL, NULL), 0);
	assert_int_equal(sluice_send_open(&send, engine, pair[0], source, 0, SIZE, &options,
					  note_result, &result, NULL),
			 0);
	while (result == 1)
		assert_int_equal(sluice_engine_run(engine, -1), 0);
	assert_int_equal(result, -EPIPE);
	sluice_send_close(send);
	sluice_engine_close(engine);
	close(pair[0]);
}

static void an_engine_survives(void **state)
{
	for (const struct pair_kind *kind = pair_kinds; kind->name; kind++) {
		send_by_turns(kind, "sendfile");
		send_by_turns(kind, "splice");
		send_by_turns(kind, "readwrite");
		assert_false(is_pending());
		assert_false(is_blocked());
	}
}

static void what_the_program_blocked_stays_so(void **state)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	send_by_turns(pair_kinds, "sendfile");
	assert_true(is_blocked());
	assert_false(is_pending());
	pthread_kill(pthread_self(), SIGPIPE);
	send_by_turns(pair_kinds, "sendfile");
	assert_true(is_pending());
	signal(SIGPIPE, SIG_IGN); /* takes it out */
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

static void *run_server(void *server)
{
	assert_int_equal(sluice_server_run(server, NULL, NULL), 0);
	return NULL;
}

static void a_get_to_a_pipe_survives(void **state)
{
	struct sluice_server_options served = {.size = sizeof(served), .listen = "127.0.0.1:0"};
	struct sluice_get_options options = {.size = sizeof(options), .to_fd = true};
	struct sluice_server *server;
	char directory[] = "/tmp/sluice-unit-XXXXXX", path[64], url[128];
	pthread_t thread;
	int pair[2], fd;

	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/file", directory);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	assert_int_equal(write(fd, content, 100000), 100000);
	close(fd);
	served.directory = directory;
	assert_int_equal(sluice_server_open(&server, &served, NULL), 0);
	assert_int_equal(pthread_create(&thread, NULL, run_server, server), 0);
	snprintf(url, sizeof(url), "%sfile", sluice_server_url(server));
	assert_int_equal(pipe(pair), 0);
	close(pair[0]);
	options.output_fd = pair[1];
	assert_int_equal(sluice_get(url, &options, NULL, NULL), -EPIPE);
	assert_false(is_pending());
	assert_false(is_blocked());
	close(pair[1]);
	sluice_server_stop(server);
	pthread_join(thread, NULL);
	sluice_server_close(server);
	unlink(path);
	rmdir(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_send_path_survives),
		cmocka_unit_test(an_engine_survives),
		cmocka_unit_test(a_get_to_a_pipe_survives),
		cmocka_unit_test(what_the_program_blocked_stays_so),
	};

	return cmocka_run_group_tests(tests, set_up_without_signals, tear_down);
}
