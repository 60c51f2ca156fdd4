/* SPDX-License-Identifier: MIT */
/* What of sluice_get the command cannot show: options beyond those that it takes. */
#include "sluice.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
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
	char request[4096];
};

static void *give_answer(void *argument)
{
	struct server *server = argument;
	int fd = accept(server->listening, NULL, NULL);

	(void)!read(fd, server->request, sizeof(server->request) - 1);
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
	struct sluice_get_options options = {
		.size = sizeof(options), .path = "discard", .tries = 1};
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
		assert_int_equal(error.code, 0);
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
	const struct sluice_get_options options = {
		.size = sizeof(options), .path = "discard", .tries = 1};

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
	const struct sluice_get_options options = {
		.size = sizeof(options), .path = "discard", .tries = 1};
	struct sluice_error error;

	assert_int_equal(sluice_get("http://127.0.0.1:1/x", &options, NULL, &error), -ECONNREFUSED);
	assert_int_equal(error.kind, SLUICE_ERROR_NETWORK);
	assert_true(sluice_get("http://" LONG_LABEL "/x", &options, NULL, &error) < 0);
	assert_int_equal(error.kind, SLUICE_ERROR_DNS);
	assert_int_equal(sluice_get("what://is/this", &options, NULL, &error), -EINVAL);
	assert_int_equal(error.kind, SLUICE_ERROR_USAGE);
}

/* Gets what a server answers into a descriptor; fills what it asked and what came. */
static int get_from(struct server *server, struct sluice_get_options *options, char came[16],
		    struct sluice_error *error)
{
	int fd = open("/var/tmp", O_TMPFILE | O_RDWR, 0600), code;

	options->size = sizeof(*options);
	options->tries = 1;
	options->to_fd = true;
	options->output_fd = fd;
	open_server(server);
	code = sluice_get(server->url, options, NULL, error);
	pthread_join(server->thread, NULL);
	close(server->listening);
	memset(came, 0, 16);
	assert_true(pread(fd, came, 15, 0) >= 0);
	close(fd);
	return code;
}

static void test_fields_of_the_program_are_sent(void **state)
{
	static const char *const headers[] = {"X-Token:  abc ", "user-agent: mine", NULL};
	struct sluice_get_options options = {.headers = headers};
	struct server server = {.answer = HELLO};
	struct sluice_error error;
	char came[16];

	assert_int_equal(get_from(&server, &options, came, &error), 0);
	assert_string_equal(came, "hello");
	assert_non_null(strstr(server.request, "\r\nX-Token: abc\r\n"));
	assert_non_null(strstr(server.request, "\r\nuser-agent: mine\r\n"));
	assert_null(strstr(server.request, "User-Agent"));
	assert_non_null(strstr(server.request, "\r\nAccept: */*\r\n"));
}

static void test_fields_that_cannot_be(void **state)
{
	static const char *const bad[] = {"Host: elsewhere",     "Range: bytes=0-1", "no colon",
					  "X: a\r\nHost: other", "X Y: z",           ": z"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		const char *const headers[] = {bad[i], NULL};
		const struct sluice_get_options options = {
			.size = sizeof(options), .path = "discard", .headers = headers};
		struct sluice_error error;

		assert_int_equal(sluice_get("http://127.0.0.1:1/x", &options, NULL, &error),
				 -EINVAL);
		assert_int_equal(error.kind, SLUICE_ERROR_USAGE);
		assert_non_null(strstr(error.text, "header \""));
	}
}

static void test_fields_stay_with_the_host(void **state)
{
	static const char *const headers[] = {"Authorization: secret", NULL};
	struct sluice_get_options options = {.headers = headers};
	struct server here, there = {.answer = HELLO};
	struct sluice_error error;
	char came[16], answer[256];

	open_server(&there);
	snprintf(answer, sizeof(answer),
		 "HTTP/1.1 302 Go\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n", there.url);
	here = (struct server){.answer = answer};
	assert_int_equal(get_from(&here, &options, came, &error), 0);
	pthread_join(there.thread, NULL);
	close(there.listening);
	assert_string_equal(came, "hello");
	assert_non_null(strstr(here.request, "Authorization: secret"));
	assert_null(strstr(there.request, "Authorization"));
}

