/* SPDX-License-Identifier: MIT */
/*
 * Gets on an engine: many at once, ended in each of their states, on several engines, and from
 * hosts with addresses that do not answer. The names that are looked up here are this test's own.
 */
#include "sluice.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

enum {
	GETS = 1000,
	DESCRIPTORS = 8,        /* that one of them needs, the server's side included */
	LARGE = (3 << 19) + 77, /* large enough to be confirmed */
	SMALL = 1000,
	HUGE = (10 << 20) + 77, /* large enough for several streams */
};

/* Host names */

static struct {
	sem_t entered, released; /* of the lookup of a name that hangs */
	int listening;           /* that "dead.test" leads to before it leads to the server, */
	in_port_t port;          /* which is here */
} names;

static struct addrinfo *address(int port, struct addrinfo *next)
{
	struct addrinfo *found = calloc(1, sizeof(*found) + sizeof(struct sockaddr_in));
	struct sockaddr_in *in = (struct sockaddr_in *)(found + 1);

	*in = (struct sockaddr_in){.sin_family = AF_INET,
				   .sin_port = htons((uint16_t)port),
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	*found = (struct addrinfo){.ai_family = AF_INET,
				   .ai_socktype = SOCK_STREAM,
				   .ai_addr = (struct sockaddr *)in,
				   .ai_addrlen = sizeof(*in),
				   .ai_next = next};
	return found;
}

static int port_of(int fd)
{
	struct sockaddr_in in;
	socklen_t size = sizeof(in);

	assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &size), 0);
	return ntohs(in.sin_port);
}

/* In place of the C library's. */
int getaddrinfo(const char *host, const char *port, const struct addrinfo *hints,
		struct addrinfo **found)
{
	if (strcmp(host, "127.0.0.1") == 0)
		*found = address(atoi(port), NULL);
	else if (hints->ai_flags & AI_NUMERICHOST)
		return EAI_NONAME;
	else if (strcmp(host, "dead.test") == 0)
		*found = address(port_of(names.listening), address(names.port, NULL));
	else if (strcmp(host, "hangs.test") == 0) {
		sem_post(&names.entered);
		sem_wait(&names.released);
		return EAI_AGAIN;
	} else {
		return EAI_AGAIN;
	}
	return 0;
}

static bool has_no_threads;

/* In place of the C library's. */
int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
		   void *argument)
{
	int (*create)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

	*(void **)&create = dlsym(RTLD_NEXT, "pthread_create");
	return has_no_threads ? EAGAIN : create(thread, attributes, run, argument);
}

static struct {
	bool holds;
	sem_t entered, released;
} sync_gate;

/* In place of the C library's. */
int fsync(int fd)
{
	if (sync_gate.holds) {
		sem_post(&sync_gate.entered);
		sem_wait(&sync_gate.released);
	}
	return (int)syscall(SYS_fsync, fd);
}

void freeaddrinfo(struct addrinfo *found)
{
	while (found) {
		struct addrinfo *next = found->ai_next;

		free(found);
		found = next;
	}
}

/* A server of sluice's own, on a directory with two files */

struct fixture {
	struct sluice_server *server;
	pthread_t thread;
	char directory[64], here[128];
	const char *url; /* ends in a slash */
};

static void make_file(const struct fixture *fixture, const char *name, size_t size)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", fixture->directory, name);
	file = fopen(path, "w");
	for (size_t i = 0; i < size; i++)
		fputc((int)(i % 251), file);
	assert_int_equal(fclose(file), 0);
	/* Old enough for a strong tag. */
	assert_int_equal(utimensat(AT_FDCWD, path, (struct timespec[2]){{1}, {1}}, 0), 0);
}

