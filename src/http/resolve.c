/* SPDX-License-Identifier: MIT */
/*
 * openat2(2) with RESOLVE_BENEATH keeps every lookup inside the directory, symbolic links and
 * racing renames included; only where all links are to be followed may one lead elsewhere. Nothing
 * but regular files and directories is ever opened for reading: a look at a descriptor that only
 * names the file (O_PATH) comes first, because opening a FIFO or a device has effects. Where
 * openat2 is refused (an old sandbox), names are walked one by one and symbolic links are not
 * followed at all.
 */
#include "http/resolve.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "base/sys.h"
#include "http/content-type.h"
#include "http/listing.h"
#include "plan/plan.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ENTRY_OVERHEAD 24 /* of an allocated name, about */

#ifndef RESOLVE_CACHED
#define RESOLVE_CACHED 0x20 /* Linux 5.12 */
#endif

/* Opens path (no "..", by http_target_path) name by name. */
static int walk(int directory, const char *path, int flags)
{
	_cleanup_fd_ int at = sys_duplicate(directory);
	char name[256];

	while (at >= 0) {
		size_t length = strcspn(path, "/");
		const char *rest = path + length + strspn(path + length, "/");
		bool is_last = *rest == '\0';
		int next;

		if (length >= sizeof(name))
			return -ENAMETOOLONG;
		snprintf(name, sizeof(name), "%.*s", (int)length, path);
		next = sys_open(at, length ? name : ".",
				(is_last ? flags : O_PATH) | O_NOFOLLOW |
					(path[length] == '/' ? O_DIRECTORY : 0),
				0);
		if (next < 0)
			return next == -ELOOP ? -EXDEV : next;
		cleanup_fd(&at);
		at = next;
		path = rest;
		if (is_last)
			return take_fd(&at);
	}
	return at;
}

/* By enum resolve_links. A path has no "..", and no "/" first: only a link can lead out. */
static const struct {
	const char *name;
	uint64_t resolve;
} link_rules[] = {
	[RESOLVE_LINKS_INSIDE] = {"inside", RESOLVE_BENEATH},
	[RESOLVE_LINKS_ALL] = {"all", 0},
	[RESOLVE_LINKS_NONE] = {"none", RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS},
};

int resolve_links_find(const char *name, enum resolve_links *links)
{
	*links = RESOLVE_LINKS_INSIDE;
	for (size_t i = 0; name && i < sizeof(link_rules) / sizeof(*link_rules); i++)
		if (strcmp(link_rules[i].name, name) == 0) {
			*links = (enum resolve_links)i;
			return 0;
		}
	return name ? -EINVAL : 0;
}

/* How far an attempt may go. */
enum reach { IN_MEMORY, ON_FILE_SYSTEM, ANYWHERE };

static const struct served_root *root_of(const struct resolve *resolve)
{
	return resolve->moved ? resolve->moved : resolve->root;
}

/* /proc/PID/fd/N is never followed: it would give out what the server itself has open. */
static int open_in(const struct resolve *resolve, const char *path, int flags, enum reach reach)
{
	static const uint64_t limits[] = {
		[IN_MEMORY] = RESOLVE_CACHED | RESOLVE_NO_XDEV,
		[ON_FILE_SYSTEM] = RESOLVE_NO_XDEV,
		[ANYWHERE] = 0,
	};
	struct open_how how = {
		.flags = (uint64_t)(flags | O_CLOEXEC),
		.resolve =
			link_rules[resolve->links].resolve | RESOLVE_NO_MAGICLINKS | limits[reach],
	};
	int root = root_of(resolve)->fd;
	int fd = sys_openat2(root, *path ? path : ".", &how);

	if (reach == IN_MEMORY || (fd != -ENOSYS && fd != -EPERM))
		return fd;
	return walk(root, path, flags);
}

