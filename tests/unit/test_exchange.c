/* SPDX-License-Identifier: MIT */
/* An exchange through a tunnel, which URLs of http do not need: so it is asked for here. */
#include "http-text.h"

#include "fetch/exchange.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

/* Takes one connection: an answer to the request to connect, and one to what comes then. */
struct proxy {
	const char *answer;
	pthread_t thread;
	int listening;
	char url[64];
	char connect[4096], request[4096]; /* what came */
};

static void read_head(int fd, char *head, size_t size)
{
	size_t length = 0;
	ssize_t count = 1;

	while (count > 0 && length < size - 1 && !strstr(head, "\r\n\r\n")) {
		count = read(fd, head + length, size - 1 - length);
		length += count > 0 ? (size_t)count : 0;
	}
}

static void *run_proxy(void *argument)
{
	struct proxy *proxy = argument;
	int fd = accept(proxy->listening, NULL, NULL);

	read_head(fd, proxy->connect, sizeof(proxy->connect));
	(void)!send(fd, proxy->answer, strlen(proxy->answer), MSG_NOSIGNAL);
	if (strncmp(proxy->answer, "HTTP/1.1 2", 10) == 0) {
		read_head(fd, proxy->request, sizeof(proxy->request));
		(void)!send(fd, ANSWER, strlen(ANSWER), MSG_NOSIGNAL);
	}
	close(fd);
	return NULL;
}

static void open_proxy(struct proxy *proxy)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(address);

	proxy->listening = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(proxy->listening, (struct sockaddr *)&address, size), 0);
	assert_int_equal(listen(proxy->listening, 1), 0);
	assert_int_equal(getsockname(proxy->listening, (struct sockaddr *)&address, &size), 0);
	snprintf(proxy->url, sizeof(proxy->url), "http://u:secret@127.0.0.1:%u",
		 ntohs(address.sin_port));
	assert_int_equal(pthread_create(&proxy->thread, NULL, run_proxy, proxy), 0);
}

static void on_wake(struct exchange *exchange)
{
}

static int run(struct exchange *exchange, struct loop *loop)
{
	int result = exchange_begin(exchange, "GET", NULL, "");

	if (result == 0)
		result = exchange_step(exchange);
	while (result == -EAGAIN && loop_run(loop, -1) == 0)
		result = exchange_step(exchange);
	return result;
}

static void exchange_through(struct proxy *proxy, const char *url, int *result,
			     struct sluice_error *error, enum policy_kind *verdict)
{
	const struct proxies proxies = {.http = proxy->url};
	struct exchange exchange = {.wake = on_wake,
				    .error = error,
				    .fields = "Authorization: Bearer mine\r\n",
				    .proxies = &proxies,
				    .tunnels = true,
				    .client.channel.in = -1};
	struct loop *loop;

	assert_int_equal(loop_open(&loop, LOOP_AUTO, error), 0);
	exchange.loop = loop;
	exchange_set_limit(&exchange, 20);
	assert_int_equal(exchange_set_url(&exchange, url), 0);
	*result = run(&exchange, loop);
	*verdict = exchange.verdict.kind;
	if (*result == 0)
		assert_int_equal(exchange.head.status, 200);
	exchange_close(&exchange);
	loop_close(loop);
	pthread_join(proxy->thread, NULL);
	close(proxy->listening);
}

static void test_what_a_proxy_answers(void **state)
{
	static const struct {
		const char *answer;
		int result;
		enum policy_kind verdict;
		unsigned status;
	} rows[] = {
		{"HTTP/1.1 200 Connection established\r\n\r\n", 0, POLICY_USE, 0},
		{"HTTP/1.1 299 Fine\r\nVia: me\r\nContent-Length: 5\r\n\r\n", 0, POLICY_USE, 0},
		{"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", -EPROTO, POLICY_NEVER, 0},
		{"HTTP/1.1 407 Who?\r\n\r\n", -EACCES, POLICY_NEVER, 407},
		{"HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nNo", -EACCES, POLICY_NEVER, 403},
		{"HTTP/1.1 302 There\r\nLocation: http://h/\r\n\r\n", -EACCES, POLICY_NEVER, 302},
		{"HTTP/1.1 502 No way\r\n\r\n", -ECONNREFUSED, POLICY_AGAIN, 502},
		{"SSH-2.0-x\r\n", -EPROTO, POLICY_NEVER, 0},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct proxy proxy = {.answer = rows[i].answer};
		struct sluice_error error = {0};
		enum policy_kind verdict;
		int result;

		open_proxy(&proxy);
		exchange_through(&proxy, "http://example.org/a", &result, &error, &verdict);
		if (result != rows[i].result || verdict != rows[i].verdict)
			fail_msg("%s: %d %d %s", rows[i].answer, result, verdict, error.text);
		assert_int_equal(error.http_status, rows[i].status);
		assert_null(strstr(error.text, "secret"));
	}
}

/* The proxy's secrets go to the proxy, the server's to the server. */
static void test_who_gets_what(void **state)
{
	static const struct {
		const char *url, *connect, *host;
	} rows[] = {
		{"http://Example.org/a?b", "CONNECT example.org:80 HTTP/1.1\r\n",
		 "\r\nHost: example.org\r\n"},
		{"http://[fe80::1%25eth0]:81/a?b", "CONNECT [fe80::1]:81 HTTP/1.1\r\n",
		 "\r\nHost: [fe80::1]:81\r\n"},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct proxy proxy = {.answer = "HTTP/1.1 200 OK\r\n\r\n"};
		struct sluice_error error = {0};
		enum policy_kind verdict;
		int result;

		open_proxy(&proxy);
		exchange_through(&proxy, rows[i].url, &result, &error, &verdict);
		assert_int_equal(result, 0);
		assert_ptr_equal(strstr(proxy.connect, rows[i].connect), proxy.connect);
		assert_non_null(strstr(proxy.connect, "Proxy-Authorization: Basic dTpzZWNyZXQ="));
		assert_null(strstr(proxy.connect, "Bearer"));
		assert_ptr_equal(strstr(proxy.request, "GET /a?b HTTP/1.1\r\n"), proxy.request);
		assert_non_null(strstr(proxy.request, rows[i].host));
		assert_non_null(strstr(proxy.request, "Bearer mine"));
		assert_null(strstr(proxy.request, "Proxy"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_a_proxy_answers),
		cmocka_unit_test(test_who_gets_what),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
