/* SPDX-License-Identifier: MIT */
/*
 * Walks files and directories as du(1) does: depth first, in the order in which the directories
 * list them.
 *
 * Invariants: memory grows with the depth of a tree and never with the number of its files (but
 * for the names of files that have several, see seen.h); at most TREE_OPEN directories are open;
 * names are resolved one at a time from the directory above, so no path is too long; nothing that
 * is not a regular file or a directory is ever opened.
 */
#ifndef SLUICE_TREE_TREE_H
#define SLUICE_TREE_TREE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

enum { TREE_OPEN = 32 };

enum tree_skip {
	TREE_FAILED,   /* code says why */
	TREE_VANISHED, /* between the listing of its directory and now */
	TREE_SPECIAL,  /* a FIFO, a socket, a device */
	TREE_LINK,     /* a symbolic link, which is not followed */
	TREE_LOOP,     /* a directory that is inside itself */
	TREE_ELSEWHERE /* on another file system */
};

/* A result < 0 of any of these ends the walk and is returned. Paths last as long as the call. */
struct tree_visitor {
	/* A regular file, open for reading; the visitor may take the descriptor (take_fd). */
	int (*file)(void *argument, const char *path, int *fd, const struct stat *status);
	int (*skipped)(void *argument, const char *path, enum tree_skip skip, int code);
	void *argument;
};

struct tree_options {
	bool follow;          /* symbolic links */
	bool one_file_system; /* that of the path which the walk starts at */
	bool once;            /* look at no file twice, also if it has one name only */
};

struct tree;

int tree_open(struct tree **tree, const struct tree_options *options,
	      const struct tree_visitor *visitor);
/* Any number of times; a file that was visited under another name or path is not again. */
int tree_walk(struct tree *tree, const char *path);
uint64_t tree_directory_count(const struct tree *tree);
/* There were too many files with several names: some may have been visited more than once. */
bool tree_is_forgetful(const struct tree *tree);
void tree_close(struct tree *tree);

#endif
