/* SPDX-License-Identifier: MIT */
/* clang-format off */
/*
 * The contract of a path: one way to move bytes between a file and a connection.
 *
 * `step` moves what it can without blocking and returns
 *
 *   > 0          bytes moved; the driver advances the job's offset at once
 *   0            sending: the file ended before its promised size
 *                receiving: the peer closed
 *   -EAGAIN      wait for what job->wait says: readiness, or a call of job->wake
 *   -EOPNOTSUPP  this path cannot work here; nothing was moved, another may be tried
 *   -errno       the transfer is over
 *
 * Memory is taken at open. `close` may come at any time; operations in flight then end on their
 * own. The driver (range/) counts bytes and repeats short transfers.
 */
/* clang-format on */
#ifndef SLUICE_PATH_PATH_H
#define SLUICE_PATH_PATH_H

#include "base/tally.h"
#include "channel/channel.h"
#include "loop/loop.h"
#include "path/appetite.h"
#include "path/file.h"

/* Bytes on their way to the file. Whoever takes them keeps them as they are until release. */
struct path_lent {
	uint64_t offset; /* in the file */
	const char *data;
	size_t length;
	void (*release)(void *argument);
	void *argument;
};

enum path_wait { PATH_WAIT_SOCKET, PATH_WAIT_COMPLETION };

struct path_send_job {
	struct loop *loop;
	struct path_file *file;
	struct tally *tally;       /* for what only the path knows; NULL: not wanted */
	struct appetite *appetite; /* NULL: read as far ahead as helps a fast peer */
	struct channel *channel;
	uint64_t offset; /* of the next byte to send */
	uint64_t limit;  /* bytes below it may be sent in this step; > offset */
	uint64_t ahead;  /* bytes below it may be read; >= limit, only grows */
	bool drops;      /* drop pages from the page cache after reading them */
	void (*wake)(struct path_send_job *job);
	enum path_wait wait;
	void *state; /* the path's own */
};

/*
 * Copies by construction: how often the CPU copies each byte on this end, and how often the disk
 * moves it by DMA. The card's part belongs to the connection, not to the path.
 */
struct path_send {
	const char *name;
	const char *summary; /* its copies and mode switches */
	const char *needs; /* behind "it needs": what a machine or a file may lack; NULL: nothing */
	bool needs_direct;
	bool needs_files, needs_references; /* a channel that takes them */
	bool uses_cache;                    /* the disk moves what is not in the page cache, once */
	unsigned cpu_copies, disk_moves;    /* besides what the path itself adds to job->tally */
	int (*open)(struct path_send_job *job);      /* NULL: nothing to do */
	void (*prefetch)(struct path_send_job *job); /* job->ahead grew; NULL: nothing to do */
	int64_t (*step)(struct path_send_job *job);
	void (*close)(struct path_send_job *job); /* NULL: nothing to do */
};

struct path_recv_job {
	struct loop *loop;
	struct path_file *file; /* NULL for paths that keep nothing */
	struct channel *channel;
	uint64_t offset;     /* of the next byte to receive */
	uint64_t limit;      /* bytes below it are expected; UINT64_MAX: until the peer closes */
	bool paces;          /* what goes through the page cache is written back block by block */
	bool drops;          /* with paces: and leaves it */
	bool makes_holes;    /* where zeros come, as far as the file system can */
	uint64_t hole_bytes; /* that were not written: the driver takes it down */
	/*
	 * Where the kernel refuses the path's own way of writing in the middle of it: goes on
	 * through the page cache, paced, and says so by has_fallen_back. Else that is an
	 * error.
	 */
	bool may_fall_back, has_fallen_back;
	unsigned cpu_copies;    /* the path's, of what step receives; open may know better */
	uint64_t refused_at;    /* the lowest offset that was */
	uint64_t refused_bytes; /* of those taken before it fell back: the driver takes it down */
	void (*wake)(struct path_recv_job *job);
	/*
	 * NULL: nobody wants them. A path that has the bytes in memory lends each of them once, in
	 * order, when it starts to write them. False: they are not taken.
	 */
	bool (*lend)(struct path_recv_job *job, const struct path_lent *lent);
	enum path_wait wait;
	void *state;
};

struct path_recv {
	const char *name;
	const char *summary;
	const char *needs;
	bool needs_file, needs_direct;
	bool writes_later; /* the disk has the bytes when they are synced, and maybe not before */
	unsigned cpu_copies, push_copies, disk_moves; /* push: from the socket to the disk */
	int (*open)(struct path_recv_job *job);
	int64_t (*step)(struct path_recv_job *job);
	/* Like step, for bytes that are in memory already; never takes more than the limit allows.
	 */
	int64_t (*push)(struct path_recv_job *job, const void *data, size_t length);
	/* Writes what is still held: 0 when all is written, -EAGAIN (wait for wake), -errno. */
	int (*finish)(struct path_recv_job *job);
	/* Every byte below it is written. */
	uint64_t (*settled)(const struct path_recv_job *job);
	void (*close)(struct path_recv_job *job);
};

extern const struct path_send path_send_readwrite, path_send_mmap, path_send_sendfile,
	path_send_splice, path_send_zerocopy, path_send_direct;
extern const struct path_recv path_recv_readwrite, path_recv_splice, path_recv_dontcache,
	path_recv_direct, path_recv_discard;

/* Used instead of readwrite and direct on file systems that may hang. */
extern const struct path_send path_send_apart, path_send_apart_direct;

/* All of them, ended by NULL. */
extern const struct path_send *const path_sends[];
extern const struct path_recv *const path_recvs[];

/* For tests, before a thread looks for paths: one more to be found by its name; NULL: none. */
void path_add(const struct path_send *send, const struct path_recv *recv);

/* NULL: no such path. */
const struct path_send *path_send_find(const char *name);
const struct path_recv *path_recv_find(const char *name);

#endif
