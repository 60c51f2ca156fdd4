/* SPDX-License-Identifier: MIT */
/* A machine laid out in a temporary directory, as its /proc and /sys would tell of it. */
#ifndef SLUICE_TESTS_HOST_TREE_H
#define SLUICE_TESTS_HOST_TREE_H

#include <fcntl.h>
#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct tree_file {
	const char *path; /* "proc/meminfo" */
	const char *text; /* "-> TARGET" makes a symbolic link, NULL a directory */
};

static inline void tree_make_directories(int root, const char *path)
{
	char directory[512];

	for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		snprintf(directory, sizeof(directory), "%.*s", (int)(slash - path), path);
		mkdirat(root, directory, 0755);
	}
}

static inline bool tree_add(int root, const struct tree_file *file)
{
	int fd;
	bool is_written;

	tree_make_directories(root, file->path);
	if (!file->text)
		return mkdirat(root, file->path, 0755) == 0;
	if (strncmp(file->text, "-> ", 3) == 0)
		return symlinkat(file->text + 3, root, file->path) == 0;
	fd = openat(root, file->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	is_written = write(fd, file->text, strlen(file->text)) == (ssize_t)strlen(file->text);
	close(fd);
	return is_written;
}

#define TREE_NAME 32

/* Opens a new directory with these files, the list ended by a NULL path; -1 where that failed. */
static inline int tree_open(char name[TREE_NAME], const struct tree_file *files)
{
	int root;

	strcpy(name, "/tmp/sluice-host-XXXXXX");
	if (!mkdtemp(name))
		return -1;
	root = open(name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	for (; root >= 0 && files->path; files++)
		if (!tree_add(root, files))
			return -1;
	return root;
}

static inline int tree_remove_one(const char *path, const struct stat *status, int kind,
				  struct FTW *place)
{
	(void)status;
	(void)kind;
	(void)place;
	return remove(path);
}

static inline void tree_close(int root, const char *name)
{
	close(root);
	nftw(name, tree_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

#endif
