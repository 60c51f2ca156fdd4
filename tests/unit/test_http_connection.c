/* SPDX-License-Identifier: MIT */
/*
 * A server's connection over a channel that shakes hands first and changes every byte: the
 * handshake as a state, its time limit, and whole answers through a kind that holds back what it
 * took.
 */
#include "http/connection.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { SIZE = (1 << 20) + 7, HELD = 3000, MASK = 0x55, TURN_MS = 1000 };

static const char hello[] = "abc";

/* masked: the client says hello, and from then on all bytes are masked. */

struct masked {
	size_t greeted, at, end;
	char held[HELD];
};

static unsigned handshakes, attended, closed;

static int handshake(struct channel *channel)
{
	struct masked *masked = channel->state;
	char byte;

	handshakes++;
	if (!masked)
		masked = channel->state = calloc(1, sizeof(*masked));
	while (masked->greeted < strlen(hello)) {
		int64_t count = channel_plain.receive(channel, &byte, 1);

		if (count <= 0)
			return count == 0 ? -ECONNRESET : (int)count;
		if (byte != hello[masked->greeted++])
			return -EPROTO;
	}
	return 0;
}

static int flush(struct channel *channel)
{
	struct masked *masked = channel->state;

	while (masked->at < masked->end) {
		struct iovec piece = {masked->held + masked->at, masked->end - masked->at};
		int64_t sent = channel_plain.send(channel, &piece, 1, false);

		if (sent < 0)
			return (int)sent;
		masked->at += (size_t)sent;
	}
	masked->at = masked->end = 0;
	return 0;
}

/* Takes of the first piece alone, and sends none of it before the next call. */
static int64_t send_(struct channel *channel, const struct iovec *pieces, int count, bool has_more)
{
	struct masked *masked = channel->state;
	const char *data = pieces->iov_base;
	int result = flush(channel);

	if (result < 0)
		return result;
	if (pieces->iov_len == 0)
		return send_(channel, pieces + 1, count - 1, has_more);
	while (masked->end < HELD && masked->end < pieces->iov_len) {
		masked->held[masked->end] = (char)(data[masked->end] ^ MASK);
		masked->end++;
	}
	return (int64_t)masked->end;
}

static int64_t receive(struct channel *channel, void *data, size_t length)
{
	int64_t count = channel_plain.receive(channel, data, length);

	for (int64_t i = 0; i < count; i++)
		((char *)data)[i] ^= MASK;
	return count;
}

static int attend(struct channel *channel)
{
	attended++;
	return 0;
}

static int finish(struct channel *channel)
{
	return channel_plain.finish(channel);
}

static void close_(struct channel *channel)
{
	closed++;
	free(channel->state);
}

static const struct channel_kind channel_masked = {
	.name = "masked",
	.ciphers = true,
	.send = send_,
	.receive = receive,
	.handshake = handshake,
	.flush = flush,
	.attend = attend,
	.finish = finish,
	.close = close_,
};

/* A worker whose loop the test turns, and a client. */

struct house {
	char directory[64];
	char *content;
	struct server_settings settings;
	struct served_news news;
	struct admission admission;
	struct log_writer log;
	struct worker worker;
	struct served_root *root;
	struct sockaddr_in address;
	int client;
};

static void make_file(struct house *house)
{
	char path[80];
	int fd;

	strcpy(house->directory, "/tmp/sluice-unit-XXXXXX");
	assert_non_null(mkdtemp(house->directory));
	house->content = malloc(SIZE);
	for (size_t i = 0; i < SIZE; i++)
		house->content[i] = (char)(i * 7 + i / 1000);
	snprintf(path, sizeof(path), "%s/file", house->directory);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	assert_int_equal(write(fd, house->content, SIZE), SIZE);
	close(fd);
}

static int listen_here(struct sockaddr_in *address)
{
	socklen_t size = sizeof(*address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	*address = (struct sockaddr_in){.sin_family = AF_INET,
					.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	assert_int_equal(bind(fd, (struct sockaddr *)address, size), 0);
	assert_int_equal(listen(fd, 8), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)address, &size), 0);
	return fd;
}

static void open_worker(struct house *house)
{
	const struct sluice_server_options options = {0};
	struct server_settings *settings = &house->settings;

	*settings = (struct server_settings){
		.channel_kind = &channel_masked,
		.path = &path_send_readwrite,
		.served.base = AT_FDCWD,
		.news = &house->news,
		.admission = &house->admission,
		.log = &house->log,
		.listings = listings_open(),
		.workers = &house->worker,
		.worker_count = 1,
		.connections_max = 8,
		.files_max = 8,
	};
	assert_int_equal(log_writer_open(&house->log, &options), 0);
	assert_int_equal(served_name_open(&settings->served, house->directory), 0);
	assert_int_equal(served_root_open(&settings->served, &house->root), 0);
	assert_int_equal(worker_open(&house->worker, settings, house->root,
				     listen_here(&house->address), NULL),
			 0);
}

