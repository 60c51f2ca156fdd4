/* SPDX-License-Identifier: MIT */
/* The wrappers; counts.c has their counters. */
#include "base/sys.h"

#include "base/sigpipe.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

const char *sys_call_name(enum sys_call call)
{
#define SYS_CALL_NAME(name) #name,
	static const char *const names[] = {SYS_CALLS(SYS_CALL_NAME)};
#undef SYS_CALL_NAME

	return names[call];
}

static int64_t counted(enum sys_call call, int64_t result)
{
	int code = errno;

	sys_count(call);
	if (result >= 0)
		return result;
	if (code == EPIPE)
		sigpipe_note();
	return -code;
}

#define COUNTED(call, expression) counted(CALL_##call, (expression))

int sys_accept(int fd, struct sockaddr_storage *peer)
{
	socklen_t size = sizeof(*peer);

	return COUNTED(accept4,
		       accept4(fd, (struct sockaddr *)peer, &size, SOCK_CLOEXEC | SOCK_NONBLOCK));
}

int sys_bind(int fd, const struct sockaddr *address, socklen_t size)
{
	return COUNTED(bind, bind(fd, address, size));
}

int sys_close(int fd)
{
	return COUNTED(close, close(fd));
}

int sys_connect(int fd, const struct sockaddr *address, socklen_t size)
{
	return COUNTED(connect, connect(fd, address, size));
}

int sys_epoll_create(void)
{
	return COUNTED(epoll_create1, epoll_create1(EPOLL_CLOEXEC));
}

int sys_epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event)
{
	return COUNTED(epoll_ctl, epoll_ctl(epoll, operation, fd, event));
}

int sys_epoll_wait(int epoll, struct epoll_event *events, int count, int timeout_ms)
{
	return COUNTED(epoll_wait, epoll_wait(epoll, events, count, timeout_ms));
}

