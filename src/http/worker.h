/* SPDX-License-Identifier: MIT */
/*
 * A worker: one thread, one loop, its own listening socket, its connections. A connection: requests
 * in, answers out, one at a time, in order.
 */
#ifndef SLUICE_HTTP_WORKER_H
#define SLUICE_HTTP_WORKER_H

#include "channel/tls.h"
#include "host/socket.h"
#include "http/admission.h"
#include "http/digests.h"
#include "http/log-writer.h"
#include "http/response.h"
#include "http/served.h"
#include "http/tokens.h"

#include <pthread.h>
#include <sys/socket.h>

struct connection;
struct lookup;
struct worker;

/* What was said of the served directory last, so that one worker says it for all; atomic. */
struct served_news {
	uint64_t inode; /* of the one that it leads to */
	int code;       /* why it leads nowhere, or 0 */
};

/* What all workers share; constant while they run. */
struct server_settings {
	const struct channel_kind *channel_kind; /* of new connections, */
	struct tls_server *tls;                  /* unless they are under this */
	struct tokens *tokens;                   /* NULL: anybody may come */
	const struct path_send *path;            /* NULL: the plan chooses */
	bool may_be_paced;                       /* look at each connection whether to unpace it */
	char congestion[HOST_CONGESTION_SIZE];   /* what new connections have */
	struct served_name served;
	struct served_news *news; /* shared, and changes */
	struct http_extra extra;
	enum resolve_links links; /* that are followed */
	struct media_types types;
	const struct worker *workers; /* all of them, for their turns */
	unsigned worker_count;
	struct admission *admission;         /* shared, and changes, as the log does, */
	struct listings *listings;           /* and these, */
	struct digests *digests;             /* and these */
	unsigned connections_max, files_max; /* per worker */
	bool explains;
	struct log_writer *log;
};

struct worker {
	const struct server_settings *settings;
	struct loop *loop;
	pthread_t thread;
	int listening;
	struct loop_watch watch;
	struct loop_task accept_again;
	struct connection *newest, *oldest; /* all of them */
	unsigned connection_count;
	bool is_full, is_stopping;
	uint64_t small_ms;     /* when a small answer was sent last */
	uint64_t sent_turn;    /* of the loop */
	struct loop_task sent; /* does nothing; behind it are those who sent in that turn */
	uint64_t sent_bytes;   /* in that turn, of bodies that did not fit into one */
	bool must_stop;        /* set by another thread, atomically */
	uint64_t stop_deadline_ms;
	struct served_root *root;
	uint64_t looked_ms; /* when the root was looked at last */
	bool is_looking;    /* a lookup does */
	struct file_cache files;
	struct digester digester;
	struct lookup *apart; /* those that run apart */
	struct loop_timer accept_later;
	struct loop_timer sweep; /* set while there are files in the cache */
	struct tally tally;
	uint64_t turns; /* of connections; atomic, because other workers read it */
	int result;
};

/* Takes listening, and a reference to root. */
int worker_open(struct worker *worker, const struct server_settings *settings,
		struct served_root *root, int listening, struct sluice_error *error);
void *worker_run(void *worker);          /* the thread's function */
void worker_stop(struct worker *worker); /* from any thread or a signal handler */
void worker_close(struct worker *worker);

/* Used by the two halves. */
int connection_open(struct worker *worker, int fd,
		    const struct sockaddr_storage *peer); /* takes fd */
void connection_stop(struct connection *connection); /* close it if idle, else after this answer */
void connection_abort(struct connection *connection, const char *why);
bool connection_is_idle(const struct connection *connection);
/* Where it is idle and has nothing to read: whether it is gone. Else it will be driven. */
bool connection_close_idle(struct connection *connection);
/* Closes what nobody uses now, for want of descriptors. Whether there was anything. */
bool worker_make_room(struct worker *worker);
void worker_expect_sweep(struct worker *worker); /* a file was put into the cache */
/*
 * Whether a lookup has to find out, because it may wait, whether the served directory is another
 * one by now; asked for every request, and true once a second at most.
 */
bool worker_must_look_anew(struct worker *worker);
/* What it found: takes moved, which is NULL where it is the same one. */
void worker_looked_anew(struct worker *worker, struct served_root *moved, int result);
struct connection *connection_newer(const struct connection *connection);

#endif