static void *run_server(void *argument)
{
	sluice_server_run(argument, NULL, NULL);
	return NULL;
}

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	const char *parent = getenv("SLUICE_TEST_DIR");
	struct sluice_server_options options = {
		.size = sizeof(options), .listen = "127.0.0.1:0", .workers = 1};
	struct rlimit limit;

	signal(SIGPIPE, SIG_IGN);
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	snprintf(fixture->directory, sizeof(fixture->directory), "%.30s/sluice-gets-XXXXXX",
		 parent ? parent : "/var/tmp");
	assert_non_null(mkdtemp(fixture->directory));
	snprintf(fixture->here, sizeof(fixture->here), "%s/here", fixture->directory);
	assert_int_equal(mkdir(fixture->here, 0700), 0);
	make_file(fixture, "large", LARGE);
	make_file(fixture, "small", SMALL);
	make_file(fixture, "huge", HUGE);
	options.directory = fixture->directory;
	assert_int_equal(sluice_server_open(&fixture->server, &options, NULL), 0);
	fixture->url = sluice_server_url(fixture->server);
	names.port = (in_port_t)atoi(strrchr(fixture->url, ':') + 1);
	assert_int_equal(pthread_create(&fixture->thread, NULL, run_server, fixture->server), 0);
	sem_init(&names.entered, 0, 0);
	sem_init(&names.released, 0, 0);
	*state = fixture;
	return 0;
}

static void empty(const char *directory)
{
	DIR *stream = opendir(directory);
	struct dirent *entry;

	while ((entry = readdir(stream)))
		unlinkat(dirfd(stream), entry->d_name, 0);
	closedir(stream);
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	sluice_server_stop(fixture->server);
	pthread_join(fixture->thread, NULL);
	sluice_server_close(fixture->server);
	empty(fixture->here);
	rmdir(fixture->here);
	empty(fixture->directory);
	rmdir(fixture->directory);
	free(fixture);
	return 0;
}

/* One get */

struct one {
	struct sluice_get *get;
	char output[256];
	bool has_ended;
	int code;
	unsigned status;
	struct sluice_error error;
};

static void on_done(void *argument, int code, const struct sluice_get_result *result,
		    const struct sluice_error *error)
{
	struct one *one = argument;

	assert_false(one->has_ended);
	one->has_ended = true;
	one->code = code;
	one->status = result->status;
	one->error = *error;
}

static void open_with(struct one *one, struct sluice_engine *engine, const char *url,
		      struct sluice_get_options options)
{
	options.size = sizeof(options);
	options.timeout_seconds = UINT32_MAX;
	options.tries = 1;
	if (sluice_get_open(&one->get, engine, url, &options, on_done, one, &one->error) < 0)
		fail_msg("%s", one->error.text);
}

static void open_streams(struct one *one, struct sluice_engine *engine,
			 const struct fixture *fixture, const char *url, const char *output,
			 unsigned streams)
{
	*one = (struct one){0};
	snprintf(one->output, sizeof(one->output), "%s/%s", fixture->here, output);
	open_with(one, engine, url,
		  (struct sluice_get_options){
			  .output = one->output, .no_sync = true, .streams = streams});
}

static void open_get(struct one *one, struct sluice_engine *engine, const struct fixture *fixture,
		     const char *url, const char *output)
{
	open_streams(one, engine, fixture, url, output, 1);
}

static struct sluice_engine *open_engine(void)
{
	struct sluice_engine *engine;

	assert_int_equal(sluice_engine_open(&engine, NULL, NULL), 0);
	return engine;
}

static void finish(struct one *one, struct sluice_engine *engine)
{
	while (!one->has_ended)
		assert_int_equal(sluice_engine_run(engine, -1), 0);
	sluice_get_close(one->get);
}

static const char *url_of(const struct fixture *fixture, const char *name)
{
	static char url[256];

	snprintf(url, sizeof(url), "%s%s", fixture->url, name);
	return url;
}

/* The size of a file as it came, -1 where there is none. */
static long size_of(const struct fixture *fixture, const char *name)
{
	char path[256];
	struct stat status;

	snprintf(path, sizeof(path), "%s/%s", fixture->here, name);
	return stat(path, &status) == 0 ? (long)status.st_size : -1;
}

static int count_descriptors(void)
{
	DIR *stream = opendir("/proc/self/fd");
	int count = 0;

	while (readdir(stream))
		count++;
	closedir(stream);
	return count;
}

/* Many */

