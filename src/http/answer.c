/* SPDX-License-Identifier: MIT */
/* Turns a request into the answer to send, from the file cache or by a lookup on the disk. */
#include "base/clock.h"
#include "base/container.h"
#include "base/error.h"
#include "http/billing.h"
#include "http/connection.h"
#include "http/url.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void on_wake(struct range_send *range)
{
	struct response *response = container_of(range, struct response, range);
	struct connection *connection = container_of(response, struct connection, response);

	loop_task_queue(connection->worker->loop, &connection->again);
}

static void prepare_response(struct connection *connection)
{
	const struct server_settings *settings = connection->worker->settings;
	struct response *response = &connection->response;

	connection->started_ns = clock_ns();
	response->extra = &settings->extra;
	response->digests = settings->digests;
	response->range.wake = on_wake;
	response->range.forced = settings->path;
	response->range.tally = &response->tally;
	response->range.explain = settings->explains ? &connection->explain : NULL;
	billing_start(connection);
}

void connection_answer_text(struct connection *connection, unsigned status, const char *why)
{
	prepare_response(connection);
	response_text(&connection->response, &connection->request, status, NULL, why);
	connection_set_state(connection, SENDING);
}

/* Only requests from offset 0 count, so a download split into ranges counts as one reader. */
static void admit(struct connection *connection, const struct cached_file *cached)
{
	const struct response *response = &connection->response;
	const struct worker *worker = connection->worker;
	const struct statx *status = &cached->file->status;

	if (response->range_count > 0 && response->ranges[0].offset == 0 &&
	    status->stx_size > PLAN_SMALL_SEND && !worker->settings->path)
		connection->response.range.is_admitted = admission_ask(
			worker->settings->admission, status, loop_now_ms(worker->loop));
}

static void answer_file(struct connection *connection, struct cached_file *cached, bool did_stat)
{
	if (did_stat)
		connection->response.range.checked_turn = loop_turn(connection->worker->loop);
	response_file(&connection->response, &connection->request, cached);
	admit(connection, cached);
	billing_begin(connection);
}

static void answer_found(struct connection *connection)
{
	struct resolve *found = &connection->lookup->resolve;
	struct worker *worker = connection->worker;
	struct path_file *file = found->file;
	struct cached_file *cached = NULL;
	bool keep = file && !file->may_hang && !resolve_is_directory(found->path) &&
		    found->root == worker->root;

	found->file = NULL;
	if (file) {
		file->loop = worker->loop;
		cached = file_cache_add(&worker->files, found->path, file, found->type, keep,
					loop_now_ms(worker->loop));
	}
	if (cached && keep)
		worker_expect_sweep(worker);
	if (cached)
		answer_file(connection, cached, true);
	else if (file)
		response_text(&connection->response, &connection->request, 503, NULL,
			      "out of memory");
	else
		response_found(&connection->response, &connection->request, found);
	lookup_leave(connection->lookup);
	connection->lookup = NULL;
	connection_set_state(connection, SENDING);
}

void connection_found(struct connection *connection)
{
	answer_found(connection);
	connection_drive(connection);
}

void connection_answer_late(struct connection *connection)
{
	const char *why = connection->lookup->is_waiting ? RESOLVE_BUSY : RESOLVE_NO_ANSWER;

	lookup_leave(connection->lookup);
	connection->lookup = NULL;
	response_text(&connection->response, &connection->request, 503, NULL, why);
	connection_set_state(connection, SENDING);
}

/* A browser's Accept names text/html; JSON goes to clients that ask for it and not for HTML. */
static bool accepts_json(const struct http_request *request)
{
	const struct http_text *accept = &request->accept;

	return accept->data && memmem(accept->data, accept->length, "application/json", 16) &&
	       !memmem(accept->data, accept->length, "text/html", 9);
}

