/* SPDX-License-Identifier: MIT */
/*
 * Every way to move bytes against every other, and what may happen to each of them: a file that
 * becomes shorter, a place where it cannot work, an end in the middle, and bad luck of all kinds.
 */
#include "path/notices.h"
#include "path/path.h"
#include "sluice.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

enum { SIZE = (16 << 20) + 123 };

static int source, target;
static char *content;

static int temporary_file(const char *folder)
{
	char name[256];
	int fd;

	snprintf(name, sizeof(name), "%s/sluice-unit-XXXXXX", folder);
	fd = mkstemp(name);
	assert_true(fd >= 0);
	unlink(name);
	return fd;
}

static const char *disk(void)
{
	const char *folder = getenv("SLUICE_TEST_DIR");

	return folder ? folder : "/var/tmp";
}

static void fill(int fd)
{
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(pwrite(fd, content, SIZE, 0), SIZE);
	assert_int_equal(fsync(fd), 0);
}

static int set_up(void **state)
{
	uint32_t random = 1;

	signal(SIGPIPE, SIG_IGN);
	content = malloc(SIZE);
	for (size_t i = 0; i < SIZE; i++) {
		random = random * 1664525 + 1013904223;
		content[i] = (char)(random >> 24);
	}
	source = temporary_file(disk());
	target = temporary_file(disk());
	fill(source);
	return 0;
}

static int tear_down(void **state)
{
	close(source);
	close(target);
	free(content);
	return 0;
}

static void tcp_pair(int pair[2])
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(address);
	int listening = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(listening, (struct sockaddr *)&address, size), 0);
	assert_int_equal(listen(listening, 1), 0);
	assert_int_equal(getsockname(listening, (struct sockaddr *)&address, &size), 0);
	pair[0] = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(pair[0], (struct sockaddr *)&address, size), 0);
	pair[1] = accept(listening, NULL, NULL);
	assert_true(pair[1] >= 0);
	close(listening);
}

/* Whole transfers, by the public calls */

struct sender {
	pthread_t thread;
	int socket, result;
	uint64_t offset, length;
	struct sluice_transfer_options options;
	struct sluice_bill bill;
	struct sluice_error error;
	bool may_lock_nothing;
};

static void drop_lock_capability(void)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2];

	assert_int_equal(syscall(SYS_capget, &header, data), 0);
	data[0].effective &= ~(1u << CAP_IPC_LOCK);
	assert_int_equal(syscall(SYS_capset, &header, data), 0);
}

static void *run_sender(void *argument)
{
	struct sender *sender = argument;

	if (sender->may_lock_nothing)
		drop_lock_capability(); /* of this thread */
	sender->result = sluice_send_file(sender->socket, source, sender->offset, sender->length,
					  &sender->options, &sender->bill, &sender->error);
	close(sender->socket);
	return NULL;
}

struct row {
	const char *send, *receive;
	uint64_t from, at;
	size_t length;
	bool length_is_unknown, may_lock_nothing;
};

/* Moves it and returns what both ends said: 0, or one of the failures. */
static int move(const struct row *row, struct sluice_bill bills[2])
{
	struct sluice_transfer_options options = {.path = row->receive};
	struct sluice_error error = {0};
	struct sender sender = {.offset = row->from,
				.length = row->length,
				.options.path = row->send,
				.may_lock_nothing = row->may_lock_nothing};
	int pair[2], result;

	tcp_pair(pair);
	assert_int_equal(ftruncate(target, 0), 0);
	sender.socket = pair[0];
	assert_int_equal(pthread_create(&sender.thread, NULL, run_sender, &sender), 0);
	result = sluice_receive_file(pair[1], target, row->at,
				     row->length_is_unknown ? UINT64_MAX : row->length, &options,
				     &bills[1], &error);
	close(pair[1]);
	pthread_join(sender.thread, NULL);
	bills[0] = sender.bill;
	if (result < 0 || sender.result < 0)
		print_message("# %s to %s: %s; %s\n", row->send, row->receive, sender.error.text,
			      error.text);
	return result < 0 ? result : sender.result;
}

