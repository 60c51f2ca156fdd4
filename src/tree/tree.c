/* SPDX-License-Identifier: MIT */
/*
 * A stack of directories, from the path where the walk starts down to the one that is being read.
 * When it grows deeper than TREE_OPEN, the directory that far above is closed and its place
 * remembered; it is found again through ".." when the walk comes back, or by its names from the
 * start where ".." leads elsewhere, as under a symbolic link.
 */
#include "tree/tree.h"

#include "base/buffer.h"
#include "base/cleanup.h"
#include "tree/seen.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

struct level {
	DIR *stream; /* NULL while it is closed */
	long place;  /* where to go on once it is open again */
	dev_t device;
	ino_t inode;
	size_t path_length; /* of the directory's path */
};

struct tree {
	struct tree_options options;
	struct tree_visitor visitor;
	struct seen seen;
	struct level *levels;
	size_t depth, room;
	struct buffer path;
	dev_t start_device;
	uint64_t directory_count;
};

int tree_open(struct tree **tree, const struct tree_options *options,
	      const struct tree_visitor *visitor)
{
	*tree = calloc(1, sizeof(**tree));
	if (!*tree)
		return -ENOMEM;
	(*tree)->options = *options;
	(*tree)->visitor = *visitor;
	return 0;
}

void tree_close(struct tree *tree)
{
	seen_free(&tree->seen);
	free(tree->levels);
	buffer_free(&tree->path);
	free(tree);
}

uint64_t tree_directory_count(const struct tree *tree)
{
	return tree->directory_count;
}

bool tree_is_forgetful(const struct tree *tree)
{
	return tree->seen.is_full;
}

static void cut_path(struct tree *tree, size_t length)
{
	if (tree->path.failed)
		return;
	tree->path.length = length;
	tree->path.data[length] = '\0';
}

static int add_name(struct tree *tree, const char *name)
{
	if (tree->path.length > 0 && tree->path.data[tree->path.length - 1] != '/')
		buffer_text(&tree->path, "/");
	buffer_text(&tree->path, name);
	return tree->path.failed ? -ENOMEM : 0;
}

static int skip(struct tree *tree, enum tree_skip why, int code)
{
	return tree->visitor.skipped(tree->visitor.argument, tree->path.data, why, code);
}

static int flags_for(const struct tree *tree, int flags)
{
	flags |= O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
	return tree->options.follow ? flags : flags | O_NOFOLLOW;
}

static bool is_inside_itself(const struct tree *tree, const struct stat *status)
{
	for (size_t i = 0; i < tree->depth; i++)
		if (tree->levels[i].inode == status->st_ino &&
		    tree->levels[i].device == status->st_dev)
			return true;
	return false;
}

static void close_level(struct level *level)
{
	if (level->stream)
		closedir(level->stream);
	level->stream = NULL;
}