/* "http://" and these before the server's address */
static const char *with_user(const char *user, const struct server *server, char url[256])
{
	snprintf(url, 256, "http://%s@%s", user, server->url + strlen("http://"));
	return url;
}

static void test_a_password_in_the_url_is_sent_and_not_shown(void **state)
{
	static const char refusal[] = "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n";
	struct sluice_get_options options = {.size = sizeof(options), .path = "discard"};
	struct server server = {.answer = refusal};
	struct sluice_error error;
	char url[256];

	open_server(&server);
	assert_int_equal(sluice_get(with_user("u:secret", &server, url), &options, NULL, &error),
			 -EACCES);
	pthread_join(server.thread, NULL);
	close(server.listening);
	assert_non_null(strstr(server.request, "\r\nAuthorization: Basic dTpzZWNyZXQ=\r\n"));
	assert_non_null(strstr(server.request, "GET /"));
	assert_null(strstr(server.request, "secret"));
	assert_null(strstr(error.text, "secret"));
}

static void test_one_authorization_is_enough(void **state)
{
	static const char *const headers[] = {"authorization: Bearer x", NULL};
	const struct sluice_get_options options = {
		.size = sizeof(options), .path = "discard", .headers = headers};
	struct sluice_error error;

	assert_int_equal(sluice_get("http://u:secret@127.0.0.1:1/x", &options, NULL, &error),
			 -EINVAL);
	assert_non_null(strstr(error.text, "Authorization"));
	assert_int_equal(sluice_url_check("http://u:secret%@127.0.0.1:1/x", &error), -EINVAL);
	assert_null(strstr(error.text, "secret"));
}

static void test_a_password_in_a_redirect_is_refused_and_not_shown(void **state)
{
	static const char answer[] = "HTTP/1.1 302 Go\r\nLocation: http://u:secret@h/\r\n"
				     "Content-Length: 0\r\n\r\n";
	struct sluice_get_options options = {.size = sizeof(options), .path = "discard"};
	struct server server = {.answer = answer};
	struct sluice_error error;

	open_server(&server);
	assert_int_equal(sluice_get(server.url, &options, NULL, &error), -EINVAL);
	pthread_join(server.thread, NULL);
	close(server.listening);
	assert_int_equal(error.kind, SLUICE_ERROR_PROTOCOL);
	assert_non_null(strstr(error.text, "http://h/"));
	assert_null(strstr(error.text, "secret"));
}

#define LENGTH  "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
#define CHUNKED "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
#define CLOSING "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello"

static void test_sizes_that_the_program_expects(void **state)
{
	static const char *const answers[] = {LENGTH, CHUNKED, CLOSING};
	static const struct {
		uint64_t max, expected;
		int code;
		enum sluice_error_kind kind;
	} rows[] = {
		{5, 5, 0, SLUICE_ERROR_NONE},
		{4, 0, -EFBIG, SLUICE_ERROR_LIMIT},
		{0, 4, -EPROTO, SLUICE_ERROR_PROTOCOL},
		{0, 6, -EPROTO, SLUICE_ERROR_PROTOCOL},
	};

	for (size_t i = 0; i < sizeof(answers) / sizeof(*answers); i++)
		for (size_t j = 0; j < sizeof(rows) / sizeof(*rows); j++) {
			struct sluice_get_options options = {
				.max_bytes = rows[j].max,
				.expected_bytes = rows[j].expected,
			};
			struct server server = {.answer = answers[i]};
			struct sluice_error error = {0};
			char came[16];

			assert_int_equal(get_from(&server, &options, came, &error), rows[j].code);
			if (rows[j].code < 0)
				assert_int_equal(error.kind, rows[j].kind);
			if (rows[j].max == 4)
				assert_true(strlen(came) <= 4);
		}
}

