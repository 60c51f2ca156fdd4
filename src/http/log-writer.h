/* SPDX-License-Identifier: MIT */
/*
 * Hands lines to the program's callbacks from a thread of its own, so that no worker waits for a
 * slow disk or for a pipe that nobody reads. What waits to be told is bounded: lines that do not
 * fit are lost, and how many is told, where they are missing.
 */
#ifndef SLUICE_HTTP_LOG_WRITER_H
#define SLUICE_HTTP_LOG_WRITER_H

#include "base/buffer.h"
#include "sluice.h"

#include <pthread.h>

enum log_kind { LOG_ANSWER, LOG_EXPLANATION, LOG_NOTE, LOG_KINDS };

struct log_writer {
	sluice_line_fn *tell[LOG_KINDS]; /* by kind; NULL: nobody wants them */
	sluice_lost_fn *lost;
	void *argument;
	pthread_t thread;
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t changed;
	struct buffer queued; /* for each line: its kind, its text, NUL */
	uint64_t lost_count;  /* behind what is queued */
	bool is_waiting, is_closing;
	bool has_lock, is_running; /* the opener's */
};

/* Each returns 0 or -errno. Nothing is started where nobody wants lines. */
int log_writer_open(struct log_writer *writer, const struct sluice_server_options *options);
int log_writer_start(struct log_writer *writer);
/* From any thread; never waits for who takes the lines. */
void log_writer_add(struct log_writer *writer, enum log_kind kind, const struct buffer *line);
void log_writer_stop(struct log_writer *writer); /* returns when all that was added is told */
void log_writer_close(struct log_writer *writer);

#endif
