/* SPDX-License-Identifier: MIT */
/*
 * bare sendfile|readwrite FILE: sends FILE over TCP on 127.0.0.1 by a loop as short as it can be,
 * to a process that drops the bytes in its socket. Prints the seconds until that has all of them,
 * and the CPU seconds of the sender and of the receiver. What `sluice bench` measures is held
 * against it (bench/bare). Checks just enough to be believed.
 */
#include <arpa/inet.h>
#include <err.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { BLOCK = 1 << 20 };

static void send_by_sendfile(int file, int socket, off_t size)
{
	for (off_t offset = 0; offset < size;)
		if (sendfile(socket, file, &offset, (size_t)(size - offset)) <= 0)
			err(1, "sendfile");
}

static void send_by_readwrite(int file, int socket, off_t size)
{
	char *block = aligned_alloc(4096, BLOCK); /* an odd address makes some CPUs slow */
	ssize_t count, sent;

	for (; size > 0; size -= count) {
		if ((count = read(file, block, BLOCK)) <= 0)
			err(1, "read");
		for (ssize_t done = 0; done < count; done += sent)
			if ((sent = write(socket, block + done, (size_t)(count - done))) <= 0)
				err(1, "write");
	}
	free(block);
}

static void receive(int socket, off_t size)
{
	for (ssize_t count; size > 0; size -= count)
		if ((count = recv(socket, NULL, BLOCK, MSG_TRUNC)) <= 0)
			err(1, "recv");
}

static void connect_ends(int ends[2])
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	ends[1] = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(listener, (struct sockaddr *)&address, size) || listen(listener, 1) ||
	    getsockname(listener, (struct sockaddr *)&address, &size) ||
	    connect(ends[1], (struct sockaddr *)&address, size) ||
	    (ends[0] = accept(listener, NULL, NULL)) < 0)
		err(1, "a connection on 127.0.0.1");
	/* As sluice has it on such a connection; a control that paces makes everybody slow. */
	if (setsockopt(ends[0], IPPROTO_TCP, TCP_CONGESTION, "cubic", 5))
		warn("no cubic here");
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static double cpu_seconds(int who)
{
	struct rusage usage;

	getrusage(who, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

int main(int argc, char **argv)
{
	bool is_sendfile = argc == 3 && strcmp(argv[1], "sendfile") == 0;
	int file = argc == 3 ? open(argv[2], O_RDONLY) : -1, ends[2], status;
	struct stat about;
	double start;

	if (file < 0 || fstat(file, &about) || (!is_sendfile && strcmp(argv[1], "readwrite")))
		errx(2, "usage: bare sendfile|readwrite FILE");
	connect_ends(ends);
	start = now();
	if (fork() == 0) {
		receive(ends[1], about.st_size);
		return 0;
	}
	(is_sendfile ? send_by_sendfile : send_by_readwrite)(file, ends[0], about.st_size);
	wait(&status);
	printf("%.6f %.6f %.6f\n", now() - start, cpu_seconds(RUSAGE_SELF),
	       cpu_seconds(RUSAGE_CHILDREN));
	return status != 0;
}