static int push(struct tree *tree, int *fd, const struct stat *status)
{
	struct level *level;

	if (tree->depth == tree->room) {
		size_t room = tree->room ? 2 * tree->room : TREE_OPEN;
		struct level *grown = realloc(tree->levels, room * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		tree->levels = grown;
		tree->room = room;
	}
	level = &tree->levels[tree->depth];
	*level = (struct level){.stream = fdopendir(*fd),
				.device = status->st_dev,
				.inode = status->st_ino,
				.path_length = tree->path.length};
	if (!level->stream)
		return -errno;
	take_fd(fd);
	if (tree->depth >= TREE_OPEN) {
		struct level *far = level - TREE_OPEN;

		/* It may be closed already: the walk was deeper before and came back part of the
		 * way. */
		if (far->stream)
			far->place = telldir(far->stream);
		close_level(far);
	}
	tree->depth++;
	tree->directory_count++;
	return 0;
}

/* A directory that cannot be opened is skipped; only what ends the walk is an error. */
static int enter(struct tree *tree, int directory, const char *name)
{
	_cleanup_fd_ int fd = openat(directory, name, flags_for(tree, O_DIRECTORY));
	struct stat status;
	int result;

	if (fd < 0 || fstat(fd, &status) < 0)
		return skip(tree, errno == ENOENT && tree->depth > 0 ? TREE_VANISHED : TREE_FAILED,
			    errno);
	if (tree->depth == 0)
		tree->start_device = status.st_dev;
	if (tree->options.one_file_system && status.st_dev != tree->start_device)
		return skip(tree, TREE_ELSEWHERE, 0);
	if (is_inside_itself(tree, &status))
		return skip(tree, TREE_LOOP, 0);
	if ((tree->options.follow || tree->options.once) &&
	    seen_before(&tree->seen, status.st_dev, status.st_ino))
		return 0;
	result = push(tree, &fd, &status);
	return result < 0 && result != -ENOMEM ? skip(tree, TREE_FAILED, -result) : result;
}

/* A look is no access; but only a file's owner may say so. */
static int open_file(const struct tree *tree, int directory, const char *name)
{
	int fd = openat(directory, name, flags_for(tree, O_NOATIME));

	return fd < 0 && errno == EPERM ? openat(directory, name, flags_for(tree, 0)) : fd;
}

static int visit(struct tree *tree, int directory, const char *name)
{
	_cleanup_fd_ int fd = open_file(tree, directory, name);
	struct stat status;

	if (fd < 0 || fstat(fd, &status) < 0)
		return skip(tree, errno == ENOENT && tree->depth > 0 ? TREE_VANISHED : TREE_FAILED,
			    errno);
	if (!S_ISREG(status.st_mode))
		return skip(tree, TREE_SPECIAL, 0);
	if (tree->options.one_file_system && tree->depth > 0 && status.st_dev != tree->start_device)
		return skip(tree, TREE_ELSEWHERE, 0);
	if ((tree->options.follow || tree->options.once || status.st_nlink > 1) &&
	    seen_before(&tree->seen, status.st_dev, status.st_ino))
		return 0;
	return tree->visitor.file(tree->visitor.argument, tree->path.data, &fd, &status);
}

static unsigned char type_of(mode_t mode)
{
	return S_ISREG(mode) ? DT_REG : S_ISDIR(mode) ? DT_DIR : S_ISLNK(mode) ? DT_LNK : DT_FIFO;
}

/* Looks before it opens: opening a device may do something, and a FIFO may wait. */
static int meet(struct tree *tree, int directory, const char *name, unsigned char type)
{
	bool was_link = type == DT_LNK;
	struct stat status;

	if (type == DT_UNKNOWN || (type == DT_LNK && tree->options.follow)) {
		int flags = tree->options.follow ? 0 : AT_SYMLINK_NOFOLLOW;

		if (fstatat(directory, name, &status, flags) < 0)
			return skip(tree,
				    errno == ENOENT && tree->depth > 0 && !was_link ? TREE_VANISHED
										    : TREE_FAILED,
				    errno);
		type = type_of(status.st_mode);
	}
	switch (type) {
	case DT_REG:
		return visit(tree, directory, name);
	case DT_DIR:
		return enter(tree, directory, name);
	case DT_LNK:
		return skip(tree, TREE_LINK, 0);
	default:
		return skip(tree, TREE_SPECIAL, 0);
	}
}

static bool is_directory_of(int fd, const struct level *level)
{
	struct stat status;

	return fstat(fd, &status) == 0 && status.st_dev == level->device &&
	       status.st_ino == level->inode;
}

/* By its names, one after the other, from the path where the walk started. */
static int open_from_start(const struct tree *tree, const struct level *level)
{
	size_t at = tree->levels[0].path_length;
	_cleanup_free_ char *path = strndup(tree->path.data, level->path_length);
	_cleanup_free_ char *start = path ? strndup(path, at) : NULL;
	_cleanup_fd_ int fd = -1;

	if (!start)
		return -ENOMEM;
	fd = open(start, flags_for(tree, O_DIRECTORY));
	for (char *rest = path + at, *name; fd >= 0 && (name = strtok_r(NULL, "/", &rest));) {
		int next = openat(fd, name, flags_for(tree, O_DIRECTORY));

		close(fd);
		fd = next;
	}
	return fd < 0 ? -errno : take_fd(&fd);
}

/* `below` is a directory in the level's, still open. */
static int reopen(const struct tree *tree, struct level *level, int below)
{
	_cleanup_fd_ int fd = openat(below, "..", flags_for(tree, O_DIRECTORY));

	if (fd < 0 || !is_directory_of(fd, level)) {
		int again = open_from_start(tree, level);

		if (again < 0)
			return again;
		if (fd >= 0)
			close(fd);
		fd = again;
		if (!is_directory_of(fd, level))
			return -ESTALE;
	}
	level->stream = fdopendir(fd);
	if (!level->stream)
		return -errno;
	take_fd(&fd);
	seekdir(level->stream, level->place);
	return 0;
}

/* Leaves the deepest directory. One above that was moved away meanwhile is not read to its end. */
static int pop(struct tree *tree)
{
	struct level *level = &tree->levels[--tree->depth];
	struct level *above = tree->depth > 0 ? level - 1 : NULL;
	int result = 0;

	if (above && !above->stream) {
		cut_path(tree, level->path_length);
		result = reopen(tree, above, level->stream ? dirfd(level->stream) : -1);
		cut_path(tree, above->path_length);
	}
	close_level(level);
	return result < 0 ? skip(tree, TREE_FAILED, -result) : 0;
}

/* 1: the directory has ended. */
static int read_one(struct tree *tree, struct level *level)
{
	const struct dirent *entry;
	size_t depth = tree->depth;
	int result;

	errno = 0;
	entry = readdir(level->stream);
	if (!entry) {
		result = errno ? skip(tree, TREE_FAILED, errno) : 0;
		return result < 0 ? result : 1;
	}
	if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
		return 0;
	result = add_name(tree, entry->d_name);
	if (result == 0)
		result = meet(tree, dirfd(level->stream), entry->d_name, entry->d_type);
	if (tree->depth == depth)
		cut_path(tree, level->path_length);
	return result;
}

/* The directory that could not be reopened, or read to its end, ends there. */
static int walk_directories(struct tree *tree)
{
	int result = 0;

	while (tree->depth > 0 && result >= 0) {
		struct level *level = &tree->levels[tree->depth - 1];

		cut_path(tree, level->path_length);
		result = level->stream ? read_one(tree, level) : 1;
		if (result == 1)
			result = pop(tree);
	}
	return result;
}

int tree_walk(struct tree *tree, const char *path)
{
	int result;

	tree->path.length = 0;
	buffer_text(&tree->path, path);
	if (tree->path.failed)
		return -ENOMEM;
	result = meet(tree, AT_FDCWD, path, DT_UNKNOWN);
	if (result >= 0)
		result = walk_directories(tree);
	while (tree->depth > 0)
		close_level(&tree->levels[--tree->depth]);
	return result < 0 ? result : 0;
}