/* Where there is memory for files: a disk's own time is not what is tested. */
static void choose_here(struct fixture *fixture)
{
	snprintf(fixture->here, sizeof(fixture->here), "%s", "/dev/shm/sluice-gets-XXXXXX");
	if (!mkdtemp(fixture->here))
		snprintf(fixture->here, sizeof(fixture->here), "%s/here", fixture->directory);
}

static void test_a_thousand_at_once(void **state)
{
	struct fixture fixture_here = *(struct fixture *)*state, *fixture = &fixture_here;
	struct sluice_engine *engine = open_engine();
	const char *url = url_of(fixture, "small");
	struct rlimit limit;
	struct one *gets;
	size_t count = GETS;

	choose_here(fixture);
	getrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur / DESCRIPTORS < count) {
		count = limit.rlim_cur / DESCRIPTORS;
		print_message("only %zu at once: the limit of descriptors\n", count);
	}
	gets = calloc(count, sizeof(*gets));
	for (size_t i = 0; i < count; i++) {
		char name[16];

		snprintf(name, sizeof(name), "%zu", i);
		open_get(&gets[i], engine, fixture, url, name);
	}
	for (size_t i = 0; i < count; i++) {
		finish(&gets[i], engine);
		if (gets[i].code < 0)
			fail_msg("%zu: %s", i, gets[i].error.text);
		assert_int_equal(gets[i].status, 200);
	}
	for (size_t i = 0; i < count; i++)
		assert_int_equal(size_of(fixture, strrchr(gets[i].output, '/') + 1), SMALL);
	free(gets);
	sluice_engine_close(engine);
	empty(fixture->here);
	if (strncmp(fixture->here, "/dev/shm/", 9) == 0)
		rmdir(fixture->here);
}

static void *run_engine(void *argument)
{
	struct fixture *fixture = argument;
	struct sluice_engine *engine = open_engine();
	char url[256];

	snprintf(url, sizeof(url), "%slarge", fixture->url);
	for (int i = 0; i < 5; i++) {
		struct one one, other;
		char names_here[2][40];

		snprintf(names_here[0], 40, "%lx", (unsigned long)pthread_self());
		snprintf(names_here[1], 40, "%lx-2", (unsigned long)pthread_self());
		open_get(&one, engine, fixture, url, names_here[0]);
		open_get(&other, engine, fixture, url, names_here[1]);
		finish(&other, engine);
		finish(&one, engine);
		if (one.code < 0 || other.code < 0)
			return "failed";
	}
	sluice_engine_close(engine);
	return NULL;
}

static void test_engines_in_two_threads(void **state)
{
	pthread_t threads[2];
	void *failure;

	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, run_engine, *state), 0);
	for (int i = 0; i < 2; i++) {
		pthread_join(threads[i], &failure);
		assert_null(failure);
	}
	empty(((struct fixture *)*state)->here);
}

static void test_engines_by_turns_in_one_thread(void **state)
{
	struct fixture *fixture = *state;
	struct sluice_engine *engines[2] = {open_engine(), open_engine()};
	struct one gets[2];

	for (int i = 0; i < 2; i++)
		open_get(&gets[i], engines[i], fixture, url_of(fixture, "large"), i ? "b" : "a");
	while (!gets[0].has_ended || !gets[1].has_ended) {
		struct pollfd fds[2] = {{sluice_engine_fd(engines[0]), POLLIN, 0},
					{sluice_engine_fd(engines[1]), POLLIN, 0}};

		assert_true(poll(fds, 2, -1) > 0);
		for (int i = 0; i < 2; i++)
			sluice_engine_run(engines[i], 0);
	}
	for (int i = 0; i < 2; i++) {
		assert_int_equal(gets[i].code, 0);
		sluice_get_close(gets[i].get);
		sluice_engine_close(engines[i]);
	}
	assert_int_equal(size_of(fixture, "a"), LARGE);
	assert_int_equal(size_of(fixture, "b"), LARGE);
	empty(fixture->here);
}

/* Ended early */

