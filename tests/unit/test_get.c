/* SPDX-License-Identifier: MIT */
/* What of sluice_get the command cannot show: options beyond those that it takes. */
#include "sluice.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define HELLO "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

enum { LATE_MS = 250 }; /* more than one turn of get's loop */

struct server {
	const char *answer;
	unsigned late_ms;
	pthread_t thread;
	int listening;
	char url[64];
};

static void *give_answer(void *argument)
{
	struct server *server = argument;
	int fd = accept(server->listening, NULL, NULL);
	char request[4096];

	(void)!read(fd, request, sizeof(request));
	usleep(server->late_ms * 1000);
	(void)!send(fd, server->answer, strlen(server->answer), MSG_NOSIGNAL);
	close(fd);
	return NULL;
}

static void open_server(struct server *server)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(address);

	server->listening = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(server->listening, (struct sockaddr *)&address, size), 0);
	assert_int_equal(listen(server->listening, 1), 0);
	assert_int_equal(getsockname(server->listening, (struct sockaddr *)&address, &size), 0);
	snprintf(server->url, sizeof(server->url), "http://127.0.0.1:%u/file",
		 ntohs(address.sin_port));
	assert_int_equal(pthread_create(&server->thread, NULL, give_answer, server), 0);
}

/* In 32 bits, 2^29 seconds are 0 milliseconds. */
static void test_a_long_time_limit_is_long(void **state)
{
	struct sluice_get_options options = {.size = sizeof(options), .path = "discard"};
	struct sluice_get_result *result;
	struct sluice_error error = {0};
	const unsigned seconds[] = {1U << 29, UINT32_MAX};

	for (size_t i = 0; i < sizeof(seconds) / sizeof(seconds[0]); i++) {
		struct server server = {.answer = HELLO, .late_ms = LATE_MS};
		int code;

		open_server(&server);
		options.timeout_seconds = seconds[i];
		code = sluice_get(server.url, &options, &result, &error);
		pthread_join(server.thread, NULL);
		close(server.listening);
		if (code < 0)
			fail_msg("%u s: %s", seconds[i], error.text);
		assert_int_equal(result->bill->bytes, 5);
		sluice_get_result_free(result);
	}
}

static void test_errors_differ_without_their_text(void **state)
{
	static const struct {
		const char *answer;
		int code;
		enum sluice_error_kind kind;
		unsigned status;
	} rows[] = {
		{"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n", -EPROTO, SLUICE_ERROR_HTTP, 401},
		{"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n", -EPROTO, SLUICE_ERROR_HTTP, 500},
		{"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", -ENOENT, SLUICE_ERROR_HTTP, 404},
		{"SSH-2.0-server\r\n\r\n", -EPROTO, SLUICE_ERROR_PROTOCOL, 0},
		{"HTTP/1.1 302 Go\r\nLocation: ftp://x/\r\nContent-Length: 0\r\n\r\n", -EINVAL,
		 SLUICE_ERROR_PROTOCOL, 0},
		{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", -ENODATA, SLUICE_ERROR_ENDED,
		 0},
	};
	const struct sluice_get_options options = {.size = sizeof(options), .path = "discard"};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct server server = {.answer = rows[i].answer};
		struct sluice_error error;

		open_server(&server);
		assert_int_equal(sluice_get(server.url, &options, NULL, &error), rows[i].code);
		pthread_join(server.thread, NULL);
		close(server.listening);
		assert_int_equal(error.code, -rows[i].code);
		assert_int_equal(error.kind, rows[i].kind);
		assert_int_equal(error.http_status, rows[i].status);
	}
}

/* Longer than a label may be: no resolver is asked. */
#define LONG_LABEL "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdefghij"

static void test_no_server_is_not_a_server_that_refuses(void **state)
{
	const struct sluice_get_options options = {.size = sizeof(options), .path = "discard"};
	struct sluice_error error;

	assert_int_equal(sluice_get("http://127.0.0.1:1/x", &options, NULL, &error), -ECONNREFUSED);
	assert_int_equal(error.kind, SLUICE_ERROR_NETWORK);
	assert_true(sluice_get("http://" LONG_LABEL "/x", &options, NULL, &error) < 0);
	assert_int_equal(error.kind, SLUICE_ERROR_DNS);
	assert_int_equal(sluice_get("what://is/this", &options, NULL, &error), -EINVAL);
	assert_int_equal(error.kind, SLUICE_ERROR_USAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_long_time_limit_is_long),
		cmocka_unit_test(test_errors_differ_without_their_text),
		cmocka_unit_test(test_no_server_is_not_a_server_that_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
