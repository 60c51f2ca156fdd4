/* SPDX-License-Identifier: MIT */
/*
 * Passes lines to the program's callbacks from a separate thread, so that no worker waits for a
 * slow disk or a pipe that nobody reads. The queue is bounded: lines that do not fit are dropped,
 * and their number is reported where they are missing.
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

/* Each returns 0 or -errno. Without callbacks no thread is started. */
int log_writer_open(struct log_writer *writer, const struct sluice_server_options *options);
int log_writer_start(struct log_writer *writer);
/* From any thread; never waits for the callbacks. */
void log_writer_add(struct log_writer *writer, enum log_kind kind, const struct buffer *line);
void log_writer_stop(struct log_writer *writer); /* returns when every line has been passed on */
void log_writer_close(struct log_writer *writer);

#endif