/* Whatever it was at: all that is left is what a later get continues, or makes anew. */
static void assert_can_go_on(struct fixture *fixture)
{
	struct sluice_engine *engine = open_engine();
	struct one one;

	open_get(&one, engine, fixture, url_of(fixture, "large"), "file");
	finish(&one, engine);
	if (one.code < 0)
		fail_msg("%s", one.error.text);
	sluice_engine_close(engine);
	assert_int_equal(size_of(fixture, "file"), LARGE);
	assert_int_equal(size_of(fixture, "file.part"), -1);
	assert_int_equal(size_of(fixture, "file.part.state"), -1);
	empty(fixture->here);
}

/* Closed after each of its turns: asking, in the body, while it is written, confirmed, named. */
static void test_closed_after_each_turn(void **state)
{
	struct fixture *fixture = *state;
	bool has_ended = false;

	for (int turns = 0; !has_ended; turns++) {
		int descriptors = count_descriptors();
		struct sluice_engine *engine = open_engine();
		struct one one;

		open_get(&one, engine, fixture, url_of(fixture, "large"), "file");
		for (int i = 0; i < turns && !one.has_ended; i++)
			assert_int_equal(sluice_engine_run(engine, -1), 0);
		has_ended = one.has_ended;
		sluice_get_close(one.get);
		sluice_engine_close(engine);
		assert_int_equal(one.code, 0);
		assert_int_equal(one.has_ended, has_ended);
		/* The server's come and go. */
		assert_in_range(count_descriptors(), 0, descriptors + 4);
		assert_can_go_on(fixture);
	}
}

/* The same with streams beside the first answer. */
static void test_closed_with_streams(void **state)
{
	struct fixture *fixture = *state;
	bool has_ended = false;

	for (int turns = 1; !has_ended; turns += 1 + turns / 6) {
		struct sluice_engine *engine = open_engine();
		struct one one;

		open_streams(&one, engine, fixture, url_of(fixture, "huge"), "file", 4);
		for (int i = 0; i < turns && !one.has_ended; i++)
			assert_int_equal(sluice_engine_run(engine, -1), 0);
		has_ended = one.has_ended;
		sluice_get_close(one.get);
		sluice_engine_close(engine);
		assert_int_equal(one.code, 0);
	}
	assert_int_equal(size_of(fixture, "file"), HUGE);
	empty(fixture->here);
}

static void test_closed_while_a_name_is_looked_up(void **state)
{
	struct fixture *fixture = *state;
	struct sluice_engine *engine = open_engine();
	struct one hangs, other;

	open_get(&hangs, engine, fixture, "http://hangs.test/file", "file");
	open_get(&other, engine, fixture, url_of(fixture, "small"), "other");
	/* Nobody waits for it: others go on. */
	finish(&other, engine);
	assert_int_equal(other.code, 0);
	sem_wait(&names.entered);
	sluice_get_close(hangs.get);
	assert_false(hangs.has_ended);
	sem_post(&names.released);
	sluice_engine_close(engine);
	empty(fixture->here);
}

static void test_closed_while_it_syncs(void **state)
{
	struct fixture *fixture = *state;
	struct sluice_engine *engine = open_engine();
	struct one one = {0};

	sem_init(&sync_gate.entered, 0, 0);
	sem_init(&sync_gate.released, 0, 0);
	sync_gate.holds = true;
	snprintf(one.output, sizeof(one.output), "%s/file", fixture->here);
	open_with(&one, engine, url_of(fixture, "large"),
		  (struct sluice_get_options){.output = one.output});
	while (sem_trywait(&sync_gate.entered) < 0)
		assert_int_equal(sluice_engine_run(engine, 1), 0);
	sync_gate.holds = false;
	sluice_get_close(one.get);
	assert_false(one.has_ended);
	assert_int_equal(size_of(fixture, "file"), -1);
	sem_post(&sync_gate.released);
	sluice_engine_close(engine);
	assert_can_go_on(fixture);
}

