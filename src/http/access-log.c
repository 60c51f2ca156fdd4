/* SPDX-License-Identifier: MIT */
#include "http/access-log.h"

#include "base/clock.h"
#include "base/text.h"

#include <string.h>
#include <time.h>

static void append_time(struct buffer *line)
{
	char text[32];
	time_t now = time(NULL);
	struct tm calendar;

	gmtime_r(&now, &calendar);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &calendar);
	buffer_text(line, text);
}

static void append_paths(struct buffer *line, const struct tally *tally)
{
	for (unsigned i = 0; i < tally->path_count; i++)
		buffer_printf(line, "%s%s=%llu", i ? "," : "", tally->paths[i].path,
			      (unsigned long long)tally->paths[i].bytes);
	if (tally->path_count == 0)
		buffer_text(line, "-");
}

/* A head that could not be parsed has no target. */
static void append_request(struct buffer *line, const struct http_request *request)
{
	if (!request->target.data) {
		buffer_text(line, "-");
		return;
	}
	text_escape(line, request->method_text.data, request->method_text.length);
	buffer_text(line, " ");
	text_escape(line, request->target.data, request->target.length);
	buffer_printf(line, " HTTP/1.%u", request->minor);
}

void access_explain(const struct server_settings *settings, const struct access *access,
		    struct buffer *lines)
{
	for (char *at = lines->data, *text; (text = text_next_line(&at));) {
		struct buffer line = {0};

		buffer_printf(&line, "%s \"", access->peer);
		append_request(&line, access->request);
		buffer_printf(&line, "\" %s", text);
		log_writer_add(settings->log, LOG_EXPLANATION, &line);
		buffer_free(&line);
	}
	buffer_free(lines);
}

static void append_user(struct buffer *line, const char *user)
{
	if (!user)
		return;
	buffer_text(line, " \"");
	text_escape(line, user, strlen(user));
	buffer_text(line, "\"");
}

void access_log(const struct server_settings *settings, const struct access *access)
{
	const struct response *response = access->response;
	struct buffer line = {0};

	if (!settings->log->tell[LOG_ANSWER])
		return;
	buffer_printf(&line, "%s [", access->peer);
	append_time(&line);
	buffer_text(&line, "] \"");
	append_request(&line, access->request);
	buffer_printf(&line, "\" %u %llu %.6f ", response->status,
		      (unsigned long long)response->body_bytes,
		      (double)(clock_ns() - access->started_ns) / 1e9);
	append_paths(&line, &response->tally);
	buffer_text(&line, " \"");
	text_escape(&line, access->note, strlen(access->note));
	buffer_text(&line, "\"");
	append_user(&line, access->user);
	log_writer_add(settings->log, LOG_ANSWER, &line);
	buffer_free(&line);
}