int sys_eventfd(void)
{
	return COUNTED(eventfd2, eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
}

int sys_duplicate(int fd)
{
	return COUNTED(fcntl, fcntl(fd, F_DUPFD_CLOEXEC, 0));
}

int sys_fchown(int fd, uid_t user, gid_t group)
{
	return COUNTED(fchown, fchown(fd, user, group));
}

int sys_fadvise(int fd, uint64_t offset, uint64_t length, int advice)
{
	/* posix_fadvise(3) returns the error instead of setting errno. */
	return -(int)COUNTED(fadvise64, posix_fadvise(fd, (off_t)offset, (off_t)length, advice));
}

int sys_fallocate(int fd, int mode, uint64_t offset, uint64_t length)
{
	int result;

	do
		result = COUNTED(fallocate, fallocate(fd, mode, (off_t)offset, (off_t)length));
	while (result == -EINTR);
	return result;
}

int sys_fchmod(int fd, mode_t mode)
{
	return COUNTED(fchmod, fchmod(fd, mode));
}

int sys_filesystem(int fd, uint64_t *magic)
{
	struct statfs status;
	int result = COUNTED(fstatfs, fstatfs(fd, &status));

	if (result == 0)
		*magic = (uint64_t)status.f_type;
	return result;
}

int sys_flags(int fd)
{
	return COUNTED(fcntl, fcntl(fd, F_GETFL));
}

int sys_flags_set(int fd, int flags)
{
	return COUNTED(fcntl, fcntl(fd, F_SETFL, flags));
}

int sys_flock(int fd, int operation)
{
	return COUNTED(flock, flock(fd, operation));
}

int sys_fdatasync(int fd)
{
	int result;

	do
		result = COUNTED(fdatasync, fdatasync(fd));
	while (result == -EINTR);
	return result;
}

int sys_fsync(int fd)
{
	int result;

	do
		result = COUNTED(fsync, fsync(fd));
	while (result == -EINTR);
	return result;
}

int sys_syncfs(int fd)
{
	return COUNTED(syncfs, syncfs(fd));
}

int sys_link(int from_directory, const char *from, int directory, const char *name, int flags)
{
	return COUNTED(linkat, linkat(from_directory, from, directory, name, flags));
}

int sys_ftruncate(int fd, uint64_t size)
{
	int result;

	do
		result = COUNTED(ftruncate, ftruncate(fd, (off_t)size));
	while (result == -EINTR);
	return result;
}

int sys_getrandom(void *data, size_t length, unsigned flags)
{
	return COUNTED(getrandom, getrandom(data, length, flags));
}

int sys_getsockname(int fd, struct sockaddr_storage *address)
{
	socklen_t size = sizeof(*address);

	return COUNTED(getsockname, getsockname(fd, (struct sockaddr *)address, &size));
}

int sys_getpeername(int fd, struct sockaddr_storage *address)
{
	socklen_t size = sizeof(*address);

	return COUNTED(getpeername, getpeername(fd, (struct sockaddr *)address, &size));
}

int sys_getsockopt(int fd, int level, int name, void *value, socklen_t *size)
{
	return COUNTED(getsockopt, getsockopt(fd, level, name, value, size));
}

int sys_setsockopt(int fd, int level, int name, const void *value, socklen_t size)
{
	return COUNTED(setsockopt, setsockopt(fd, level, name, value, size));
}

int sys_setsockopt_int(int fd, int level, int name, int value)
{
	return sys_setsockopt(fd, level, name, &value, sizeof(value));
}

int sys_listen(int fd, int backlog)
{
	return COUNTED(listen, listen(fd, backlog));
}

int sys_map(int fd, uint64_t offset, size_t length, void **data)
{
	*data = mmap(NULL, length, PROT_READ, MAP_SHARED, fd, (off_t)offset);
	return COUNTED(mmap, *data == MAP_FAILED ? -1 : 0);
}

int sys_map_memory(size_t length, void **data)
{
	*data = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return COUNTED(mmap, *data == MAP_FAILED ? -1 : 0);
}

int sys_unmap(void *data, size_t length)
{
	return COUNTED(munmap, munmap(data, length));
}

int sys_mincore(void *data, size_t length, unsigned char *pages)
{
	return COUNTED(mincore, mincore(data, length, pages));
}

int64_t sys_seek(int fd, uint64_t offset, int whence)
{
	return COUNTED(lseek, lseek(fd, (off_t)offset, whence));
}

int sys_open(int directory, const char *path, int flags, mode_t mode)
{
	/* Opening a FIFO may take for ever: an interrupt gets through. */
	return COUNTED(openat, openat(directory, path, flags | O_CLOEXEC, mode));
}

int sys_openat2(int directory, const char *path, const struct open_how *how)
{
	return COUNTED(openat2, syscall(SYS_openat2, directory, path, how, sizeof(*how)));
}

int sys_pipe(int ends[2])
{
	return COUNTED(pipe2, pipe2(ends, O_CLOEXEC | O_NONBLOCK));
}

int sys_pipe_resize(int fd, int size)
{
	return COUNTED(fcntl, fcntl(fd, F_SETPIPE_SZ, size));
}

int sys_poll(int fd, short events, int timeout_ms)
{
	struct pollfd query = {.fd = fd, .events = events};
	int count = COUNTED(poll, poll(&query, 1, timeout_ms));

	return count > 0 ? query.revents : count;
}

bool sys_can_write(int fd)
{
	int events = sys_poll(fd, POLLOUT, 0);

	return events > 0 && events & POLLOUT;
}

int64_t sys_pread(int fd, void *data, size_t length, uint64_t offset)
{
	return COUNTED(pread64, pread(fd, data, length, (off_t)offset));
}

int64_t sys_pread_nowait(int fd, void *data, size_t length, uint64_t offset)
{
	int64_t count = sys_pread_flags(fd, data, length, offset, RWF_NOWAIT);

	/* Linux 5.9 and 5.10 answer 0 in the middle of a file, too: a read that waits will tell. */
	return count == 0 && length > 0 ? -EAGAIN : count;
}

int64_t sys_pread_flags(int fd, void *data, size_t length, uint64_t offset, int flags)
{
	struct iovec vector = {data, length};

	return COUNTED(preadv2, preadv2(fd, &vector, 1, (off_t)offset, flags));
}

int64_t sys_pwrite(int fd, const void *data, size_t length, uint64_t offset)
{
	return COUNTED(pwrite64, pwrite(fd, data, length, (off_t)offset));
}

int sys_pwrite_all(int fd, const void *data, size_t length, uint64_t offset)
{
	for (size_t done = 0; done < length;) {
		int64_t count =
			sys_pwrite(fd, (const char *)data + done, length - done, offset + done);

		if (count < 0 && count != -EINTR)
			return (int)count;
		done += count > 0 ? (size_t)count : 0;
	}
	return 0;
}

int64_t sys_pwrite_flags(int fd, const void *data, size_t length, uint64_t offset, int flags)
{
	struct iovec vector = {(void *)data, length};

	return COUNTED(pwritev2, pwritev2(fd, &vector, 1, (off_t)offset, flags));
}

int64_t sys_read(int fd, void *data, size_t length)
{
	return COUNTED(read, read(fd, data, length));
}

int64_t sys_read_all(int fd, void *data, size_t size)
{
	size_t filled = 0;
	int64_t count = 1;

	while ((count > 0 || count == -EINTR) && filled < size) {
		count = sys_read(fd, (char *)data + filled, size - filled);
		filled += count > 0 ? (size_t)count : 0;
	}
	return count < 0 && count != -EINTR ? count : (int64_t)filled;
}

int64_t sys_write(int fd, const void *data, size_t length)
{
	sigpipe_expect();
	return COUNTED(write, write(fd, data, length));
}

int64_t sys_writev(int fd, const struct iovec *pieces, int count)
{
	sigpipe_expect();
	return COUNTED(writev, writev(fd, pieces, count));
}

int64_t sys_recv(int fd, void *data, size_t length, int flags)
{
	return COUNTED(recvfrom, recv(fd, data, length, flags));
}

int64_t sys_recvmsg(int fd, struct msghdr *message, int flags)
{
	return COUNTED(recvmsg, recvmsg(fd, message, flags));
}

int64_t sys_send(int fd, const void *data, size_t length, int flags)
{
	return COUNTED(sendto, send(fd, data, length, flags | MSG_NOSIGNAL));
}

int64_t sys_sendmsg(int fd, const struct msghdr *message, int flags)
{
	return COUNTED(sendmsg, sendmsg(fd, message, flags | MSG_NOSIGNAL));
}

int64_t sys_sendfile(int socket, int file, uint64_t offset, size_t length)
{
	off_t from = (off_t)offset;

	sigpipe_expect();
	return COUNTED(sendfile, sendfile(socket, file, &from, length));
}

int64_t sys_splice(int from, uint64_t *from_offset, int to, uint64_t *to_offset, size_t length,
		   unsigned flags)
{
	sigpipe_expect();
	return COUNTED(splice,
		       splice(from, (off_t *)from_offset, to, (off_t *)to_offset, length, flags));
}

int64_t sys_readlink(int directory, const char *path, char *text, size_t size)
{
	return COUNTED(readlinkat, readlinkat(directory, path, text, size));
}

int sys_rename(int directory, const char *from, const char *to)
{
	return COUNTED(renameat, renameat(directory, from, directory, to));
}

int sys_rename_new(int directory, const char *from, const char *to)
{
	enum { NO_REPLACE = 1 }; /* the C library may not know it */

	return COUNTED(renameat,
		       syscall(SYS_renameat2, directory, from, directory, to, NO_REPLACE));
}

int sys_set_modified(int fd, struct timespec when)
{
	const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, when};

	return COUNTED(utimensat, futimens(fd, times));
}