static void test_closed_while_nobody_reads_its_output(void **state)
{
	struct fixture *fixture = *state;
	struct sluice_engine *engine = open_engine();
	int ends[2], held = 0, before = -1;
	struct one one = {0};

	assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
	open_with(&one, engine, url_of(fixture, "large"),
		  (struct sluice_get_options){.to_fd = true, .output_fd = ends[1]});
	while (held == 0 || held != before) {
		before = held;
		for (int i = 0; i < 20; i++)
			assert_int_equal(sluice_engine_run(engine, 1), 0);
		assert_int_equal(ioctl(ends[0], FIONREAD, &held), 0);
	}
	assert_false(one.has_ended);
	sluice_get_close(one.get);
	close(ends[0]);
	close(ends[1]);
	sluice_engine_close(engine);
}

static void test_two_outputs_that_are_one(void **state)
{
	struct fixture *fixture = *state;
	struct sluice_engine *engine = open_engine();
	struct one gets[2] = {0};
	int ends[2];

	assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
	for (int i = 0; i < 2; i++)
		open_with(&gets[i], engine, url_of(fixture, "large"),
			  (struct sluice_get_options){.to_fd = true, .output_fd = ends[1]});
	while (!gets[0].has_ended && !gets[1].has_ended)
		assert_int_equal(sluice_engine_run(engine, -1), 0);
	assert_int_equal(gets[gets[1].has_ended].code, -EBUSY);
	for (int i = 0; i < 2; i++)
		sluice_get_close(gets[i].get);
	close(ends[0]);
	close(ends[1]);
	sluice_engine_close(engine);
}

/* A socket that takes no connection: those that come are dropped, for there are too many. */
static int open_dead(int fillers[4])
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(in);
	int listening = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(listening, (struct sockaddr *)&in, size), 0);
	assert_int_equal(listen(listening, 0), 0);
	assert_int_equal(getsockname(listening, (struct sockaddr *)&in, &size), 0);
	for (int i = 0; i < 4; i++) {
		fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		connect(fillers[i], (struct sockaddr *)&in, size);
	}
	return listening;
}

static void close_dead(int listening, const int fillers[4])
{
	for (int i = 0; i < 4; i++)
		close(fillers[i]);
	close(listening);
}

static void test_closed_while_it_connects(void **state)
{
	int fillers[4], listening = open_dead(fillers);
	struct sluice_engine *engine = open_engine();
	struct one one;
	char url[64];

	snprintf(url, sizeof(url), "http://127.0.0.1:%d/file", port_of(listening));
	open_get(&one, engine, *state, url, "file");
	for (int i = 0; i < 5; i++)
		sluice_engine_run(engine, 1);
	assert_false(one.has_ended);
	sluice_get_close(one.get);
	sluice_engine_close(engine);
	close_dead(listening, fillers);
}

/* A server that says this and no more. */
static void close_after(struct fixture *fixture, const char *answer)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int listening = socket(AF_INET, SOCK_STREAM, 0), fd;
	struct sluice_engine *engine = open_engine();
	char url[64], request[2048];
	struct one one;

	assert_int_equal(bind(listening, (struct sockaddr *)&in, sizeof(in)), 0);
	assert_int_equal(listen(listening, 1), 0);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/file", port_of(listening));
	open_get(&one, engine, fixture, url, "file");
	sluice_engine_run(engine, 0);
	fd = accept(listening, NULL, NULL);
	while (recv(fd, request, sizeof(request), MSG_DONTWAIT) <= 0)
		sluice_engine_run(engine, 1);
	assert_int_equal(send(fd, answer, strlen(answer), 0), strlen(answer));
	for (int i = 0; i < 20; i++)
		sluice_engine_run(engine, 1);
	assert_false(one.has_ended);
	sluice_get_close(one.get);
	sluice_engine_close(engine);
	close(fd);
	close(listening);
}