static void answer(struct resolve *resolve, unsigned status, const char *why)
{
	resolve->status = status;
	snprintf(resolve->why, sizeof(resolve->why), "%s", why);
}

static void answer_error(struct resolve *resolve, int code)
{
	char words[ERROR_WORDS];

	switch (code) {
	case ENOENT:
	case ENOTDIR:
	case ENAMETOOLONG:
		answer(resolve, 404, "");
		break;
	case EXDEV:
		answer(resolve, 403, "leads out of the served directory");
		break;
	case ELOOP:
		answer(resolve, 403,
		       resolve->links == RESOLVE_LINKS_NONE ? "a symbolic link"
							    : "a loop of symbolic links");
		break;
	case EACCES:
	case EPERM:
	case ENXIO:
		answer(resolve, 403, error_words(code, words));
		break;
	case EMFILE:
	case ENFILE:
		resolve->lacks_descriptors = true;
		answer(resolve, 503, error_words(code, words));
		break;
	case EAGAIN: /* it is replaced all the time, or leased (fcntl(2), F_SETLEASE) */
	case ENOMEM:
		answer(resolve, 503, error_words(code, words));
		break;
	default:
		answer(resolve, 500, error_words(code, words));
	}
}

bool resolve_is_directory(const char *path)
{
	size_t length = strlen(path);

	return length == 0 || path[length - 1] == '/';
}

/* The kind of file a path names, S_IFREG and so on, or -errno. Has no effect on the file. */
static int look(const struct resolve *resolve, const char *path, enum reach reach,
		struct statx *status)
{
	_cleanup_fd_ int fd = open_in(resolve, path, O_PATH, reach);
	int result;

	if (fd < 0)
		return fd;
	result = sys_statx(fd, STATX_TYPE | STATX_INO | STATX_SIZE | STATX_MTIME, status);
	return result < 0 ? result : (int)(status->stx_mode & S_IFMT);
}

/* Returns a descriptor of a regular file, or -errno; -EISDIR for a directory. */
static int try_open(const struct resolve *resolve, const char *path, enum reach reach)
{
	struct statx before, after;
	int type = look(resolve, path, reach, &before);
	int fd;

	if (type < 0)
		return type;
	if (type != S_IFREG)
		return type == S_IFDIR ? -EISDIR : -ENXIO;
	fd = open_in(resolve, path, O_RDONLY | O_NOCTTY | O_NONBLOCK, reach);
	if (fd < 0)
		return fd;
	if (sys_statx(fd, STATX_TYPE | STATX_INO, &after) < 0 || after.stx_ino != before.stx_ino ||
	    !S_ISREG(after.stx_mode)) {
		sys_close(fd);
		return -EAGAIN; /* replaced between the two looks */
	}
	/* It kept a FIFO from blocking us; on a file it changes how some kernels read. */
	sys_flags_set(fd, 0);
	return fd;
}

/* A name that is replaced between two looks, again and again, is there all the time. */
static int open_regular(const struct resolve *resolve, const char *path, enum reach reach)
{
	int fd = -EAGAIN;

	for (int tries = 0; fd == -EAGAIN && tries < (reach == IN_MEMORY ? 1 : 100); tries++)
		fd = try_open(resolve, path, reach);
	return fd;
}

/* The names of a listing while they are read. */
struct reading {
	struct listing_making making;
	struct http_entry *entries;
	size_t count, capacity;
	size_t bytes; /* that they take up */
};

static void free_entries(struct reading *reading)
{
	for (size_t i = 0; i < reading->count; i++)
		free(reading->entries[i].name);
	free(reading->entries);
}

static enum reach widest(const struct resolve *resolve)
{
	return resolve->may_cross ? ANYWHERE : ON_FILE_SYSTEM;
}

/*
 * The same as look, of a name in a directory. What is mounted there is not asked, because it may
 * not answer; only a link that leads there is followed, where that is allowed.
 */
