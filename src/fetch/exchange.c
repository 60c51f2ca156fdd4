/* SPDX-License-Identifier: MIT */
/*
 * Invariants: phases go forward only, from exchange_begin on; addresses and race are there in their
 * own phases only; the connection is there from the race's end until it is closed.
 */
#include "fetch/exchange.h"

#include "base/clock.h"
#include "base/container.h"
#include "base/digest.h"
#include "base/error.h"
#include "host/socket.h"
#include "http/field.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Time */

static void on_timer(struct loop_timer *timer)
{
	struct exchange *exchange = container_of(timer, struct exchange, timer);
	uint64_t limit_ms = (uint64_t)exchange->limit_seconds * 1000;
	/* Not the loop's clock, which stands still while a call blocks. */
	uint64_t passed_ms = (clock_ns() - exchange->active_ns) / 1000000;

	if (passed_ms < limit_ms) {
		loop_timer_set(exchange->loop, timer, limit_ms - passed_ms);
		return;
	}
	/* Judged by the next step that finds nothing: this process may have been stopped. */
	exchange->is_late = true;
	exchange->wake(exchange);
}

void exchange_mark_active(struct exchange *exchange)
{
	exchange->active_ns = clock_ns();
	if (exchange->is_late)
		loop_timer_set(exchange->loop, &exchange->timer,
			       (uint64_t)exchange->limit_seconds * 1000);
	exchange->is_late = false;
}

void exchange_set_limit(struct exchange *exchange, unsigned seconds)
{
	exchange->timer.fire = on_timer;
	exchange->limit_seconds = seconds;
	exchange->is_late = true;
	exchange_mark_active(exchange);
}

static bool has_proxy(const struct exchange *exchange)
{
	return *exchange->via.host;
}

static bool has_tunnel(const struct exchange *exchange)
{
	return has_proxy(exchange) && (exchange->tunnels || exchange->url.is_tls);
}

/* Who is at the other end of the connection. */
static const struct http_url *peer(const struct exchange *exchange)
{
	return has_proxy(exchange) ? &exchange->via : &exchange->url;
}

static const char *peer_kind(const struct exchange *exchange)
{
	return has_proxy(exchange) ? "proxy " : "";
}

void exchange_end_limit(struct exchange *exchange)
{
	loop_timer_cancel(exchange->loop, &exchange->timer);
	exchange->is_late = false;
}

int exchange_wait(struct exchange *exchange, const char *what)
{
	if (!exchange->is_late)
		return -EAGAIN;
	exchange_mark_active(exchange);
	return error_set(exchange->error, ETIMEDOUT, "%s%s:%s: timed out %s (%u s)",
			 peer_kind(exchange), peer(exchange)->host, peer(exchange)->port, what,
			 exchange->limit_seconds);
}

/* Steps */

static void wake(void *owner)
{
	struct exchange *exchange = owner;

	exchange->wake(exchange);
}

static void on_ready(struct http_client *client)
{
	struct exchange *exchange = container_of(client, struct exchange, client);

	exchange->wake(exchange);
}

/* Fails with a sentence, unless there is one already. */
static int failed(struct exchange *exchange, int result, const char *what)
{
	const char *words = channel_words(&exchange->client.channel);

	if (!*exchange->error->text && words)
		error_set(exchange->error, -result, "%s %s:%s: %s", what, exchange->url.host,
			  exchange->url.port, words);
	else if (!*exchange->error->text)
		error_set_errno(exchange->error, -result, "%s %s%s:%s", what, peer_kind(exchange),
				peer(exchange)->host, peer(exchange)->port);
	return result;
}

/* -EAGAIN would be a wait. */
static int lookup_failed(struct exchange *exchange, int result)
{
	if (result != -EAGAIN)
		return failed(exchange, result, "looking up");
	return error_set(exchange->error, ENOMEM,
			 "looking up %s: no thread can be started for it (is a limit of processes "
			 "reached?)",
			 exchange->url.host);
}

static int look_up(struct exchange *exchange)
{
	const struct addrinfo *found;
	int code, result;

	if (!exchange->addresses) {
		result = addresses_open(&exchange->addresses, exchange->loop, peer(exchange),
					exchange->family, wake, exchange);
		if (result < 0)
			return failed(exchange, result, "looking up");
	}
	if (!addresses_have_come(exchange->addresses, &code, &result, &found))
		return exchange_wait(exchange, "looking up the name");
	exchange_mark_active(exchange);
	if (result < 0)
		return lookup_failed(exchange, result);
	if (code != 0) {
		exchange->lookup_code = code;
		return error_as(exchange->error, SLUICE_ERROR_DNS,
				error_set(exchange->error, EHOSTUNREACH, "%s %s: %s",
					  has_proxy(exchange) ? "proxy" : "host",
					  peer(exchange)->host, gai_strerror(code)));
	}
	result = race_open(&exchange->race, exchange->loop, found, wake, exchange);
	exchange->attempts = 0;
	exchange->phase = EXCHANGE_CONNECTING;
	return result < 0 ? failed(exchange, result, "connecting to") : 0;
}