static void test_closed_while_it_waits_for_the_server(void **state)
{
	struct fixture *fixture = *state;

	close_after(fixture, "");
	close_after(fixture, "HTTP/1.1 200 OK\r\nContent-Le");
	assert_int_equal(size_of(fixture, "file.part"), -1);
	close_after(fixture, "HTTP/1.1 404 No\r\nContent-Type: text/plain\r\n\r\nIt is");
	assert_int_equal(size_of(fixture, "file.part"), -1);
	close_after(fixture, "HTTP/1.1 200 OK\r\nContent-Length: 99\r\nETag: \"1\"\r\n\r\nbegin");
	/* A small file is in memory until it is whole. */
	assert_int_equal(size_of(fixture, "file.part"), -1);
	close_after(fixture,
		    "HTTP/1.1 200 OK\r\nContent-Length: 999999\r\nETag: \"1\"\r\n\r\nbegin");
	assert_int_equal(size_of(fixture, "file"), -1);
	/* As after a kill: the part is there. */
	assert_true(size_of(fixture, "file.part") >= 0);
	assert_true(size_of(fixture, "file.part.state") > 0);
	empty(fixture->here);
	close_after(fixture, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nbe");
	assert_true(size_of(fixture, "file.part") >= 0);
	empty(fixture->here);
}

/* Addresses */

static void test_a_dead_address_is_no_end(void **state)
{
	struct fixture *fixture = *state;
	int fillers[4];
	struct sluice_engine *engine = open_engine();
	struct one one;

	names.listening = open_dead(fillers);
	open_get(&one, engine, fixture, "http://dead.test/small", "file");
	/* Its time limit is longer than this test's. */
	finish(&one, engine);
	if (one.code < 0)
		fail_msg("%s", one.error.text);
	assert_int_equal(size_of(fixture, "file"), SMALL);
	sluice_engine_close(engine);
	close_dead(names.listening, fillers);
	empty(fixture->here);
}

static void test_a_name_that_nobody_knows(void **state)
{
	struct sluice_engine *engine = open_engine();
	struct one one;

	open_get(&one, engine, *state, "http://unknown.test/file", "file");
	finish(&one, engine);
	assert_int_equal(one.code, -EHOSTUNREACH);
	assert_non_null(strstr(one.error.text, "host unknown.test: "));
	sluice_engine_close(engine);
}

static void test_a_lookup_that_gets_no_thread(void **state)
{
	struct sluice_engine *engine = open_engine();
	struct one one;

	has_no_threads = true;
	open_get(&one, engine, *state, "http://unknown.test/file", "file");
	finish(&one, engine);
	has_no_threads = false;
	assert_int_equal(one.code, -ENOMEM);
	assert_non_null(strstr(one.error.text, "looking up unknown.test: no thread"));
	sluice_engine_close(engine);
}

static void test_what_cannot_begin_says_so_at_once(void **state)
{
	struct fixture *fixture = *state;
	struct sluice_engine *engine = open_engine();
	struct sluice_get_options options = {.size = sizeof(options), .output = fixture->here};
	struct sluice_get *get;
	struct sluice_error error;

	assert_int_equal(sluice_get_open(&get, engine, "ftp://a/b", NULL, on_done, NULL, &error),
			 -EINVAL);
	assert_true(*error.text);
	assert_int_equal(sluice_get_open(&get, engine, url_of(fixture, "small"), &options, on_done,
					 NULL, &error),
			 -EISDIR);
	sluice_get_close(NULL);
	sluice_engine_close(engine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_thousand_at_once),
		cmocka_unit_test(test_engines_in_two_threads),
		cmocka_unit_test(test_engines_by_turns_in_one_thread),
		cmocka_unit_test(test_closed_after_each_turn),
		cmocka_unit_test(test_closed_with_streams),
		cmocka_unit_test(test_closed_while_a_name_is_looked_up),
		cmocka_unit_test(test_closed_while_it_syncs),
		cmocka_unit_test(test_closed_while_nobody_reads_its_output),
		cmocka_unit_test(test_two_outputs_that_are_one),
		cmocka_unit_test(test_closed_while_it_connects),
		cmocka_unit_test(test_closed_while_it_waits_for_the_server),
		cmocka_unit_test(test_a_dead_address_is_no_end),
		cmocka_unit_test(test_a_name_that_nobody_knows),
		cmocka_unit_test(test_a_lookup_that_gets_no_thread),
		cmocka_unit_test(test_what_cannot_begin_says_so_at_once),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
