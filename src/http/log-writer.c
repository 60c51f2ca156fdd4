/* SPDX-License-Identifier: MIT */
/*
 * Invariants: the lock is never held while a callback runs; once a line is dropped, nothing is
 * queued until the thread has taken the queue, so that a gap is always reported after the lines
 * before it.
 */
#include "http/log-writer.h"

#include "base/thread.h"

#include <errno.h>
#include <string.h>

enum {
	QUEUE_MAX = 4 << 20, /* bytes: thirty thousand lines, for a disk that stalls for a while */
	KEPT_MAX = 64 << 10, /* memory that is not given back in between */
};

int log_writer_open(struct log_writer *writer, const struct sluice_server_options *options)
{
	int code;

	writer->tell[LOG_ANSWER] = options->log;
	writer->tell[LOG_EXPLANATION] = options->explain;
	writer->tell[LOG_NOTE] = options->note;
	writer->lost = options->lost;
	writer->argument = options->argument;
	code = pthread_mutex_init(&writer->lock, NULL);
	if (code)
		return -code;
	code = pthread_cond_init(&writer->changed, NULL);
	if (code)
		pthread_mutex_destroy(&writer->lock);
	writer->has_lock = code == 0;
	return -code;
}

static bool append(struct log_writer *writer, enum log_kind kind, const struct buffer *line)
{
	struct buffer *queued = &writer->queued;
	size_t before = queued->length;
	char prefix = (char)kind;

	if (writer->lost_count > 0 || line->failed || before + line->length + 2 > QUEUE_MAX)
		return false;
	buffer_append(queued, &prefix, 1);
	buffer_append(queued, line->data, line->length);
	buffer_append(queued, "", 1);
	if (!queued->failed)
		return true;
	queued->failed = false;
	queued->length = before;
	return false;
}

void log_writer_add(struct log_writer *writer, enum log_kind kind, const struct buffer *line)
{
	bool must_wake;

	if (!writer->tell[kind])
		return;
	pthread_mutex_lock(&writer->lock);
	if (!append(writer, kind, line))
		writer->lost_count++;
	must_wake = writer->is_waiting;
	writer->is_waiting = false;
	pthread_mutex_unlock(&writer->lock);
	if (must_wake)
		pthread_cond_signal(&writer->changed);
}

/* Waits for lines, or for the end: false when there is nothing left to tell. */
static bool take(struct log_writer *writer, struct buffer *lines, uint64_t *lost)
{
	struct buffer empty;

	if (lines->capacity > KEPT_MAX)
		buffer_free(lines);
	empty = *lines;
	empty.length = 0;
	pthread_mutex_lock(&writer->lock);
	while (writer->queued.length == 0 && writer->lost_count == 0 && !writer->is_closing) {
		writer->is_waiting = true;
		pthread_cond_wait(&writer->changed, &writer->lock);
	}
	writer->is_waiting = false;
	*lines = writer->queued;
	*lost = writer->lost_count;
	writer->queued = empty;
	writer->lost_count = 0;
	pthread_mutex_unlock(&writer->lock);
	return lines->length > 0 || *lost > 0;
}

static void *run(void *argument)
{
	struct log_writer *writer = argument;
	struct buffer lines = {0};
	uint64_t lost;

	while (take(writer, &lines, &lost)) {
		for (size_t at = 0; at < lines.length; at += strlen(lines.data + at) + 1) {
			enum log_kind kind = (enum log_kind)lines.data[at++];

			writer->tell[kind](writer->argument, lines.data + at);
		}
		if (lost > 0 && writer->lost)
			writer->lost(writer->argument, lost);
	}
	buffer_free(&lines);
	return NULL;
}

int log_writer_start(struct log_writer *writer)
{
	int result;

	if (!writer->tell[LOG_ANSWER] && !writer->tell[LOG_EXPLANATION] && !writer->tell[LOG_NOTE])
		return 0;
	result = thread_start(&writer->thread, run, writer);
	writer->is_running = result == 0;
	return result;
}

void log_writer_stop(struct log_writer *writer)
{
	if (!writer->is_running)
		return;
	pthread_mutex_lock(&writer->lock);
	writer->is_closing = true;
	pthread_mutex_unlock(&writer->lock);
	pthread_cond_signal(&writer->changed);
	pthread_join(writer->thread, NULL);
	writer->is_running = false;
	writer->is_closing = false;
}

void log_writer_close(struct log_writer *writer)
{
	buffer_free(&writer->queued);
	if (!writer->has_lock)
		return;
	pthread_cond_destroy(&writer->changed);
	pthread_mutex_destroy(&writer->lock);
}