static void assert_received(const struct row *row, size_t length)
{
	char *copy = malloc(length + 1);

	assert_int_equal(pread(target, copy, length, (off_t)row->at), length);
	assert_true(memcmp(copy, content + row->from, length) == 0);
	free(copy);
}

static void assert_moves(const struct row *row)
{
	struct sluice_bill bills[2];

	if (move(row, bills) < 0)
		fail_msg("%s to %s, %zu from %llu", row->send, row->receive, row->length,
			 (unsigned long long)row->from);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(bills[i].bytes, row->length);
		assert_int_equal(bills[i].path_count, row->length > 0);
	}
	assert_true(bills[0].zerocopy_copied <= bills[0].zerocopy_sends);
	if (strcmp(row->receive, "discard") != 0)
		assert_received(row, row->length);
}

static bool can_direct(void)
{
	struct path_file *file;
	bool can;

	assert_int_equal(path_file_open(&file, target, true, false), 0);
	can = path_file_need_direct(file) == 0;
	path_file_release(file);
	return can;
}

static bool can_dontcache(void)
{
	struct path_file *file;
	bool can;

	assert_int_equal(path_file_open(&file, target, true, false), 0);
	can = path_file_need_dontcache(file) == 0;
	assert_int_equal(file->can_dontcache, can);
	path_file_release(file);
	return can;
}

static bool can_work_here(const char *path)
{
	if (strcmp(path, "direct") == 0)
		return can_direct();
	return strcmp(path, "dontcache") != 0 || can_dontcache();
}

/* Written back and out of the page cache. */
static void evict_source(void)
{
	fsync(source);
	posix_fadvise(source, 0, 0, POSIX_FADV_DONTNEED);
}

static void move_pieces(const char *send, const char *receive)
{
	static const struct {
		uint64_t from, at;
		size_t length;
	} pieces[] = {{0, 0, SIZE},          {1, 0, 4096},          {4095, 8192, 4 << 20},
		      {123, 77, 3 << 20},    {SIZE - 1, 0, 1},      {0, 0, 0},
		      {5 << 20, 4096, 4097}, {(4 << 20) - 1, 0, 2}, {511, 512, (8 << 20) + 5}};

	for (size_t i = 0; i < sizeof(pieces) / sizeof(*pieces); i++)
		for (int variant = 0; variant < 2; variant++) {
			struct row row = {send,         receive,          pieces[i].from,
					  pieces[i].at, pieces[i].length, variant,
					  false};

			if (strcmp(receive, "direct") == 0)
				row.at &= ~(uint64_t)4095;
			if (variant)
				evict_source();
			assert_moves(&row);
		}
}

static void every_pair_of_paths(void **state)
{
	const char *send, *receive;

	for (unsigned s = 0; (send = sluice_send_path_name(s)); s++)
		for (unsigned r = 0; (receive = sluice_receive_path_name(r)); r++) {
			if (can_work_here(send) && can_work_here(receive))
				move_pieces(send, receive);
			else
				print_message("# not tried here: %s to %s\n", send, receive);
		}
}

static void the_same_without_io_uring(void **state)
{
	setenv("SLUICE_LOOP", "epoll", true);
	every_pair_of_paths(state);
	unsetenv("SLUICE_LOOP");
}

static void names(void **state)
{
	static const char *const sends[] = {"readwrite", "mmap",     "sendfile",
					    "splice",    "zerocopy", "direct"};
	static const char *const receives[] = {"readwrite", "splice", "dontcache", "direct",
					       "discard"};

	for (unsigned i = 0; i < 6; i++)
		assert_string_equal(sluice_send_path_name(i), sends[i]);
	for (unsigned i = 0; i < 5; i++)
		assert_string_equal(sluice_receive_path_name(i), receives[i]);
	assert_null(sluice_send_path_name(6));
	assert_null(sluice_receive_path_name(5));
	assert_null(path_send_find("fault"));
	setenv(PATH_FAULT_SEED, "1", true);
	assert_string_equal(sluice_send_path_name(6), "fault");
	assert_string_equal(sluice_receive_path_name(5), "fault");
	assert_null(sluice_send_path_name(7));
	assert_ptr_equal(path_send_find("fault"), &path_send_fault);
	unsetenv(PATH_FAULT_SEED);
}

