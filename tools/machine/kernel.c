/* SPDX-License-Identifier: MIT */
#include "machine/kernel.h"

#include "base/cleanup.h"
#include "base/sys.h"
#include "host/read.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#ifndef SO_ZEROCOPY
#define SO_ZEROCOPY 60
#endif
#ifndef TCP_ULP
#define TCP_ULP 31
#endif

/* A file of one byte, in memory. */
static int memory_file(void)
{
	int fd = memfd_create("sluice-host", MFD_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (sys_pwrite(fd, "", 1, 0) == 1)
		return fd;
	sys_close(fd);
	return -EIO;
}

static int try_cachestat(void)
{
	_cleanup_fd_ int fd = memory_file();
	struct sys_cachestat status;

	return fd < 0 ? fd : sys_cachestat(fd, 0, 1, &status);
}

static int try_openat2(void)
{
	_cleanup_fd_ int root = host_root_open();
	struct open_how how = {.flags = O_PATH | O_CLOEXEC,
			       .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
	_cleanup_fd_ int fd = sys_openat2(root, ".", &how);

	return fd < 0 ? fd : 0;
}

static int try_sendfile(void)
{
	_cleanup_fd_ int file = memory_file();
	int ends[2];
	int64_t sent;

	if (file < 0)
		return file;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	sent = sys_sendfile(ends[0], file, 0, 1);
	sys_close(ends[0]);
	sys_close(ends[1]);
	return sent == 1 ? 0 : sent < 0 ? (int)sent : -EIO;
}

static int try_splice(void)
{
	_cleanup_fd_ int file = memory_file();
	uint64_t offset = 0;
	int64_t moved;
	int ends[2], status;

	if (file < 0)
		return file;
	status = sys_pipe(ends);
	if (status < 0)
		return status;
	moved = sys_splice(file, &offset, ends[1], NULL, 1, 0);
	sys_close(ends[0]);
	sys_close(ends[1]);
	return moved == 1 ? 0 : moved < 0 ? (int)moved : -EIO;
}

static int try_zerocopy(void)
{
	_cleanup_fd_ int fd = sys_socket(AF_INET, SOCK_STREAM, 0);

	return fd < 0 ? fd : sys_setsockopt_int(fd, SOL_SOCKET, SO_ZEROCOPY, 1);
}

/* Two ends of a connection over the loopback address. */
static int connect_pair(int ends[2])
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_storage bound, peer;
	_cleanup_fd_ int listener = sys_socket(AF_INET, SOCK_STREAM, 0);
	_cleanup_fd_ int client = sys_socket(AF_INET, SOCK_STREAM, 0);
	int status;

	if (listener < 0 || client < 0)
		return listener < 0 ? listener : client;
	status = sys_bind(listener, (const void *)&address, sizeof(address));
	if (status == 0)
		status = sys_listen(listener, 1);
	if (status == 0)
		status = sys_getsockname(listener, &bound);
	if (status == 0)
		status = sys_connect(client, (const void *)&bound, sizeof(address));
	if (status == 0)
		status = sys_accept(listener, &peer);
	if (status < 0)
		return status;
	ends[0] = take_fd(&client);
	ends[1] = status;
	return 0;
}

static int try_tls_socket(void)
{
	int ends[2], status = connect_pair(ends);

	if (status < 0)
		return HOST_NOT_TRIED; /* no loopback: that says nothing about TLS */
	status = sys_setsockopt(ends[0], IPPROTO_TCP, TCP_ULP, "tls", 3);
	sys_close(ends[0]);
	sys_close(ends[1]);
	return status;
}

/* TCP_ULP makes the kernel load a module for who may administer the network: not on our account. */
static int try_tls(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct all[2], less[2];
	int status;

	if (syscall(SYS_capget, &head, all) < 0)
		return HOST_NOT_TRIED;
	memcpy(less, all, sizeof(less));
	less[CAP_TO_INDEX(CAP_NET_ADMIN)].effective &= ~CAP_TO_MASK(CAP_NET_ADMIN);
	if (syscall(SYS_capset, &head, less) < 0)
		return HOST_NOT_TRIED;
	status = try_tls_socket();
	syscall(SYS_capset, &head, all); /* what is permitted can be had back */
	return status;
}

const struct host_feature host_features[] = {
	{"sendfile", "sendfile", try_sendfile,
	 "a socket takes pages of the page cache as they are, in one call",
	 "files are sent by reading and writing"},
	{"splice", "splice", try_splice,
	 "long resident ranges are sent, and bodies received, through a pipe without a copy",
	 "what splice would send goes by sendfile"},
	{"cachestat", "cachestat", try_cachestat,
	 "reports in a microsecond what of a file is in the page cache, and dirty",
	 "the page cache is probed at eight places of each range, so a hole between them makes a "
	 "worker wait for the disk; dirty pages are not seen"},
	{"openat2", "openat2", try_openat2,
	 "serve lets the kernel keep every request inside its directory",
	 "serve walks names one by one, and follows no symbolic links"},
	{"msg_zerocopy", "MSG_ZEROCOPY", try_zerocopy,
	 "buffers of the program can be sent as they are, where the card has SG-DMA",
	 "the path zerocopy is not available; nothing else needs it"},
	{"ktls", "kTLS", try_tls,
	 "an encrypted connection could still be served by sendfile; sluice has no TLS yet",
	 "the tls module is not loaded or not installed: an encrypted connection would have its "
	 "bytes copied through the program"},
	{NULL},
};

static void try_uring(struct host_kernel *kernel)
{
	struct io_uring ring;
	struct io_uring_probe *probe;
	char place[64];
	struct iovec buffer = {place, sizeof(place)};

	kernel->uring_operations = 0;
	kernel->uring_buffers = kernel->uring = io_uring_queue_init(2, &ring, 0);
	if (kernel->uring < 0)
		return;
	kernel->uring_buffers = io_uring_register_buffers(&ring, &buffer, 1);
	probe = io_uring_get_probe_ring(&ring);
	if (probe)
		kernel->uring_operations = probe->last_op + 1u;
	if (kernel->uring_operations > HOST_URING_MAX)
		kernel->uring_operations = HOST_URING_MAX;
	for (unsigned i = 0; i < kernel->uring_operations; i++)
		kernel->has_operation[i] = io_uring_opcode_supported(probe, (int)i);
	io_uring_free_probe(probe);
	io_uring_queue_exit(&ring);
}

static int landlock_abi(void)
{
	enum { NUMBER = 444, VERSION = 1 }; /* landlock_create_ruleset */
	long abi = syscall(NUMBER, NULL, 0, VERSION);

	return abi < 0 ? -errno : (int)abi;
}

void host_kernel_try(struct host_kernel *kernel)
{
	struct utsname names;

	*kernel = (struct host_kernel){0};
	if (uname(&names) == 0) {
		host_copy(kernel->release, sizeof(kernel->release), names.release);
		host_copy(kernel->architecture, sizeof(kernel->architecture), names.machine);
	}
	for (size_t i = 0; host_features[i].name; i++)
		kernel->features[i] = host_features[i].try();
	kernel->landlock_abi = landlock_abi();
	try_uring(kernel);
}

/* By their numbers, which are the kernel's for ever: the headers here may know fewer. */
const char *host_uring_operation_name(unsigned operation)
{
	static const char *const names[] = {
		"nop",
		"readv",
		"writev",
		"fsync",
		"read_fixed",
		"write_fixed",
		"poll_add",
		"poll_remove",
		"sync_file_range",
		"sendmsg",
		"recvmsg",
		"timeout",
		"timeout_remove",
		"accept",
		"async_cancel",
		"link_timeout",
		"connect",
		"fallocate",
		"openat",
		"close",
		"files_update",
		"statx",
		"read",
		"write",
		"fadvise",
		"madvise",
		"send",
		"recv",
		"openat2",
		"epoll_ctl",
		"splice",
		"provide_buffers",
		"remove_buffers",
		"tee",
		"shutdown",
		"renameat",
		"unlinkat",
		"mkdirat",
		"symlinkat",
		"linkat",
		"msg_ring",
		"fsetxattr",
		"setxattr",
		"fgetxattr",
		"getxattr",
		"socket",
		"uring_cmd",
		"send_zc",
		"sendmsg_zc",
		"read_multishot",
		"waitid",
		"futex_wait",
		"futex_wake",
		"futex_waitv",
		"fixed_fd_install",
		"ftruncate",
		"bind",
		"listen",
		"recv_zc",
		"epoll_wait",
		"readv_fixed",
		"writev_fixed",
		"pipe",
	};
	static _Thread_local char other[32];

	if (operation < sizeof(names) / sizeof(*names))
		return names[operation];
	snprintf(other, sizeof(other), "operation %u", operation);
	return other;
}

bool host_uring_has(const struct host_kernel *kernel, const char *name)
{
	for (unsigned i = 0; i < kernel->uring_operations; i++)
		if (kernel->has_operation[i] && strcmp(host_uring_operation_name(i), name) == 0)
			return true;
	return false;
}