static int look_at_entry(struct resolve *resolve, int directory, const char *name,
			 struct statx *status)
{
	char path[RESOLVE_PATH_MAX + 256];
	int type, result;

	snprintf(path, sizeof(path), "%s%s", resolve->path, name);
	type = look(resolve, path, ON_FILE_SYSTEM, status);
	if (type != -EXDEV)
		return type;
	result = sys_statx_known(directory, name, STATX_TYPE | STATX_SIZE | STATX_MTIME, status);
	if (result < 0)
		return result;
	if (!S_ISLNK(status->stx_mode))
		return status->stx_mode & S_IFMT;
	resolve->crosses = !resolve->may_cross;
	return resolve->may_cross ? look(resolve, path, ANYWHERE, status) : -EXDEV;
}

static int keep_entry(struct reading *reading, const struct http_entry *entry)
{
	struct http_entry *grown = reading->entries;
	int result;

	reading->bytes += sizeof(*entry) + strlen(entry->name) + ENTRY_OVERHEAD;
	result = listing_need(&reading->making, reading->bytes);
	if (result < 0)
		return result;
	if (reading->count == reading->capacity) {
		reading->capacity = reading->capacity ? reading->capacity * 2 : 64;
		grown = realloc(reading->entries, reading->capacity * sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		reading->entries = grown;
	}
	grown[reading->count] = *entry;
	grown[reading->count].name = strdup(entry->name);
	return grown[reading->count++].name ? 0 : -ENOMEM;
}

/* Adds one name to the listing, where it is something that could be asked for. 0 or -errno. */
static int add_entry(struct resolve *resolve, int directory, char *name, struct reading *reading)
{
	struct statx status;
	int type = look_at_entry(resolve, directory, name, &status);

	__atomic_store_n(&resolve->progress, resolve->progress + 1, __ATOMIC_RELAXED);
	/* A list that lacks names looks like a whole one. */
	if (type == -EMFILE || type == -ENFILE || type == -ENOMEM || resolve->crosses)
		return type;
	if (type != S_IFREG && type != S_IFDIR)
		return 0;
	return keep_entry(reading, &(struct http_entry){
					   .name = name,
					   .is_directory = type == S_IFDIR,
					   .size = status.stx_size,
					   .modified = status.stx_mtime.tv_sec,
				   });
}

/* A directory that is large itself has many names: nothing is read in vain while others wait. */
static int expect_large(struct reading *reading, int fd)
{
	struct statx status;

	if (sys_statx(fd, STATX_SIZE, &status) < 0 || status.stx_size <= LISTING_SMALL)
		return 0;
	return listing_need(&reading->making, LISTING_SMALL + 1);
}

static int read_entries(struct resolve *resolve, struct reading *reading)
{
	struct dirent *entry;
	int fd = open_in(resolve, resolve->path, O_RDONLY | O_DIRECTORY, widest(resolve));
	DIR *directory;
	int result;

	if (fd < 0)
		return fd;
	directory = fdopendir(fd);
	if (!directory) {
		sys_close(fd);
		return -ENOMEM;
	}
	result = expect_large(reading, fd);
	while (result == 0 && (errno = 0, entry = readdir(directory)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			result = add_entry(resolve, fd, entry->d_name, reading);
	if (result == 0)
		result = -errno;
	closedir(directory);
	return result;
}

static int make_listing(struct resolve *resolve, struct reading *reading)
{
	http_listing_sort(reading->entries, reading->count);
	return listing_make(&reading->making, root_of(resolve),
			    &(struct http_listing){
				    .path = resolve->path,
				    .entries = reading->entries,
				    .count = reading->count,
				    .is_json = resolve->wants_json,
			    },
			    &resolve->listing);
}

static void answer_listing(struct resolve *resolve)
{
	resolve->type = resolve->wants_json ? "application/json" : "text/html; charset=utf-8";
	answer(resolve, 200, "");
}

static void refuse_listing(struct resolve *resolve, bool is_busy)
{
	resolve->must_wait = is_busy;
	answer(resolve, 503, is_busy ? RESOLVE_BUSY : "listings use all the memory they may");
}

static void list(struct resolve *resolve)
{
	struct reading reading = {0};
	int result;

	listing_begin(&reading.making, resolve->listings, resolve->may_cross);
	result = read_entries(resolve, &reading);
	if (result == 0)
		result = make_listing(resolve, &reading);
	free_entries(&reading);
	listing_end(&reading.making);
	if (result == 0)
		answer_listing(resolve);
	else if (result == -EXDEV && !resolve->may_cross)
		resolve->crosses = true;
	else if (result == -EBUSY || result == -ENOBUFS)
		refuse_listing(resolve, result == -EBUSY);
	else
		answer_error(resolve, -result);
}

bool resolve_shared(struct resolve *resolve)
{
	resolve->listing = listings_find(resolve->listings, resolve->root, resolve->path,
					 resolve->wants_json, resolve->asked);
	if (resolve->listing)
		answer_listing(resolve);
	return resolve->listing;
}

/* Takes fd. What waits for a file system that may not answer is done here, on the helper thread. */
static void take_file(struct resolve *resolve, int fd, const char *path)
{
	int result = path_file_open(&resolve->file, fd, false, true);

	if (result < 0) {
		sys_close(fd);
		answer_error(resolve, -result);
		return;
	}
	if (resolve->file->may_hang && resolve->file->status.stx_size > PLAN_SMALL_SEND)
		(void)path_file_need_direct(resolve->file);
	resolve->type = http_content_type(resolve->types, path);
	answer(resolve, 200, "");
}

/* Returns whether the answer is known. */
static bool find(struct resolve *resolve, enum reach reach)
{
	bool is_directory = resolve_is_directory(resolve->path);
	char path[RESOLVE_PATH_MAX + 16];
	int fd;

	resolve->lacks_descriptors = resolve->crosses = resolve->must_wait = false;
	snprintf(path, sizeof(path), "%s%s", resolve->path, is_directory ? "index.html" : "");
	fd = open_regular(resolve, path, reach);
	if (fd == -EXDEV && reach != ANYWHERE) {
		resolve->crosses = true;
		return false;
	}
	/* EINVAL: the kernel does not know RESOLVE_CACHED yet. */
	if (reach == IN_MEMORY && fd < 0 && fd != -EISDIR && fd != -ENXIO)
		return false;
	if (is_directory && (fd == -ENOENT || fd == -EISDIR)) {
		if (reach == IN_MEMORY)
			return false;
		list(resolve);
	} else if (fd == -EISDIR) {
		answer(resolve, 301, "");
	} else if (fd == -ENXIO) {
		answer(resolve, 403, "not a regular file");
	} else if (fd < 0) {
		answer_error(resolve, -fd);
	} else {
		take_file(resolve, fd, path);
	}
	return true;
}

void resolve_refuse(struct resolve *resolve, const char *why)
{
	answer(resolve, 503, why);
}

void resolve_close(struct resolve *resolve)
{
	path_file_release(resolve->file);
	resolve->file = NULL;
	listing_release(resolve->listing);
	resolve->listing = NULL;
}

bool resolve_cached(struct resolve *resolve)
{
	return find(resolve, IN_MEMORY);
}

/* While the name leads nowhere, as between a rename and the next, the root stays what it is. */
static void look_anew(struct resolve *resolve)
{
	struct served_root *root;

	resolve->anew_result = served_root_open(resolve->anew, &root);
	if (resolve->anew_result < 0)
		return;
	if (served_is_same(root, resolve->root))
		served_root_release(root);
	else
		resolve->moved = root;
}

int64_t resolve_blocking(void *argument)
{
	struct resolve *resolve = argument;

	if (resolve->anew)
		look_anew(resolve);
	find(argument, widest(argument));
	return 0;
}
