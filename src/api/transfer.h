/* SPDX-License-Identifier: MIT */
/*
 * What the public send and receive share: a file and a socket on an engine, options, a bill, and
 * the call at the end.
 */
#ifndef SLUICE_API_TRANSFER_H
#define SLUICE_API_TRANSFER_H

#include "api/engine.h"
#include "api/limits.h"
#include "base/buffer.h"
#include "base/meter.h"
#include "base/tally.h"
#include "channel/channel.h"
#include "path/file.h"

struct transfer {
	struct loop *loop;
	struct path_file *file;
	struct loop_watch watch;
	struct loop_task again;
	struct limits limits;
	sluice_line_fn *explain;
	void *explain_argument;
	struct buffer lines;
	sluice_done_fn *done;
	void *argument;
	struct meter meter;
	struct tally tally;
	struct bill bill;
	uint64_t offset, length;
	struct channel channel;
	bool has_watch;
	bool has_card; /* between this socket and its peer */
};

/* Fills a transfer whose watch.ready, again.run and limits.waits_for_peer are set. Errors name what
 * failed. */
int transfer_open(struct transfer *transfer, struct sluice_engine *engine, int socket, int file,
		  bool is_for_writing, uint64_t offset, uint64_t length,
		  const struct sluice_transfer_options *options, sluice_done_fn *done,
		  void *argument, struct sluice_error *error);
/* Hands out the lines of the explanation that there are: at the end of a turn. */
void transfer_explain(struct transfer *transfer);
/* Reads the meter, hands out the explanation, and tells the owner: the last thing to be done,
 * because the owner may free the transfer. */
void transfer_finish(struct transfer *transfer, int result, const char *what);
void transfer_close(struct transfer *transfer);
/* NULL or "auto" is no name. */
const char *transfer_path_name(const struct sluice_transfer_options *options);

/*
 * A blocking transfer: what is to be opened on an engine of its own, run to its end, and closed.
 * open gets the callback and its argument to pass on, and sets opened.
 */
struct transfer_call {
	int (*open)(struct transfer_call *call, struct sluice_engine *engine, sluice_done_fn *done,
		    void *argument, struct sluice_error *error);
	void (*close)(struct transfer_call *call);
	int socket, file;
	uint64_t offset, length;
	const struct sluice_transfer_options *options;
	void *opened;
};

int transfer_run(struct transfer_call *call, struct sluice_bill **bill, struct sluice_error *error);

#endif
