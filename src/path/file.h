/* SPDX-License-Identifier: MIT */
/*
 * An open file that paths move bytes from or to: its descriptors, its identity when it was opened,
 * and what it can do. Reference-counted within one thread, because an operation under
 * way needs the descriptors after its range is gone.
 */
#ifndef SLUICE_PATH_FILE_H
#define SLUICE_PATH_FILE_H

#include "loop/loop.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#ifndef RWF_DONTCACHE /* Linux 6.14; absent from older headers */
#define RWF_DONTCACHE 0x80
#endif

struct path_file {
	unsigned references;
	int fd; /* goes through the page cache */
	bool is_for_writing;
	bool has_disk;              /* below it, not only memory */
	bool may_hang;              /* see host_file_storage */
	bool can_direct;            /* cleared for good when O_DIRECT turns out not to work here */
	bool can_dontcache;         /* likewise, of RWF_DONTCACHE */
	int direct_fd;              /* -1: not opened */
	int write_back_fd;          /* -1: not opened */
	uint32_t align;             /* of O_DIRECT; 0 with !can_direct */
	uint64_t resident_until_ms; /* loop time: all of it was in the page cache just before */
	struct statx status;        /* when it was opened */
	/* When it was looked at last; of a file that does not grow, as in status. */
	uint64_t seen_size;
	struct statx_timestamp seen_mtime;
	bool has_grown; /* since it was opened */
	/* Of one that may hang: where it is closed, by work apart; NULL: by whoever releases it. */
	struct loop *loop;
	struct loop_op closing;
};

/*
 * Takes one reference. With take, fd is the file's own from now on; without, the file works on a
 * copy, because operations may be under way when the caller closes its descriptor. On failure fd
 * stays the caller's.
 */
int path_file_open(struct path_file **file, int fd, bool is_for_writing, bool take);
struct path_file *path_file_share(struct path_file *file);
void path_file_release(struct path_file *file); /* NULL is allowed */

/* Opens direct_fd where it is not open yet. Returns 0 or -EOPNOTSUPP, and then never tries again.
 */
int path_file_need_direct(struct path_file *file);

/*
 * Opens write_back_fd where it is not open yet: 0 or -errno. The kernel reports an error of
 * write-back once to each open file description. Whoever waits for write-back by this one leaves
 * the error for the sync of fd.
 */
int path_file_need_write_back(struct path_file *file);

/*
 * Finds out whether the file can be written with RWF_DONTCACHE, which a file system has for reading
 * and writing or not at all. Returns 0 or -EOPNOTSUPP, and then never tries again.
 */
int path_file_need_dontcache(struct path_file *file);

/*
 * Whether the bytes that the file had when it was opened may be others now; -errno on failure. A
 * file that is longer at each look that finds it written to only grew: what it had is still there.
 * Not told from that is one that was written anew and is longer than before; nor is anything told
 * of what is stored through a mapping into a page that is dirty already.
 */
int path_file_has_changed(struct path_file *file);
/* The same of a status with STATX_SIZE | STATX_MTIME that was asked for just now: 0 or 1. */
int path_file_judge(struct path_file *file, const struct statx *now);

#endif
