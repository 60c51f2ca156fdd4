/* SPDX-License-Identifier: MIT */
/*
 * Small files, which come whole, in memory. A helper thread takes as many as are there: it writes
 * them to files without a name, syncs all in one go, gives them their names, and syncs those in one
 * go. So a thousand files cost two waits for the disk, and a crash leaves whole files only, and
 * nothing that has to be cleaned up.
 *
 * Where there is little else to be written, one syncfs(2) takes all; else it would wait for what
 * other programs have written, and each file is synced by itself.
 *
 * A batch replaces nothing: where a file of the name exists, or the file system has no files
 * without names, or anything fails, the owner hears of it and lands the file as others do, which
 * says what is wrong.
 */
#ifndef SLUICE_LANDING_BATCH_H
#define SLUICE_LANDING_BATCH_H

#include "loop/loop.h"

struct batch;

struct batch_directory {
	int fd;
	bool is_checked; /* the owners' of files: it may be written to */
	/* private */
	bool is_dirty; /* has a new name */
	unsigned users;
	char path[];
};

/* From malloc(3), all zero but for this: */
struct batch_file {
	void (*done)(void *owner,
		     int result); /* in loop_run; 0: it is on the disk, and has its name */
	void *owner;              /* NULL: nobody wants to know, from then on */
	struct batch_directory *directory;
	char name[256];
	char *data; /* the batch's from batch_add on, which frees it */
	size_t length;
	/* Before it gets its name, on the helper thread, for what lies beside its bytes. */
	void (*stamp)(void *argument, int fd);
	void *stamp_argument; /* the batch's, too */
	bool no_sync, keep_cached;
	/* private */
	struct batch_file *next;
	int fd, result;
};

/* NULL without memory. */
struct batch *batch_open(struct loop *loop);
/* What is under way ends by itself, and is not told. NULL is allowed. */
void batch_close(struct batch *batch);

/* Of files; may wait for a disk. 0 or -errno. */
int batch_directory_open(struct batch *batch, const char *path, struct batch_directory **directory);
/* For who has one, and adds no file to it. */
void batch_directory_close(struct batch_directory *directory);

/* False: it cannot be done here, as far as is known. */
bool batch_can(const struct batch *batch);
/* Whether so much waits in it that whoever brings more had better wait, too. */
bool batch_is_full(const struct batch *batch);
/* The file is the batch's from now on, and freed behind done. */
void batch_add(struct batch *batch, struct batch_file *file);

#endif