static int set_congestion(struct exchange *exchange, int fd)
{
	const char *name = exchange->congestion;
	int result;

	if (!name || strcmp(name, "auto") == 0)
		return 0;
	result = host_socket_set_congestion(fd, name);
	return result < 0
		       ? error_set_errno(exchange->error, -result, "congestion control '%s'", name)
		       : 0;
}

static void end_race(struct exchange *exchange)
{
	race_close(exchange->race);
	addresses_close(exchange->addresses);
	exchange->race = NULL;
	exchange->addresses = NULL;
}

static int take_connection(struct exchange *exchange, int fd)
{
	int result;

	end_race(exchange);
	result = http_client_open(&exchange->client, exchange->loop, fd, on_ready);
	if (result < 0)
		return failed(exchange, result, "connecting to");
	exchange->has_card = !host_socket_is_local(fd);
	exchange->is_connected = !has_tunnel(exchange);
	exchange->phase = has_tunnel(exchange) ? EXCHANGE_TUNNELLING : EXCHANGE_SHAKING_HANDS;
	exchange->is_secured = false;
	exchange_mark_active(exchange);
	return set_congestion(exchange, fd);
}

static int connect_any(struct exchange *exchange)
{
	int fd = race_step(exchange->race);

	if (fd >= 0)
		return take_connection(exchange, fd);
	/* Each attempt has the whole time. */
	if (race_attempts(exchange->race) != exchange->attempts)
		exchange_mark_active(exchange);
	exchange->attempts = race_attempts(exchange->race);
	return fd == -EAGAIN ? exchange_wait(exchange, "connecting")
			     : failed(exchange, fd, "connecting to");
}

/* After a 1xx the real answer follows; after 101 another protocol. */
static bool is_final(const struct http_response *head)
{
	return head->status >= 200 || head->status == 101;
}

static int refuse_tunnel(struct exchange *exchange, unsigned status)
{
	int code = policy_may_pass(status) ? ECONNREFUSED : EACCES;

	error_set(exchange->error, code, "proxy %s:%s: no connection to %s:%s: it answered %u%s",
		  exchange->via.host, exchange->via.port, exchange->url.host, exchange->url.port,
		  status,
		  status == 407 ? " (authentication required: USER:PASSWORD@ in its URL)" : "");
	return error_as_http(exchange->error, status, -code);
}

/* Nothing may come before we say something: it would be the proxy's, not the server's. */
static int take_tunnel(struct exchange *exchange, unsigned status)
{
	struct http_client *client = &exchange->client;

	if (status < 200 || status > 299)
		return refuse_tunnel(exchange, status);
	if (client->used != client->filled)
		return error_set(exchange->error, EPROTO,
				 "proxy %s:%s: it sends more than an answer", exchange->via.host,
				 exchange->via.port);
	exchange->is_connected = true;
	exchange->phase = EXCHANGE_SHAKING_HANDS;
	return 0;
}

static int open_tunnel(struct exchange *exchange)
{
	struct http_response answer = {0};
	int result =
		http_client_send(&exchange->client, &exchange->connect, &exchange->connect_sent);

	if (result < 0 && result != -EAGAIN)
		return failed(exchange, result, "sending the request to");
	while (result == 0 && !is_final(&answer))
		result = http_client_head(&exchange->client, &answer, exchange->error);
	if (result == -EAGAIN)
		return exchange_wait(exchange, "waiting for its connection to the server");
	if (result < 0)
		return result;
	exchange_mark_active(exchange);
	return take_tunnel(exchange, answer.status);
}

static bool is_named(const struct exchange *exchange)
{
	return strcmp(exchange->url.host, exchange->first_host) == 0;
}

static int secure(struct exchange *exchange)
{
	int result = secure_begin(exchange->secure, &exchange->client.channel, &exchange->url,
				  is_named(exchange), exchange->error);

	exchange->is_secured = result == 0;
	return result;
}