static void start_lookup(struct connection *connection, const char *path, bool looks_anew)
{
	connection->lookup =
		lookup_open(connection, path, accepts_json(&connection->request), looks_anew);
	if (!connection->lookup)
		connection_answer_text(connection, 503, "out of memory");
	else if (lookup_start(connection->lookup))
		answer_found(connection);
	else
		connection_set_state(connection, RESOLVING);
}

/* Serve a bill only on the connection it was announced on; elsewhere the path is an ordinary file.
 */
static bool answer_bill(struct connection *connection, const char *path)
{
	char *text = billing_find(connection, path);

	if (!text)
		return false;
	prepare_response(connection);
	response_json(&connection->response, &connection->request, text);
	connection_set_state(connection, SENDING);
	free(text);
	return true;
}

/*
 * The loop turn whose file checks are valid for this request, because the request had arrived
 * before them: known only if the wait reported the input. Input read otherwise, or after another
 * request, may have arrived just now.
 */
static uint64_t turn_to_share(const struct connection *connection)
{
	uint64_t turn = loop_turn(connection->worker->loop);

	return connection->input_turn == turn ? turn : 0;
}

/* Whether the client may have it; else it is answered. */
static bool is_allowed(struct connection *connection, const char *path)
{
	const struct tokens *tokens = connection->worker->settings->tokens;
	const struct token *token;

	if (!tokens)
		return true;
	token = tokens_find(tokens, connection->request.authorization);
	connection->user = token ? token->name : tls_peer_name(&connection->channel);
	if (token && token_allows(token, path))
		return true;
	connection_answer_text(connection, token ? 403 : 401,
			       token ? "not in the directory of this token"
				     : "no token, or not one of those");
	return false;
}

static void answer_target(struct connection *connection)
{
	struct worker *worker = connection->worker;
	struct cached_file *cached;
	bool did_stat = false;
	char path[RESOLVE_PATH_MAX];
	unsigned status =
		(unsigned)http_target_path(connection->request.target, path, sizeof(path));

	if (status != 200) {
		connection_answer_text(connection, status, "bad target");
		return;
	}
	if (answer_bill(connection, path) || !is_allowed(connection, path))
		return;
	prepare_response(connection);
	if (worker_must_look_anew(worker)) {
		start_lookup(connection, path, true);
		return;
	}
	cached = file_cache_find(&worker->files, worker->root->fd, path, loop_now_ms(worker->loop),
				 turn_to_share(connection), &did_stat);
	if (!cached) {
		start_lookup(connection, path, false);
		return;
	}
	answer_file(connection, cached, did_stat);
	connection_set_state(connection, SENDING);
}

static void answer_request(struct connection *connection)
{
	struct http_request *request = &connection->request;

	request->keep_alive &= !request->has_body;
	if (request->method == HTTP_METHOD_UNKNOWN)
		connection_answer_text(connection, 501, "unknown method");
	else if (request->method == HTTP_METHOD_KNOWN)
		connection_answer_text(connection, 405, "");
	else if (request->has_body)
		connection_answer_text(connection, 413, "request with a body");
	else if (request->method == HTTP_OPTIONS)
		connection_answer_text(connection, 204, "");
	else
		answer_target(connection);
}

static bool has_successor(const struct connection *connection)
{
	return memmem(connection->input + connection->head_length,
		      connection->input_length - connection->head_length, "\r\n\r\n", 4);
}

/* True if the input held a complete or a bad request: the state has then changed. */
bool connection_take_request(struct connection *connection)
{
	size_t used = 0;
	int status;

	if (connection->input_length == 0)
		return false;
	connection->request = (struct http_request){.minor = 1};
	status = http_request_parse(&connection->request, connection->input,
				    connection->input_length, &used);
	if (status == -EAGAIN)
		return false;
	connection->head_length = status == 0 ? used : connection->input_length;
	connection->has_answered = true;
	if (connection->worker->is_stopping)
		connection->request.keep_alive = false;
	if (status == 0)
		answer_request(connection);
	else
		connection_answer_text(connection, (unsigned)status, http_reason((unsigned)status));
	connection->response.has_successor =
		connection->response.keep_alive && has_successor(connection);
	return true;
}
