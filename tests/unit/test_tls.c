/* SPDX-License-Identifier: MIT */
/* The channel under TLS: what it takes and gives over sockets that take little, and how it fails.
 */
#include "channel/tls-private.h"
#include "scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

enum { SIZE = 300000, TURNS = 100000 };

static char state_home[64], *identity, pin[TLS_PIN];
static struct tls_server *server;
static struct tls_client *client;
static char content[SIZE];

static int set_up(void **state)
{
	static const struct tls_client_options of_client;
	struct tls_server_options of_server = {0};

	for (size_t i = 0; i < SIZE; i++)
		content[i] = (char)(i * 7 + i / 1000);
	strcpy(state_home, "/tmp/sluice-unit-XXXXXX");
	assert_non_null(mkdtemp(state_home));
	setenv("XDG_STATE_HOME", state_home, 1);
	setenv("SSL_CERT_DIR", state_home, 1); /* no CA is trusted */
	assert_int_equal(tls_identity(&identity, "127.0.0.1", NULL), 0);
	of_server.certificate = of_server.key = identity;
	assert_int_equal(tls_server_open(&server, &of_server, NULL), 0);
	tls_server_pin(server, pin);
	assert_true(tls_are_pins(pin));
	assert_int_equal(tls_client_open(&client, &of_client, NULL), 0);
	return 0;
}

static int tear_down(void **state)
{
	char directory[80];

	tls_server_close(server);
	tls_client_close(client);
	unlink(identity);
	free(identity);
	snprintf(directory, sizeof(directory), "%s/sluice", state_home);
	rmdir(directory);
	return rmdir(state_home);
}

/* Two ends, with a relay between them that is the test's. */
struct ends {
	struct channel server, client;
	int of_server[2], of_client[2]; /* [0] is the channel's, [1] the relay's */
};