static int shake_hands(struct exchange *exchange)
{
	int result = 0;

	if (exchange->url.is_tls && !exchange->is_secured)
		result = secure(exchange);
	if (result == 0)
		result = channel_handshake(&exchange->client.channel);
	if (result == -EAGAIN)
		return exchange_wait(exchange, "shaking hands");
	if (result < 0)
		return failed(exchange, result, "connecting to");
	exchange->phase = EXCHANGE_SENDING;
	return 0;
}

static int send_request(struct exchange *exchange)
{
	size_t before = exchange->sent;
	int result = http_client_send(&exchange->client, &exchange->request, &exchange->sent);

	if (exchange->sent > before)
		exchange_mark_active(exchange);
	if (result == -EAGAIN)
		return exchange_wait(exchange, "sending the request");
	if (result < 0)
		return failed(exchange, result, "sending the request to");
	exchange->phase = EXCHANGE_ANSWERING;
	return 0;
}

static int read_head(struct exchange *exchange)
{
	int result;

	do {
		result = http_client_head(&exchange->client, &exchange->head, exchange->error);
		if (result == 0)
			exchange_mark_active(exchange);
	} while (result == 0 && !is_final(&exchange->head));
	if (result == -EAGAIN)
		return exchange_wait(exchange, "waiting for the answer");
	if (result == 0)
		exchange->phase = EXCHANGE_IDLE;
	return result;
}

static int step(struct exchange *exchange)
{
	switch (exchange->phase) {
	case EXCHANGE_LOOKING_UP:
		return look_up(exchange);
	case EXCHANGE_CONNECTING:
		return connect_any(exchange);
	case EXCHANGE_TUNNELLING:
		return open_tunnel(exchange);
	case EXCHANGE_SHAKING_HANDS:
		return shake_hands(exchange);
	case EXCHANGE_SENDING:
		return send_request(exchange);
	case EXCHANGE_ANSWERING:
		return read_head(exchange);
	case EXCHANGE_IDLE:
		break;
	}
	return 0;
}

/*
 * Whether a server may just have closed a connection that waited for this request. Then the request
 * is sent again, on a fresh one (RFC 9110 9.2.2), and nothing has failed.
 */
static bool is_left(const struct exchange *exchange, int result)
{
	return exchange->is_reused && exchange->phase >= EXCHANGE_SENDING &&
	       exchange->client.filled == 0 &&
	       (result == -ENODATA || result == -ECONNRESET || result == -EPIPE);
}

static void begin_afresh(struct exchange *exchange)
{
	exchange_disconnect(exchange);
	exchange->error->text[0] = '\0';
	exchange->sent = exchange->connect_sent = 0;
	exchange->is_reused = exchange->is_connected = false;
	exchange->phase = EXCHANGE_LOOKING_UP;
	exchange_mark_active(exchange);
}

int exchange_step(struct exchange *exchange)
{
	int result = 0;

	while (result == 0 && exchange->phase != EXCHANGE_IDLE) {
		result = step(exchange);
		if (result < 0 && is_left(exchange, result)) {
			begin_afresh(exchange);
			result = 0;
		}
	}
	if (result == 0)
		exchange->verdict = policy_of_answer(&exchange->head, time(NULL));
	else
		exchange->verdict = exchange->lookup_code ? policy_of_lookup(exchange->lookup_code)
							  : policy_of_failure(result);
	return result;
}