static int set_up(void **state)
{
	struct house *house = calloc(1, sizeof(*house));

	handshakes = attended = closed = 0;
	make_file(house);
	open_worker(house);
	house->client = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(
		connect(house->client, (struct sockaddr *)&house->address, sizeof(house->address)),
		0);
	while (house->worker.connection_count == 0)
		assert_int_equal(loop_run(house->worker.loop, TURN_MS), 0);
	*state = house;
	return 0;
}

static int tear_down(void **state)
{
	struct house *house = *state;
	char path[80];

	close(house->client);
	worker_close(&house->worker);
	served_root_release(house->root);
	log_writer_close(&house->log);
	listings_release(house->settings.listings);
	served_name_close(&house->settings.served);
	snprintf(path, sizeof(path), "%s/file", house->directory);
	unlink(path);
	rmdir(house->directory);
	free(house->content);
	free(house);
	assert_int_equal(closed, 1);
	return 0;
}

static struct connection *only(const struct house *house)
{
	assert_int_equal(house->worker.connection_count, 1);
	return house->worker.oldest;
}

/* The client says it, and the server has seen it. */
static void say(struct house *house, const char *text)
{
	unsigned before = handshakes;

	assert_int_equal(write(house->client, text, strlen(text)), strlen(text));
	while (handshakes == before)
		assert_int_equal(loop_run(house->worker.loop, TURN_MS), 0);
}

static void ask(struct house *house, const char *request)
{
	size_t length = strlen(request);
	char masked[256];

	for (size_t i = 0; i < length; i++)
		masked[i] = (char)(request[i] ^ MASK);
	assert_int_equal(write(house->client, masked, length), length);
}

/* All that comes until the server closes; its length. */
static size_t hear(struct house *house, char *out, size_t size)
{
	size_t length = 0;
	ssize_t count = -1;

	while (count != 0) {
		count = recv(house->client, out + length, size - length, MSG_DONTWAIT);
		if (count > 0)
			length += (size_t)count;
		else if (count < 0)
			assert_int_equal(loop_run(house->worker.loop, TURN_MS), 0);
	}
	for (size_t i = 0; i < length; i++)
		out[i] ^= MASK;
	return length;
}

static void hands_are_shaken_byte_by_byte(void **state)
{
	struct house *house = *state;

	assert_int_equal(only(house)->state, SHAKING_HANDS);
	say(house, "a");
	say(house, "b");
	assert_int_equal(only(house)->state, SHAKING_HANDS);
	say(house, "c");
	assert_int_equal(only(house)->state, READING);
}

static void an_answer_is_whole_through_it(void **state)
{
	struct house *house = *state;
	char *heard = malloc(2 * SIZE);
	size_t length;

	say(house, hello);
	ask(house, "GET /file HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n");
	while (only(house)->state != SENDING)
		assert_int_equal(loop_run(house->worker.loop, TURN_MS), 0);
	assert_int_equal(write(house->client, "x", 1), 1);
	length = hear(house, heard, 2 * SIZE);
	assert_true(length > SIZE);
	assert_memory_equal(heard, "HTTP/1.1 200 OK\r\n", 17);
	assert_memory_equal(heard + length - SIZE, house->content, SIZE);
	assert_true(attended > 0);
	assert_int_equal(house->worker.tally.bytes, SIZE);
	assert_int_equal(house->worker.tally.cpu_copied_bytes, 2 * SIZE);
	assert_int_equal(house->worker.tally.cpu_ciphered_bytes, SIZE);
	free(heard);
}

/* What came behind the handshake, in the same packet, is no edge of its own. */
static void a_request_may_follow_at_once(void **state)
{
	struct house *house = *state;
	const char request[] = "GET /nothing HTTP/1.0\r\n\r\n";
	char text[64] = "abc", heard[1024];
	size_t length = strlen(hello);

	for (size_t i = 0; i < strlen(request); i++)
		text[length++] = (char)(request[i] ^ MASK);
	assert_int_equal(write(house->client, text, length), length);
	assert_true(hear(house, heard, sizeof(heard)) > 0);
	assert_memory_equal(heard, "HTTP/1.1 404", 12);
}

static void a_bad_handshake_ends_it(void **state)
{
	struct house *house = *state;

	say(house, "ax");
	assert_int_equal(house->worker.connection_count, 0);
}

static void one_that_never_ends_has_a_limit(void **state)
{
	struct house *house = *state;
	struct connection *connection = only(house);

	say(house, "a");
	connection->timer.fire(&connection->timer);
	assert_int_equal(only(house)->state, SHAKING_HANDS);
	connection->since_ms -= 31000;
	connection->timer.fire(&connection->timer);
	assert_int_equal(house->worker.connection_count, 0);
}

static void a_stop_does_not_wait_for_it(void **state)
{
	struct house *house = *state;

	connection_stop(only(house));
	assert_int_equal(house->worker.connection_count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(hands_are_shaken_byte_by_byte, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_answer_is_whole_through_it, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_request_may_follow_at_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_bad_handshake_ends_it, set_up, tear_down),
		cmocka_unit_test_setup_teardown(one_that_never_ends_has_a_limit, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_stop_does_not_wait_for_it, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
