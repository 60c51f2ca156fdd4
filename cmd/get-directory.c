/* SPDX-License-Identifier: MIT */
/* A directory that outlasts a power failure: each that is made is synced where its name is. */
#include "get.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int sync_directory(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), result;

	if (fd < 0)
		return -errno;
	/* EINVAL: this file system does not offer it for directories. */
	result = fsync(fd) < 0 && errno != EINVAL ? -errno : 0;
	close(fd);
	return result;
}

/* path[0..length) is the directory, and what is before its last slash the one that it is in. */
static int make(char *path, size_t length)
{
	char kept = path[length], *slash;
	int result;

	path[length] = '\0';
	result = mkdir(path, 0777) < 0 ? -errno : 0;
	slash = strrchr(path, '/');
	if (result == 0 && slash && slash != path) {
		*slash = '\0';
		result = sync_directory(path);
		*slash = '/';
	} else if (result == 0) {
		result = sync_directory(slash ? "/" : ".");
	}
	path[length] = kept;
	return result == -EEXIST ? 0 : result;
}

static bool is_directory(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

int get_make_directory(const char *directory)
{
	char path[PATH_MAX];
	size_t length = strlen(directory), at = 0;
	int result = 0;

	if (is_directory(directory))
		return EXIT_DONE;
	if (length >= sizeof(path))
		return command_failed("-O %s: %s", directory, strerror(ENAMETOOLONG));
	memcpy(path, directory, length + 1);
	while (result == 0 && at < length) {
		at += strspn(path + at, "/");
		at += strcspn(path + at, "/");
		result = make(path, at);
	}
	if (result == 0 && !is_directory(directory))
		result = -ENOTDIR;
	return result < 0 ? command_failed("cannot create the directory %s: %s", directory,
					   strerror(-result))
			  : EXIT_DONE;
}