static int write_connect(struct exchange *exchange, const char *proxy)
{
	struct buffer *connect = &exchange->connect;
	char server[HTTP_URL_HOST];
	int result;

	http_url_authority(&exchange->url, server);
	connect->length = exchange->connect_sent = 0;
	buffer_printf(connect, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n", server, server);
	result = proxy_add_credentials(connect, proxy, exchange->error);
	buffer_text(connect, "User-Agent: sluice/" SLUICE_VERSION "\r\n\r\n");
	return connect->failed ? failed(exchange, -ENOMEM, "sending the request to") : result;
}

/* For the connection that is to be made. */
static int choose_proxy(struct exchange *exchange)
{
	const char *proxy = proxy_for(exchange->proxies, &exchange->url);
	int result;

	http_url_free(&exchange->via);
	if (!proxy)
		return 0;
	result = proxy_parse(&exchange->via, proxy, exchange->error);
	return result == 0 && has_tunnel(exchange) ? write_connect(exchange, proxy) : result;
}

/* A proxy that is to ask for us is told whom (RFC 9112 3.2.2), and who we are. */
static int write_request_line(struct exchange *exchange, const char *method, const char *target,
			      const char *host)
{
	struct buffer *request = &exchange->request;
	bool is_asked = has_proxy(exchange) && !has_tunnel(exchange);

	request->length = exchange->sent = 0;
	buffer_printf(request, "%s %s%s%s HTTP/1.1\r\nHost: %s\r\n", method,
		      is_asked ? "http://" : "", is_asked ? host : "", target, host);
	return is_asked ? proxy_add_credentials(request,
						proxy_for(exchange->proxies, &exchange->url),
						exchange->error)
			: 0;
}

/* Secrets among the program's fields are not for other origins. */
static int write_request(struct exchange *exchange, const char *method, const char *target,
			 const char *fields)
{
	struct buffer *request = &exchange->request;
	char host[HTTP_URL_HOST], origin[HTTP_URL_ORIGIN];
	const char *more;
	int result;

	http_url_host(&exchange->url, host);
	http_url_origin(&exchange->url, origin);
	more = exchange->fields && strcmp(origin, exchange->first_origin) == 0 ? exchange->fields
									       : "";
	result = write_request_line(exchange, method, target, host);
	if (!http_field_is_in(more, "User-Agent"))
		buffer_text(request, "User-Agent: sluice/" SLUICE_VERSION "\r\n");
	if (!http_field_is_in(more, "Accept"))
		buffer_text(request, "Accept: */*\r\n");
	buffer_printf(request, "Accept-Encoding: identity\r\n%s%s\r\n", more, fields);
	return request->failed ? failed(exchange, -ENOMEM, "sending the request to") : result;
}

enum { KEY = HTTP_URL_ORIGIN + 128 };

/* All that two requests have to agree on to share a connection. Pins and our certificate are for
 * the named host alone. */
static void format_key(const struct exchange *exchange, char key[KEY])
{
	const char *proxy = has_proxy(exchange) ? proxy_for(exchange->proxies, &exchange->url) : "";
	char origin[HTTP_URL_ORIGIN];

	http_url_origin(&exchange->url, origin);
	snprintf(key, KEY, "%s %s %d %d %d %016" PRIx64 " %016" PRIx64, origin,
		 exchange->congestion ? exchange->congestion : "auto", exchange->family,
		 exchange->tunnels, is_named(exchange),
		 digest_add(DIGEST_START, proxy, strlen(proxy)),
		 exchange->secure ? secure_digest(exchange->secure) : 0);
}

static bool take_idle(struct exchange *exchange)
{
	char key[KEY];

	format_key(exchange, key);
	return pool_take(exchange->pool, key, &exchange->client, on_ready, &exchange->has_card);
}

int exchange_begin(struct exchange *exchange, const char *method, const char *target,
		   const char *fields)
{
	int result = 0;

	exchange->error->text[0] = '\0';
	exchange->lookup_code = 0;
	if (exchange->client.channel.in < 0)
		result = choose_proxy(exchange);
	if (result == 0)
		result = write_request(exchange, method, target ? target : exchange->url.target,
				       fields);
	exchange->head = (struct http_response){0};
	exchange->is_connected = exchange->client.channel.in >= 0;
	exchange->is_reused = !exchange->is_connected && take_idle(exchange);
	exchange->is_connected |= exchange->is_reused;
	exchange->phase = exchange->is_connected ? EXCHANGE_SENDING : EXCHANGE_LOOKING_UP;
	exchange_mark_active(exchange);
	/* What came behind the last answer is none to this request. */
	exchange->client.used = exchange->client.filled = 0;
	return result;
}

bool exchange_is_reusable(const struct exchange *exchange)
{
	return exchange->client.channel.in >= 0 && exchange->client.used == exchange->client.filled;
}

void exchange_disconnect(struct exchange *exchange)
{
	end_race(exchange);
	http_client_close(&exchange->client);
	exchange->phase = EXCHANGE_IDLE;
}

void exchange_give_back(struct exchange *exchange)
{
	char key[KEY];

	if (exchange->pool && exchange->head.keep_alive && exchange_is_reusable(exchange)) {
		format_key(exchange, key);
		pool_give(exchange->pool, key, &exchange->client, exchange->has_card);
	}
	exchange_disconnect(exchange);
}

void exchange_close(struct exchange *exchange)
{
	exchange_disconnect(exchange);
	if (exchange->loop)
		loop_timer_cancel(exchange->loop, &exchange->timer);
	buffer_free(&exchange->request);
	buffer_free(&exchange->connect);
	http_url_free(&exchange->via);
	http_url_free(&exchange->before);
	http_url_free(&exchange->url);
}
