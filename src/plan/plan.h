/* SPDX-License-Identifier: MIT */
/*
 * The plan: facts in, path and reason out. Pure, so that a table can test it.
 */
#ifndef SLUICE_PLAN_PLAN_H
#define SLUICE_PLAN_PLAN_H

#include "cache/residency.h"
#include "path/path.h"

/* The piece of a file that one decision covers. cachestat(2) on it costs about 0.3 us. */
#define PLAN_WINDOW ((uint64_t)4 << 20)

/*
 * Where a window is resident in part, its pieces are looked at one by one: background reclaim
 * leaves holes of a few pages in hot files, and reading whole windows from the disk for them costs
 * more.
 */
#define PLAN_PIECE ((uint64_t)256 << 10)

/*
 * From this length on a resident range goes by splice instead of sendfile: through a pipe of 1 MiB
 * the socket gets sixteen times as many pages at once as through the one inside sendfile. Both ends
 * together: a quarter more rate and a quarter less CPU time at 2 GiB, 7 % and 5 % at 64 MiB,
 * nothing at 1 MiB, where the pipe has to be made (bench/plan --states warm --sinks discard).
 */
#define PLAN_SPLICE PLAN_WINDOW

/*
 * A file up to this size is small: when cold it is read through the page cache, because one read
 * brings all of it and the next request then finds it there. All paths cost the same at 64 KiB; at
 * 256 KiB direct has a quarter more rate at a third less CPU time, at 1 MiB two thirds more at
 * little more than half (bench/plan --states cold --sinks discard).
 */
#define PLAN_SMALL_SEND ((uint64_t)64 << 10)

/* So little is received through the page cache: the sync takes longer than all the rest. */
#define PLAN_SMALL_RECV ((uint64_t)1 << 20)

struct plan_send_facts {
	const struct path_send *forced; /* NULL: none */
	uint64_t file_size;
	uint64_t length;        /* of the window */
	enum cache_state state; /* of the window */
	bool is_dirty;          /* the window holds dirty pages */
	bool is_admitted;       /* requested again recently, and small enough to cache */
	bool can_direct, can_sendfile, can_splice;
	bool takes_files;      /* the channel does: without, neither sendfile nor splice */
	bool lacks_descriptor; /* why not direct, where the file could */
};

struct plan_send {
	const struct path_send *path;
	const char *reason;
	bool drops; /* the pages that it brings into the cache are to be taken out again */
};

struct plan_send plan_send(const struct plan_send_facts *facts);

struct plan_recv_facts {
	const struct path_recv *forced; /* NULL: none */
	uint64_t offset, length;        /* length UINT64_MAX: not known */
	bool can_direct, can_dontcache;
	uint32_t align; /* of O_DIRECT, with can_direct */
	bool keep_cached;
	bool lacks_descriptor; /* as above */
};

struct plan_recv {
	const struct path_recv *path;
	const char *reason;
};

struct plan_recv plan_recv(const struct plan_recv_facts *facts);

/*
 * The congestion control for a connection: NULL leaves the system's choice alone. On a connection
 * that stays on this machine a control that paces (bbr) makes the same sendfile four times slower,
 * at sixteen times the CPU time; between machines it may be just what the operator wants.
 */
struct plan_congestion_facts {
	bool is_local;
	const char *system; /* what the connection has now */
};

/* Names to try in turn until the system accepts one, ended by NULL. */
const char *const *plan_congestion(const struct plan_congestion_facts *facts);

#endif