/* Bad luck ends a transfer, or it does not; it never changes a byte. */
static void bad_luck(void **state)
{
	static const struct row rows[] = {
		{"fault", "readwrite", 3, 0, 4 << 20, false, false},
		{"sendfile", "fault", 0, 5, 4 << 20, false, false},
		{"fault", "fault", 1, 1, 1 << 20, true, false},
	};
	unsigned whole = 0, cut = 0;

	for (int seed = 1; seed <= 50; seed++) {
		const struct row *row = &rows[seed % 3];
		struct sluice_bill bills[2];
		char text[16];
		int result;

		snprintf(text, sizeof(text), "%d", seed);
		setenv(PATH_FAULT_SEED, text, true);
		result = move(row, bills);
		if (result == 0)
			assert_int_equal(bills[1].bytes, row->length);
		else
			assert_true(bills[0].bytes < row->length || bills[1].bytes < row->length);
		whole += result == 0;
		cut += result < 0;
		/* What a receiver that failed still held is not in the file. */
		if (result == 0)
			assert_received(row, row->length);
	}
	unsetenv(PATH_FAULT_SEED);
	assert_true(whole > 10 && cut > 5);
}

/* One path, step by step */

struct one {
	struct loop *loop;
	struct path_file *file;
	struct path_send_job job;
	const struct path_send *path;
	int pair[2];
	char *received;
	size_t received_length;
};

static void on_wake(struct path_send_job *job)
{
}

static void open_one(struct one *one, const struct path_send *path, enum loop_kind kind)
{
	*one = (struct one){.path = path};
	assert_int_equal(loop_open(&one->loop, kind, NULL), 0);
	assert_int_equal(path_file_open(&one->file, source, false, false), 0);
	tcp_pair(one->pair);
	fcntl(one->pair[0], F_SETFL, O_NONBLOCK);
	fcntl(one->pair[1], F_SETFL, O_NONBLOCK);
	one->received = malloc(SIZE);
	one->job = (struct path_send_job){
		.loop = one->loop,
		.file = one->file,
		.socket = one->pair[0],
		.limit = SIZE,
		.ahead = SIZE,
		.wake = on_wake,
	};
	if (path->open)
		assert_int_equal(path->open(&one->job), 0);
}

static void close_path(struct one *one)
{
	if (one->path->close)
		one->path->close(&one->job);
}

static void close_one(struct one *one)
{
	close(one->pair[0]);
	close(one->pair[1]);
	path_file_release(one->file);
	loop_close(one->loop);
	free(one->received);
}

static ssize_t receive(struct one *one)
{
	ssize_t count = recv(one->pair[1], one->received + one->received_length,
			     SIZE - one->received_length, 0);

	if (count > 0)
		one->received_length += (size_t)count;
	return count;
}

/* Steps until the socket takes no more, or the path's end; what it said last. */
static int64_t step_until_full(struct one *one)
{
	int64_t count = 1;

	for (int idle = 0; idle < 20 && (count > 0 || count == -EAGAIN);) {
		count = one->path->step(&one->job);
		if (count > 0)
			one->job.offset += (uint64_t)count;
		idle = count == -EAGAIN && one->job.wait == PATH_WAIT_SOCKET ? idle + 1 : 0;
		if (count == -EAGAIN)
			loop_run(one->loop, 1);
		if (one->job.offset == one->job.ahead)
			break;
	}
	return count;
}

/* Reads what comes and steps on, to the end. */
static int64_t step_to_end(struct one *one)
{
	int64_t count;

	do {
		receive(one);
		count = one->path->step(&one->job);
		if (count > 0)
			one->job.offset += (uint64_t)count;
		else
			loop_run(one->loop, 1);
	} while (count > 0 ? one->job.offset < one->job.ahead : count == -EAGAIN);
	return count;
}

