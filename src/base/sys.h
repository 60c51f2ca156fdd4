/* SPDX-License-Identifier: MIT */
/*
 * System calls that return -errno and are counted, by name, per thread. The names are strace(1)'s.
 *
 * Every call of a transfer goes through here, so that the bill can count them. The wrappers add
 * nothing else: no retries except after EINTR where a caller could only retry. Not counted is what
 * a program does for itself: memory (brk, anonymous mmap, madvise), threads and locks (clone,
 * futex), host name lookups, reading /proc, listing a directory. tests/e2e/test_bill.py holds this
 * against strace.
 */
#ifndef SLUICE_BASE_SYS_H
#define SLUICE_BASE_SYS_H

#include <linux/openat2.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>

#define SYS_CALLS(X)                                                                               \
	X(accept4)                                                                                 \
	X(bind)                                                                                    \
	X(cachestat)                                                                               \
	X(close)                                                                                   \
	X(connect)                                                                                 \
	X(epoll_create1)                                                                           \
	X(epoll_ctl)                                                                               \
	X(epoll_wait)                                                                              \
	X(eventfd2)                                                                                \
	X(fadvise64)                                                                               \
	X(fallocate)                                                                               \
	X(fchmod)                                                                                  \
	X(fchown)                                                                                  \
	X(fcntl)                                                                                   \
	X(fdatasync)                                                                               \
	X(flock)                                                                                   \
	X(fremovexattr)                                                                            \
	X(fsetxattr)                                                                               \
	X(fstatfs)                                                                                 \
	X(fsync)                                                                                   \
	X(ftruncate)                                                                               \
	X(getpeername)                                                                             \
	X(getrandom)                                                                               \
	X(getsockname)                                                                             \
	X(getsockopt)                                                                              \
	X(io_uring_enter)                                                                          \
	X(io_uring_register)                                                                       \
	X(io_uring_setup)                                                                          \
	X(ioctl)                                                                                   \
	X(linkat)                                                                                  \
	X(listen)                                                                                  \
	X(lseek)                                                                                   \
	X(lgetxattr)                                                                               \
	X(mincore)                                                                                 \
	X(mmap)                                                                                    \
	X(munmap)                                                                                  \
	X(openat)                                                                                  \
	X(openat2)                                                                                 \
	X(pipe2)                                                                                   \
	X(poll)                                                                                    \
	X(pread64)                                                                                 \
	X(preadv2)                                                                                 \
	X(pwrite64)                                                                                \
	X(pwritev2)                                                                                \
	X(read)                                                                                    \
	X(readlinkat)                                                                              \
	X(recvfrom)                                                                                \
	X(recvmsg)                                                                                 \
	X(renameat)                                                                                \
	X(sendfile)                                                                                \
	X(sendmsg)                                                                                 \
	X(sendto)                                                                                  \
	X(setsockopt)                                                                              \
	X(shutdown)                                                                                \
	X(socket)                                                                                  \
	X(splice)                                                                                  \
	X(statx)                                                                                   \
	X(sync_file_range)                                                                         \
	X(syncfs)                                                                                  \
	X(timerfd_create)                                                                          \
	X(timerfd_settime)                                                                         \
	X(unlinkat)                                                                                \
	X(utimensat)                                                                               \
	X(write)                                                                                   \
	X(writev)

#define SYS_CALL_NUMBER(name) CALL_##name,
enum sys_call { SYS_CALLS(SYS_CALL_NUMBER) CALL_COUNT };
#undef SYS_CALL_NUMBER

struct sys_counts {
	uint64_t calls[CALL_COUNT];
};

void sys_count(enum sys_call call);
const char *sys_call_name(enum sys_call call);
/* What all threads of the process made so far, those that ended included. */
void sys_counts_read(struct sys_counts *counts);
void sys_counts_read_own(struct sys_counts *counts); /* the calling thread alone */

