/* SPDX-License-Identifier: MIT */
#include "measure/material.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "base/size.h"
#include "base/sys.h"
#include "cache/residency.h"
#include "host/file.h"
#include "host/memory.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/statvfs.h>
#include <time.h>

enum {
	ATTEMPTS = 20, /* meanwhile some of it may be reclaimed, or held on to */
	PAUSE_MS = 50,
	BLOCK = 1 << 20,
};

/* Where there is no O_TMPFILE the name lives for a moment, in which no signal comes. */
static int open_and_unlink(const char *directory)
{
	char name[PATH_MAX];
	sigset_t all, before;
	int fd;

	if (snprintf(name, sizeof(name), "%s/.sluice-XXXXXX", directory) >= (int)sizeof(name))
		return -ENAMETOOLONG;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	fd = mkostemp(name, O_CLOEXEC);
	if (fd < 0)
		fd = -errno;
	else
		unlink(name);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return fd;
}

int measure_scratch_open(const char *directory, struct sluice_error *error)
{
	int fd = sys_open(AT_FDCWD, directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd == -EOPNOTSUPP || fd == -EISDIR || fd == -EINVAL)
		fd = open_and_unlink(directory);
	return fd < 0 ? error_set_errno(error, -fd, "a file in %s", directory) : fd;
}

/* splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014). */
uint64_t measure_random(uint64_t *seed)
{
	uint64_t value = *seed += 0x9e3779b97f4a7c15;

	value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9;
	value = (value ^ value >> 27) * 0x94d049bb133111eb;
	return value ^ value >> 31;
}

int measure_fill_random(int fd, uint64_t size, struct sluice_error *error)
{
	_cleanup_free_ uint64_t *block = malloc(BLOCK);
	uint64_t state;
	int result = block && getrandom(&state, sizeof(state), 0) == sizeof(state) ? 0 : -ENOMEM;

	for (uint64_t offset = 0; result == 0 && offset < size; offset += BLOCK) {
		for (size_t i = 0; i < BLOCK / sizeof(*block); i++)
			block[i] = measure_random(&state);
		result = sys_pwrite_all(fd, block, size_min(size - offset, BLOCK), offset);
	}
	if (result == 0)
		result = sys_fsync(fd);
	return result < 0 ? error_set_errno(error, -result, "writing %llu random bytes",
					    (unsigned long long)size)
			  : 0;
}

static void pause_a_little(void)
{
	nanosleep(&(struct timespec){.tv_nsec = PAUSE_MS * 1000000L}, NULL);
}

static double resident_share(int fd, uint64_t size)
{
	struct cache_residency residency = cache_residency(fd, 0, size);

	if (!residency.has_bytes)
		return residency.state == CACHE_RESIDENT ? 1
		       : residency.state == CACHE_COLD   ? 0
							 : 0.5;
	return (double)residency.resident_bytes / (double)size_round_up(size, 4096);
}

static int read_all(int fd, uint64_t size)
{
	_cleanup_free_ char *block = malloc(BLOCK);
	int64_t count = block ? 1 : -ENOMEM;

	for (uint64_t offset = 0; offset < size && count > 0; offset += (uint64_t)count) {
		do
			count = sys_pread(fd, block, BLOCK, offset);
		while (count == -EINTR);
	}
	return count < 0 ? (int)count : count == 0 ? -ENODATA : 0;
}

int measure_warm(int fd, uint64_t size, struct sluice_error *error)
{
	double share = 0;

	for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
		int result;

		share = resident_share(fd, size);
		if (share >= 0.999)
			return 0;
		result = read_all(fd, size);
		if (result < 0)
			return error_set_errno(error, -result, "reading the source");
	}
	return error_set(error, EAGAIN,
			 "the source could not be made warm: %.1f %% of it stays in the page cache",
			 100 * share);
}

static void send_to_self(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(address);
	_cleanup_fd_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && bind(fd, (struct sockaddr *)&address, size) == 0 &&
	    getsockname(fd, (struct sockaddr *)&address, &size) == 0)
		sendto(fd, "", 1, 0, (struct sockaddr *)&address, size);
}

/*
 * A packet that another core than its sender's freed waits there for the next packet, and until
 * then holds on to the file's pages that sendfile put in it: so every core gets a packet.
 */
static void release_sent_pages(void)
{
	cpu_set_t before, one;

	if (sched_getaffinity(0, sizeof(before), &before) < 0)
		return;
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &before))
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		if (sched_setaffinity(0, sizeof(one), &one) == 0)
			send_to_self();
	}
	sched_setaffinity(0, sizeof(before), &before);
}

int measure_cool(int fd, uint64_t size, struct sluice_error *error)
{
	double share = 1;
	int result = sys_fsync(fd);

	if (result < 0)
		return error_set_errno(error, -result, "fsync of the source");
	for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
		cache_drop(fd, 0, size);
		share = resident_share(fd, size);
		if (share == 0)
			return 0;
		release_sent_pages();
		if (attempt > 0)
			pause_a_little();
	}
	return error_set(error, EAGAIN,
			 "the source could not be made cold: %.1f %% of it stays in the page cache",
			 100 * share);
}

int measure_room_look(const char *directory, struct measure_room *room, struct sluice_error *error)
{
	_cleanup_fd_ int fd = sys_open(AT_FDCWD, directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	struct statvfs status;

	if (fd < 0)
		return error_set_errno(error, -fd, "%s", directory);
	if (fstatvfs(fd, &status) < 0)
		return error_set_errno(error, errno, "%s", directory);
	room->disk_bytes =
		status.f_blocks == 0 ? UINT64_MAX : (uint64_t)status.f_bavail * status.f_frsize;
	room->memory_bytes = host_memory_available();
	room->is_memory = host_file_is_in_memory(fd);
	return 0;
}