static void truncate_under(const struct path_send *path, enum loop_kind kind)
{
	enum { LEFT = 5000 };
	struct one one;
	int64_t end;

	fill(source);
	open_one(&one, path, kind);
	assert_int_equal(step_until_full(&one), -EAGAIN);
	assert_true(one.job.offset < SIZE);
	assert_int_equal(ftruncate(source, LEFT), 0);
	end = step_to_end(&one);
	close_path(&one);
	shutdown(one.pair[0], SHUT_WR);
	while (receive(&one) != 0)
		;
	/* What was read ahead may still be sent; nothing else. */
	if (end != 0)
		fail_msg("%s: %lld at %llu", path->name, (long long)end,
			 (unsigned long long)one.job.offset);
	assert_true(one.job.offset < SIZE);
	assert_int_equal(one.received_length, one.job.offset);
	assert_memory_equal(one.received, content, LEFT);
	close_one(&one);
	fill(source);
}

static void a_file_that_becomes_shorter(void **state)
{
	for (const struct path_send *const *path = path_sends; *path; path++) {
		if (!can_work_here((*path)->name))
			continue;
		truncate_under(*path, LOOP_AUTO);
		truncate_under(*path, LOOP_EPOLL);
	}
}

/* The limit grows in small steps, as the stream releases bytes. */
static void nothing_beyond_the_limit(void **state)
{
	for (const struct path_send *const *path = path_sends; *path; path++) {
		struct one one;

		if (!can_work_here((*path)->name))
			continue;
		open_one(&one, *path, LOOP_AUTO);
		one.job.limit = 0;
		while (one.job.offset < one.job.ahead) {
			int64_t count;

			if (one.job.limit == one.job.offset)
				one.job.limit += one.job.ahead - one.job.offset < 700001
							 ? one.job.ahead - one.job.offset
							 : 700001;
			count = one.path->step(&one.job);
			assert_true(count > 0 || count == -EAGAIN);
			if (count > 0)
				one.job.offset += (uint64_t)count;
			else
				loop_run(one.loop, 1);
			assert_true(one.job.offset <= one.job.limit);
			while (receive(&one) > 0)
				assert_true(one.received_length <= one.job.limit);
		}
		close_path(&one);
		shutdown(one.pair[0], SHUT_WR);
		while (receive(&one) != 0)
			;
		assert_int_equal(one.received_length, SIZE);
		assert_true(memcmp(one.received, content, SIZE) == 0);
		close_one(&one);
	}
}

/* What is in the socket is right, whatever its path's memory is used for next. */
static void an_end_in_the_middle(void **state)
{
	for (const struct path_send *const *path = path_sends; *path; path++) {
		struct one one;
		char *scribble;

		if (!can_work_here((*path)->name))
			continue;
		open_one(&one, *path, LOOP_AUTO);
		assert_int_equal(step_until_full(&one), -EAGAIN);
		close_path(&one);
		for (int i = 0; i < LOOP_BUFFERS_MAX; i++)
			memset(loop_buffer_take(one.loop), 'x', LOOP_BUFFER_SIZE);
		scribble = mmap(NULL, 8 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
				-1, 0);
		memset(scribble, 'x', 8 << 20);
		shutdown(one.pair[0], SHUT_WR);
		while (receive(&one) != 0)
			loop_run(one.loop, 0);
		assert_true(one.received_length >= one.job.offset);
		assert_true(memcmp(one.received, content, one.received_length) == 0);
		munmap(scribble, 8 << 20);
		close_one(&one);
	}
}

static void an_end_before_the_first_step(void **state)
{
	for (const struct path_send *const *path = path_sends; *path; path++) {
		struct one one;

		if (!can_work_here((*path)->name))
			continue;
		evict_source();
		open_one(&one, *path, LOOP_AUTO);
		if (one.path->prefetch)
			one.path->prefetch(&one.job);
		close_path(&one);
		close_one(&one);
	}
}

/* Where it cannot work */

static void zerocopy_needs_tcp(void **state)
{
	struct sluice_transfer_options options = {.path = "zerocopy"};
	struct sluice_error error = {0};
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(sluice_send_file(pair[0], source, 0, 10, &options, NULL, &error),
			 -EOPNOTSUPP);
	close(pair[0]);
	close(pair[1]);
}