static void test_a_part_of_a_file(void **state)
{
	static const struct {
		const char *answer;
		uint64_t length;
		int code;
		const char *came;
	} rows[] = {
		{"HTTP/1.1 206 Part\r\nContent-Range: bytes 2-4/10\r\nContent-Length: 3\r\n\r\ncde",
		 3, 0, "cde"},
		{"HTTP/1.1 206 Part\r\nContent-Range: bytes 2-3/4\r\nContent-Length: 2\r\n\r\ncd",
		 3, 0, "cd"},
		{"HTTP/1.1 206 Part\r\nContent-Range: bytes 2-3/4\r\nContent-Length: 2\r\n\r\ncd",
		 0, 0, "cd"},
		{"HTTP/1.1 206 Part\r\nContent-Range: bytes 2-3/9\r\nContent-Length: 2\r\n\r\ncd",
		 0, -EPROTO, ""},
		{"HTTP/1.1 206 Part\r\nContent-Range: bytes 0-2/10\r\nContent-Length: 3\r\n\r\nabc",
		 3, -EPROTO, ""},
		{"HTTP/1.1 206 Part\r\nContent-Length: 3\r\n\r\ncde", 3, -EPROTO, ""},
		{LENGTH, 3, -EPROTO, ""},
		{"HTTP/1.1 416 No\r\nContent-Length: 0\r\n\r\n", 3, -EPROTO, ""},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct sluice_get_options options = {.range_offset = 2,
						     .range_length = rows[i].length};
		struct server server = {.answer = rows[i].answer};
		struct sluice_error error;
		char came[16];

		assert_int_equal(get_from(&server, &options, came, &error), rows[i].code);
		assert_string_equal(came, rows[i].came);
		assert_non_null(strstr(server.request, rows[i].length ? "\r\nRange: bytes=2-4\r\n"
								      : "\r\nRange: bytes=2-\r\n"));
	}
}

static void test_a_part_goes_to_a_descriptor(void **state)
{
	const struct sluice_get_options options = {.size = sizeof(options), .range_length = 1};
	struct sluice_error error;

	assert_int_equal(sluice_get("http://127.0.0.1:1/x", &options, NULL, &error), -EINVAL);
	assert_non_null(strstr(error.text, "to_fd"));
}

static void test_a_descriptor_that_cannot_be_written_is_refused(void **state)
{
	struct sluice_get_options options = {.size = sizeof(options), .to_fd = true};
	const int fds[] = {-1, INT32_MAX};
	struct sluice_error error;

	for (size_t i = 0; i < sizeof(fds) / sizeof(*fds); i++) {
		options.output_fd = fds[i];
		assert_int_equal(sluice_get("http://127.0.0.1:1/x", &options, NULL, &error),
				 -EBADF);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_long_time_limit_is_long),
		cmocka_unit_test(test_fields_of_the_program_are_sent),
		cmocka_unit_test(test_fields_that_cannot_be),
		cmocka_unit_test(test_fields_stay_with_the_host),
		cmocka_unit_test(test_a_password_in_the_url_is_sent_and_not_shown),
		cmocka_unit_test(test_one_authorization_is_enough),
		cmocka_unit_test(test_a_password_in_a_redirect_is_refused_and_not_shown),
		cmocka_unit_test(test_sizes_that_the_program_expects),
		cmocka_unit_test(test_a_part_of_a_file),
		cmocka_unit_test(test_a_part_goes_to_a_descriptor),
		cmocka_unit_test(test_errors_differ_without_their_text),
		cmocka_unit_test(test_no_server_is_not_a_server_that_refuses),
		cmocka_unit_test(test_a_descriptor_that_cannot_be_written_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
