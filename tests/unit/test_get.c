/* SPDX-License-Identifier: MIT */
/* What of sluice_get the command cannot show: options beyond those that it takes. */
#include "sluice.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { LATE_MS = 250 }; /* more than one turn of get's loop */

struct late_server {
	pthread_t thread;
	int listening;
	char url[64];
};

static void *answer_late(void *argument)
{
	static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
	struct late_server *server = argument;
	int fd = accept(server->listening, NULL, NULL);
	char request[4096];

	(void)!read(fd, request, sizeof(request));
	usleep(LATE_MS * 1000);
	(void)!send(fd, answer, sizeof(answer) - 1, MSG_NOSIGNAL);
	close(fd);
	return NULL;
}

static void open_late_server(struct late_server *server)
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
	assert_int_equal(pthread_create(&server->thread, NULL, answer_late, server), 0);
}

/* In 32 bits, 2^29 seconds are 0 milliseconds. */
static void test_a_long_time_limit_is_long(void **state)
{
	struct sluice_get_options options = {.size = sizeof(options), .path = "discard"};
	struct sluice_get_result *result;
	struct sluice_error error = {0};
	const unsigned seconds[] = {1U << 29, UINT32_MAX};

	for (size_t i = 0; i < sizeof(seconds) / sizeof(seconds[0]); i++) {
		struct late_server server;
		int code;

		open_late_server(&server);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_long_time_limit_is_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