static void memory_has_neither_direct_nor_dontcache(void **state)
{
	static const char *const receives[] = {"direct", "dontcache"};
	struct sluice_transfer_options options = {0};
	struct sluice_error error = {0};
	int pair[2], file;

	if (access("/dev/shm", W_OK) != 0) {
		print_message("# no /dev/shm to try this on\n");
		skip();
	}
	file = temporary_file("/dev/shm");
	tcp_pair(pair);
	for (int i = 0; i < 2; i++) {
		options.path = receives[i];
		assert_int_equal(sluice_receive_file(pair[1], file, 0, 10, &options, NULL, &error),
				 -EOPNOTSUPP);
		assert_non_null(strstr(error.text, receives[i]));
	}
	assert_int_equal(write(file, "0123456789", 10), 10);
	options.path = "direct";
	assert_int_equal(sluice_send_file(pair[0], file, 0, 10, &options, NULL, &error),
			 -EOPNOTSUPP);
	close(pair[0]);
	close(pair[1]);
	close(file);
}

/* ENOBUFS: at first with sends under way, then with none. */
static void little_memory_may_be_locked(void **state)
{
	static const rlim_t limits[] = {700 << 10, 0};
	struct rlimit before, now;

	assert_int_equal(getrlimit(RLIMIT_MEMLOCK, &before), 0);
	for (int i = 0; i < 2; i++) {
		struct row row = {"zerocopy", "readwrite", 0, 0, SIZE, false, true};

		now = (struct rlimit){limits[i], before.rlim_max};
		assert_int_equal(setrlimit(RLIMIT_MEMLOCK, &now), 0);
		assert_moves(&row);
	}
	assert_int_equal(setrlimit(RLIMIT_MEMLOCK, &before), 0);
}

/* The numbers of zero-copy sends */

static void completions_in_any_order(void **state)
{
	static const uint32_t bases[] = {0, 77, UINT32_MAX - 1, UINT32_MAX - 4};

	for (size_t i = 0; i < sizeof(bases) / sizeof(*bases); i++) {
		struct notices notices = {0};
		struct notices_range a = {0}, b = {0}, *ranges[] = {&a, &b};
		uint32_t base = bases[i];

		notices_expect(&notices, &a);
		notices_expect(&notices, &a);
		notices_expect(&notices, &b);
		notices_complete(&notices, base + 1, base + 2, ranges, 2);
		assert_int_equal(a.open, 2); /* which ones is not known yet */
		assert_int_equal(b.open, 1);
		notices_complete(&notices, base, base, ranges, 2);
		assert_int_equal(a.open + b.open + notices_open(&notices), 0);
		a = (struct notices_range){0};
		notices_expect(&notices, &b);
		notices_expect(&notices, &a);
		notices_expect(&notices, &a);
		notices_complete(&notices, base + 5, base + 5, ranges, 2);
		assert_int_equal(a.open, 1);
		assert_int_equal(b.open, 1);
		notices_complete(&notices, base + 3, base + 4, ranges, 2);
		assert_int_equal(a.open + b.open + notices_open(&notices), 0);
	}
}

/* Several transfers on one connection: each learns anew where its numbers begin. */
static void one_connection_again_and_again(void **state)
{
	struct one one;

	open_one(&one, &path_send_zerocopy, LOOP_AUTO);
	for (int i = 0; i < 5; i++) {
		if (i > 0)
			assert_int_equal(one.path->open(&one.job), 0);
		one.job.ahead = one.job.limit = one.job.offset + (3 << 20) + 1;
		assert_true(step_to_end(&one) > 0);
		close_path(&one);
	}
	while (one.received_length < one.job.offset)
		receive(&one);
	assert_true(memcmp(one.received, content, one.received_length) == 0);
	close_one(&one);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),
		cmocka_unit_test(every_pair_of_paths),
		cmocka_unit_test(the_same_without_io_uring),
		cmocka_unit_test(a_file_that_becomes_shorter),
		cmocka_unit_test(nothing_beyond_the_limit),
		cmocka_unit_test(an_end_in_the_middle),
		cmocka_unit_test(an_end_before_the_first_step),
		cmocka_unit_test(bad_luck),
		cmocka_unit_test(zerocopy_needs_tcp),
		cmocka_unit_test(memory_has_neither_direct_nor_dontcache),
		cmocka_unit_test(little_memory_may_be_locked),
		cmocka_unit_test(completions_in_any_order),
		cmocka_unit_test(one_connection_again_and_again),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