int sys_shutdown(int fd, int how)
{
	return COUNTED(shutdown, shutdown(fd, how));
}

int sys_unsent(int fd)
{
	int bytes = 0, result = COUNTED(ioctl, ioctl(fd, SIOCOUTQ, &bytes));

	return result < 0 ? result : bytes;
}

int sys_socket(int domain, int type, int protocol)
{
	return COUNTED(socket, socket(domain, type | SOCK_CLOEXEC, protocol));
}

int sys_statx(int fd, unsigned mask, struct statx *status)
{
	return COUNTED(statx, statx(fd, "", AT_EMPTY_PATH, mask, status));
}

int sys_statx_at(int directory, const char *path, unsigned mask, struct statx *status)
{
	return COUNTED(statx, statx(directory, path, 0, mask, status));
}

int sys_statx_known(int directory, const char *path, unsigned mask, struct statx *status)
{
	return COUNTED(statx, statx(directory, path,
				    AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT |
					    AT_STATX_DONT_SYNC,
				    mask, status));
}

int sys_statx_link(int directory, const char *path, unsigned mask, struct statx *status)
{
	return COUNTED(statx, statx(directory, path, AT_SYMLINK_NOFOLLOW, mask, status));
}

int sys_sync_file_range(int fd, uint64_t offset, uint64_t length, unsigned flags)
{
	return COUNTED(sync_file_range, sync_file_range(fd, (off_t)offset, (off_t)length, flags));
}

int sys_timerfd(void)
{
	return COUNTED(timerfd_create, timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
}

int sys_timerfd_set(int fd, const struct itimerspec *when)
{
	return COUNTED(timerfd_settime, timerfd_settime(fd, TFD_TIMER_ABSTIME, when, NULL));
}

int sys_unlink(int directory, const char *path)
{
	return COUNTED(unlinkat, unlinkat(directory, path, 0));
}

int64_t sys_xattr_of_link(const char *path, const char *name, void *value, size_t size)
{
	return COUNTED(lgetxattr, lgetxattr(path, name, value, size));
}

int sys_xattr_set(int fd, const char *name, const void *value, size_t size)
{
	return COUNTED(fsetxattr, fsetxattr(fd, name, value, size, 0));
}

int sys_xattr_remove(int fd, const char *name)
{
	return COUNTED(fremovexattr, fremovexattr(fd, name));
}

int sys_cachestat(int fd, uint64_t offset, uint64_t length, struct sys_cachestat *status)
{
	enum { NUMBER = 451 }; /* the same on every architecture; absent from older headers */
	struct {
		uint64_t offset, length;
	} range = {offset, length};

	return COUNTED(cachestat, syscall(NUMBER, fd, &range, status, 0));
}