int sys_accept(int fd, struct sockaddr_storage *peer); /* close-on-exec, non-blocking */
int sys_bind(int fd, const struct sockaddr *address, socklen_t size);
int sys_close(int fd);
int sys_connect(int fd, const struct sockaddr *address, socklen_t size);
int sys_epoll_create(void); /* close-on-exec */
int sys_epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event);
int sys_epoll_wait(int epoll, struct epoll_event *events, int count, int timeout_ms);
int sys_eventfd(void);     /* close-on-exec, non-blocking, 0 */
int sys_duplicate(int fd); /* close-on-exec */
int sys_fadvise(int fd, uint64_t offset, uint64_t length, int advice);
int sys_fchmod(int fd, mode_t mode);
int sys_fchown(int fd, uid_t user, gid_t group); /* -1 leaves one as it is */
int sys_fallocate(int fd, int mode, uint64_t offset, uint64_t length);
int sys_filesystem(int fd, uint64_t *magic); /* fstatfs(2)'s f_type */
int sys_flags(int fd);                       /* F_GETFL */
int sys_flags_set(int fd, int flags);
int sys_flock(int fd, int operation);
int sys_fsync(int fd);
int sys_link(int from_directory, const char *from, int directory, const char *name, int flags);
int sys_syncfs(int fd);
int sys_fdatasync(int fd);
int sys_ftruncate(int fd, uint64_t size);
int sys_getrandom(void *data, size_t length, unsigned flags);
int sys_getsockname(int fd, struct sockaddr_storage *address);
int sys_getpeername(int fd, struct sockaddr_storage *address);
int sys_getsockopt(int fd, int level, int name, void *value, socklen_t *size);
int sys_setsockopt(int fd, int level, int name, const void *value, socklen_t size);
int sys_setsockopt_int(int fd, int level, int name, int value);
int sys_listen(int fd, int backlog);
/* Pages of a file, to be read only. offset is a multiple of the page size. */
int sys_map(int fd, uint64_t offset, size_t length, void **data);
int sys_map_memory(size_t length, void **data); /* zeros, this process's own */
int sys_unmap(void *data, size_t length);
int sys_mincore(void *data, size_t length, unsigned char *pages);
/* Where data (SEEK_DATA) or a hole (SEEK_HOLE) next begins at or behind offset; lseek(2). */
int64_t sys_seek(int fd, uint64_t offset, int whence);
int sys_open(int directory, const char *path, int flags, mode_t mode);
int sys_openat2(int directory, const char *path, const struct open_how *how);
int sys_pipe(int ends[2]);             /* close-on-exec, non-blocking; [0] is read from */
int sys_pipe_resize(int fd, int size); /* the size that it got */
bool sys_can_write(int fd);            /* whether poll(2) says so now */
int sys_poll(int fd, short events, int timeout_ms); /* 0: the time is up; > 0: what came */
int64_t sys_pread(int fd, void *data, size_t length, uint64_t offset);
/* RWF_NOWAIT; -EAGAIN at the end of the file, too. */
int64_t sys_pread_nowait(int fd, void *data, size_t length, uint64_t offset);
int64_t sys_pread_flags(int fd, void *data, size_t length, uint64_t offset, int flags); /* RWF_* */
int64_t sys_pwrite(int fd, const void *data, size_t length, uint64_t offset);
int sys_pwrite_all(int fd, const void *data, size_t length, uint64_t offset);
int64_t sys_pwrite_flags(int fd, const void *data, size_t length, uint64_t offset, int flags);
int64_t sys_read(int fd, void *data, size_t length);
/* Up to the end of the file, or of the room: how much there is, or -errno. */
int64_t sys_read_all(int fd, void *data, size_t size);
int64_t sys_write(int fd, const void *data, size_t length);
int64_t sys_writev(int fd, const struct iovec *pieces, int count);
int64_t sys_recv(int fd, void *data, size_t length, int flags);
int64_t sys_recvmsg(int fd, struct msghdr *message, int flags);
int64_t sys_send(int fd, const void *data, size_t length, int flags);
int64_t sys_sendmsg(int fd, const struct msghdr *message, int flags);
int64_t sys_sendfile(int socket, int file, uint64_t offset, size_t length);
/* Between a pipe and something else; an offset is of a file, NULL for the rest. */
int64_t sys_splice(int from, uint64_t *from_offset, int to, uint64_t *to_offset, size_t length,
		   unsigned flags);
int64_t sys_readlink(int directory, const char *path, char *text,
		     size_t size); /* no NUL at its end */
int sys_rename(int directory, const char *from, const char *to);
/* -EEXIST where the name `to` is taken; -EINVAL where the file system cannot do this. */
int sys_rename_new(int directory, const char *from, const char *to);
int sys_shutdown(int fd, int how);
int sys_unsent(int fd); /* SIOCOUTQ, tcp(7) */
int sys_socket(int domain, int type, int protocol);
int sys_statx(int fd, unsigned mask, struct statx *status); /* of an open descriptor */
int sys_statx_at(int directory, const char *path, unsigned mask, struct statx *status);
/* Of a symbolic link itself, where path is one. */
/* Of the name itself ("": of the descriptor), and only what the kernel has in memory: asks no other
 * machine. */
int sys_statx_known(int directory, const char *path, unsigned mask, struct statx *status);
int sys_statx_link(int directory, const char *path, unsigned mask, struct statx *status);
int sys_sync_file_range(int fd, uint64_t offset, uint64_t length, unsigned flags);
int sys_timerfd(void); /* CLOCK_MONOTONIC, close-on-exec, non-blocking */
int sys_timerfd_set(int fd, const struct itimerspec *when); /* an absolute time */
int sys_set_modified(int fd, struct timespec when);
int sys_unlink(int directory, const char *path);
/* Extended attributes; of a symbolic link itself, where path is one. */
int64_t sys_xattr_of_link(const char *path, const char *name, void *value, size_t size);
int sys_xattr_set(int fd, const char *name, const void *value, size_t size);
int sys_xattr_remove(int fd, const char *name);

/* cachestat(2), Linux 6.5; the layout is the kernel's. */
struct sys_cachestat {
	uint64_t cached, dirty, writeback, evicted, recently_evicted; /* pages */
};

int sys_cachestat(int fd, uint64_t offset, uint64_t length, struct sys_cachestat *status);

#endif