static void small_pair(int pair[2])
{
	int small = 1;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	for (int i = 0; i < 2; i++)
		setsockopt(pair[i], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
}

static void open_ends(struct ends *ends, const char *pins)
{
	small_pair(ends->of_server);
	small_pair(ends->of_client);
	assert_int_equal(tls_accept(&ends->server, ends->of_server[0], server), 0);
	assert_int_equal(tls_connect(&ends->client, ends->of_client[0], client, "127.0.0.1", pins),
			 0);
}

static void close_ends(struct ends *ends)
{
	channel_close(&ends->server);
	channel_close(&ends->client);
	for (int i = 0; i < 2; i++) {
		if (ends->of_server[i] >= 0)
			close(ends->of_server[i]);
		if (ends->of_client[i] >= 0)
			close(ends->of_client[i]);
	}
}

/* Passes on what is there, so many bytes at most at a time. */
static void relay(struct ends *ends, size_t most)
{
	int *way[2][2] = {{ends->of_server, ends->of_client}, {ends->of_client, ends->of_server}};
	char data[4096];

	for (int i = 0; i < 2; i++) {
		ssize_t count = recv(way[i][0][1], data, most, MSG_PEEK), sent;

		if (count <= 0)
			continue;
		sent = send(way[i][1][1], data, (size_t)count, MSG_NOSIGNAL);
		if (sent > 0)
			assert_int_equal(recv(way[i][0][1], data, (size_t)sent, 0), sent);
	}
}

static void shake(struct ends *ends, size_t most, int expected_server, int expected_client)
{
	int of_server = -EAGAIN, of_client = -EAGAIN;

	for (int i = 0; i < TURNS && (of_server == -EAGAIN || of_client == -EAGAIN); i++) {
		if (of_client == -EAGAIN)
			of_client = channel_handshake(&ends->client);
		relay(ends, most);
		if (of_server == -EAGAIN)
			of_server = channel_handshake(&ends->server);
		relay(ends, most);
	}
	assert_int_equal(of_client, expected_client);
	assert_int_equal(of_server, expected_server);
}

static void open_shaken(struct ends *ends)
{
	open_ends(ends, pin);
	shake(ends, 4096, 0, 0);
}

/* All of the content, in sends and receives of changing lengths. */
static void pass(struct ends *ends, struct channel *from, struct channel *to, size_t relayed)
{
	size_t sent = 0, received = 0;
	char *copy = malloc(SIZE);

	for (int i = 0; i < TURNS && received < SIZE; i++) {
		size_t want = 1 + (size_t)i * 977 % 100000, room = 1 + (size_t)i * 331 % 50000;
		int64_t count = 0;

		if (sent < SIZE)
			count = channel_send(from, content + sent,
					     want < SIZE - sent ? want : SIZE - sent, i % 2);
		else
			assert_true(channel_flush(from) <= 0);
		assert_true(count >= 0 || count == -EAGAIN);
		sent += count > 0 ? (size_t)count : 0;
		relay(ends, relayed);
		count = channel_receive(to, copy + received,
					room < SIZE - received ? room : SIZE - received);
		assert_true(count > 0 || count == -EAGAIN);
		received += count > 0 ? (size_t)count : 0;
	}
	assert_int_equal(received, SIZE);
	assert_memory_equal(copy, content, SIZE);
	free(copy);
}

static void all_arrives_both_ways(void **state)
{
	struct ends ends;

	open_shaken(&ends);
	assert_string_equal(tls_version(&ends.client), "TLSv1.3");
	assert_string_equal(tls_suite(&ends.server), "TLS_AES_128_GCM_SHA256");
	assert_null(tls_peer_name(&ends.server));
	pass(&ends, &ends.server, &ends.client, 4096);
	pass(&ends, &ends.client, &ends.server, 1000);
	close_ends(&ends);
}

static void a_handshake_comes_byte_by_byte(void **state)
{
	struct ends ends;

	open_ends(&ends, pin);
	shake(&ends, 1, 0, 0);
	pass(&ends, &ends.server, &ends.client, 4096);
	close_ends(&ends);
}

static void pieces_go_in_their_order(void **state)
{
	const struct iovec small[] = {{content, 300}, {content + 300, 200}, {NULL, 0}};
	const struct iovec large[] = {{content, 300}, {content + 300, 30000}};
	struct ends ends;
	char copy[30300];
	int64_t count;
	size_t received = 0;

	open_shaken(&ends);
	assert_int_equal(channel_send_pieces(&ends.server, small, 3, false), 500);
	assert_int_equal(channel_flush(&ends.server), 0);
	relay(&ends, 4096);
	assert_false(channel_has_pending(&ends.client));
	assert_int_equal(channel_receive(&ends.client, copy, 100), 100);
	assert_true(channel_has_pending(&ends.client));
	assert_int_equal(channel_receive(&ends.client, copy + 100, sizeof(copy) - 100), 400);
	assert_false(channel_has_pending(&ends.client));
	assert_memory_equal(copy, content, 500);
	assert_int_equal(channel_send_pieces(&ends.server, large, 2, false), 30300);
	for (int i = 0; i < TURNS && received < 30300; i++) {
		channel_flush(&ends.server);
		relay(&ends, 4096);
		count = channel_receive(&ends.client, copy + received, sizeof(copy) - received);
		received += count > 0 ? (size_t)count : 0;
	}
	assert_int_equal(received, 30300);
	assert_memory_equal(copy, content, 30300);
	close_ends(&ends);
}

/* The next offer may be other bytes. */
static void what_was_not_taken_was_not_looked_at(void **state)
{
	struct ends ends;
	size_t sent = 0, received = 0;
	char scrap[5000];
	int64_t count;

	open_shaken(&ends);
	while ((count = channel_send(&ends.server, content, 1000, false)) > 0)
		sent += (size_t)count;
	assert_int_equal(count, -EAGAIN);
	assert_int_equal(channel_flush(&ends.server), -EAGAIN);
	while (received < sent) {
		relay(&ends, 4096);
		channel_flush(&ends.server);
		count = channel_receive(&ends.client, scrap, sizeof(scrap));
		received += count > 0 ? (size_t)count : 0;
	}
	assert_int_equal(channel_send(&ends.server, content + 777, 100, false), 100);
	relay(&ends, 4096);
	assert_int_equal(channel_receive(&ends.client, scrap, sizeof(scrap)), 100);
	assert_memory_equal(scrap, content + 777, 100);
	close_ends(&ends);
}

/* Ends */

static void an_end_is_told(void **state)
{
	struct ends ends;
	char byte;

	open_shaken(&ends);
	assert_int_equal(channel_send(&ends.server, "x", 1, false), 1);
	channel_finish(&ends.server);
	relay(&ends, 4096);
	assert_int_equal(channel_receive(&ends.client, &byte, 1), 1);
	assert_int_equal(channel_receive(&ends.client, &byte, 1), 0);
	assert_int_equal(channel_receive(&ends.client, &byte, 1), 0);
	/* The other direction goes on. */
	assert_int_equal(channel_send(&ends.client, "y", 1, false), 1);
	relay(&ends, 4096);
	assert_int_equal(channel_receive(&ends.server, &byte, 1), 1);
	close_ends(&ends);
}

static void an_end_that_is_not_told_is_none(void **state)
{
	struct ends ends;
	char byte;

	open_shaken(&ends);
	assert_int_equal(channel_send(&ends.server, "x", 1, false), 1);
	relay(&ends, 4096);
	shutdown(ends.of_client[1], SHUT_WR);
	assert_int_equal(channel_receive(&ends.client, &byte, 1), 1);
	assert_int_equal(channel_attend(&ends.client), 0);
	assert_int_equal(channel_receive(&ends.client, &byte, 1), -ENODATA);
	assert_int_equal(channel_receive(&ends.client, &byte, 1), -ENODATA);
	/* And who sends goes on until it cannot. */
	assert_int_equal(channel_send(&ends.client, "y", 1, false), 1);
	close_ends(&ends);
}

static void a_handshake_that_ends_fails(void **state)
{
	struct ends ends;

	open_ends(&ends, pin);
	assert_int_equal(channel_handshake(&ends.client), -EAGAIN);
	shutdown(ends.of_client[1], SHUT_RDWR);
	assert_int_equal(channel_handshake(&ends.client), -ECONNRESET);
	assert_non_null(strstr(channel_words(&ends.client), "during the TLS handshake"));
	close_ends(&ends);
}

/* Harm */

static void a_flipped_bit_is_noticed(void **state)
{
	struct ends ends;
	char data[200];
	ssize_t count;

	open_shaken(&ends);
	assert_int_equal(channel_send(&ends.server, content, 100, false), 100);
	count = recv(ends.of_server[1], data, sizeof(data), 0);
	assert_true(count > 100);
	data[50] ^= 4;
	assert_int_equal(send(ends.of_client[1], data, (size_t)count, 0), count);
	assert_int_equal(channel_receive(&ends.client, data, sizeof(data)), -ECONNABORTED);
	assert_int_equal(channel_receive(&ends.client, data, sizeof(data)), -ECONNABORTED);
	assert_int_equal(channel_send(&ends.client, data, 1, false), -ECONNABORTED);
	assert_non_null(channel_words(&ends.client));
	/* The other end is told. */
	relay(&ends, 4096);
	assert_true(channel_receive(&ends.server, data, sizeof(data)) < 0);
	close_ends(&ends);
}

static void a_record_twice_is_noticed(void **state)
{
	struct ends ends;
	char data[200], copy[200];
	ssize_t count;

	open_shaken(&ends);
	assert_int_equal(channel_send(&ends.server, content, 100, false), 100);
	count = recv(ends.of_server[1], data, sizeof(data), 0);
	assert_int_equal(send(ends.of_client[1], data, (size_t)count, 0), count);
	assert_int_equal(send(ends.of_client[1], data, (size_t)count, 0), count);
	assert_int_equal(channel_receive(&ends.client, copy, sizeof(copy)), 100);
	assert_int_equal(channel_receive(&ends.client, copy, sizeof(copy)), -ECONNABORTED);
	close_ends(&ends);
}

static void garbage_fails(void **state)
{
	struct ends ends;

	open_ends(&ends, pin);
	assert_true(send(ends.of_server[1], content, 5000, 0) > 0);
	assert_int_equal(channel_handshake(&ends.server), -EPROTO);
	assert_int_equal(channel_handshake(&ends.server), -EPROTO);
	assert_non_null(channel_words(&ends.server));
	close_ends(&ends);
}

static void http_is_known_on_both_ends(void **state)
{
	static const char request[] = "GET / HTTP/1.1\r\n\r\n", answer[] = "HTTP/1.1 400 Bad\r\n";
	struct ends ends;

	open_ends(&ends, pin);
	assert_true(send(ends.of_server[1], request, strlen(request), 0) > 0);
	assert_int_equal(channel_handshake(&ends.server), -EPROTO);
	assert_true(tls_is_plain_http(&ends.server));
	assert_int_equal(channel_handshake(&ends.client), -EAGAIN);
	assert_true(send(ends.of_client[1], answer, strlen(answer), 0) > 0);
	assert_int_equal(channel_handshake(&ends.client), -EPROTO);
	assert_non_null(strstr(channel_words(&ends.client), "does not speak TLS"));
	close_ends(&ends);
}

/* New keys */

static void update(struct ends *ends, struct channel *channel)
{
	SSL *ssl = ((struct tls *)channel->state)->ssl;

	assert_int_equal(SSL_key_update(ssl, SSL_KEY_UPDATE_REQUESTED), 1);
	assert_int_equal(SSL_do_handshake(ssl), 1);
	while (channel_flush(channel) == -EAGAIN)
		relay(ends, 4096);
	relay(ends, 4096);
}

static void keys_change_while_one_only_sends(void **state)
{
	struct ends ends;

	open_shaken(&ends);
	for (int i = 0; i < 40; i++) {
		update(&ends, &ends.client);
		assert_int_equal(channel_attend(&ends.server), 0);
		if (i % 10 == 0)
			pass(&ends, &ends.server, &ends.client, 4096);
	}
	pass(&ends, &ends.client, &ends.server, 4096);
	close_ends(&ends);
}

static void too_many_key_updates_end_it(void **state)
{
	struct ends ends;
	int result = 0;

	open_shaken(&ends);
	for (int i = 0; i < 100 && result == 0; i++) {
		update(&ends, &ends.client);
		result = channel_attend(&ends.server);
	}
	assert_int_equal(result, -EPROTO);
	assert_non_null(strstr(channel_words(&ends.server), "key update"));
	assert_int_equal(channel_send(&ends.server, "x", 1, false), -EPROTO);
	close_ends(&ends);
}

/* Trust */

static void an_unknown_key_is_refused_and_shown(void **state)
{
	static const char other[] = "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
	static const char *const pins[] = {NULL, other};
	struct ends ends;

	for (int i = 0; i < 2; i++) {
		open_ends(&ends, pins[i]);
		shake(&ends, 4096, -EPROTO, -EKEYREJECTED);
		assert_non_null(strstr(channel_words(&ends.client), pin));
		assert_non_null(strstr(channel_words(&ends.client),
				       i == 0 ? "no CA that is trusted" : "was pinned"));
		close_ends(&ends);
	}
}

static void one_of_several_pins_is_enough(void **state)
{
	char pins[2 * TLS_PIN];
	struct ends ends;

	snprintf(pins, sizeof(pins), "sha256//%044d;%s", 0, pin);
	open_ends(&ends, pins);
	shake(&ends, 4096, 0, 0);
	close_ends(&ends);
}

static void pins_have_one_form(void **state)
{
	static const char *const wrong[] = {"", "sha256//", "AAAA", "sha256//AAAA="};
	char two[2 * TLS_PIN];

	snprintf(two, sizeof(two), "%s;%s", pin, pin);
	assert_true(tls_are_pins(two));
	strcat(two, ";");
	assert_false(tls_are_pins(two));
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		assert_false(tls_are_pins(wrong[i]));
}

/* Our own key */

static void a_key_is_made_once(void **state)
{
	char *again, same[TLS_PIN];
	struct stat status;

	assert_int_equal(stat(identity, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	assert_int_equal(tls_identity(&again, "127.0.0.1", NULL), 0);
	assert_string_equal(again, identity);
	assert_int_equal(tls_server_load(server, NULL), 0);
	tls_server_pin(server, same);
	assert_string_equal(same, pin);
	free(again);
}

static void a_key_that_others_can_read_is_refused(void **state)
{
	struct sluice_error error;
	char *again;

	assert_int_equal(chmod(identity, 0640), 0);
	assert_int_equal(tls_identity(&again, "127.0.0.1", &error), -EACCES);
	assert_non_null(strstr(error.text, "640"));
	assert_int_equal(chmod(identity, 0600), 0);
}

static void a_broken_pair_changes_nothing(void **state)
{
	struct sluice_error error;
	char away[128];
	struct ends ends;
	FILE *file;

	snprintf(away, sizeof(away), "%s.away", identity);
	assert_int_equal(rename(identity, away), 0);
	assert_int_equal(tls_server_load(server, &error), -ENOENT);
	assert_non_null(strstr(error.text, identity));
	file = fopen(identity, "w");
	fputs("-----BEGIN CERTIFICATE-----\nnone\n", file);
	fclose(file);
	assert_int_equal(tls_server_load(server, &error), -EINVAL);
	open_shaken(&ends);
	close_ends(&ends);
	assert_int_equal(rename(away, identity), 0);
	assert_int_equal(tls_server_load(server, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_arrives_both_ways),
		cmocka_unit_test(a_handshake_comes_byte_by_byte),
		cmocka_unit_test(pieces_go_in_their_order),
		cmocka_unit_test(what_was_not_taken_was_not_looked_at),
		cmocka_unit_test(an_end_is_told),
		cmocka_unit_test(an_end_that_is_not_told_is_none),
		cmocka_unit_test(a_handshake_that_ends_fails),
		cmocka_unit_test(a_flipped_bit_is_noticed),
		cmocka_unit_test(a_record_twice_is_noticed),
		cmocka_unit_test(garbage_fails),
		cmocka_unit_test(http_is_known_on_both_ends),
		cmocka_unit_test(keys_change_while_one_only_sends),
		cmocka_unit_test(too_many_key_updates_end_it),
		cmocka_unit_test(an_unknown_key_is_refused_and_shown),
		cmocka_unit_test(one_of_several_pins_is_enough),
		cmocka_unit_test(pins_have_one_form),
		cmocka_unit_test(a_key_is_made_once),
		cmocka_unit_test(a_key_that_others_can_read_is_refused),
		cmocka_unit_test(a_broken_pair_changes_nothing),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
