/* SPDX-License-Identifier: MIT */
/*
 * Every way to move bytes against every other, the places where one cannot work, and bad luck of
 * all kinds.
 */
#include "path-files.h"

#include "cache/residency.h"
#include "fault.h"
#include "host/file.h"
#include "sluice.h"

#include <linux/capability.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

/* Whole transfers, by the public calls */

struct sender {
	pthread_t thread;
	int socket, result;
	uint64_t offset, length;
	struct sluice_transfer_options options;
	struct sluice_bill *bill;
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
	bool length_is_unknown, may_lock_nothing, no_sync;
};

/* Its figures, without its lists, once every byte was found there. */
static struct sluice_bill figures(struct sluice_bill *bill)
{
	struct sluice_bill figures = bill ? *bill : (struct sluice_bill){0};
	uint64_t sum = 0;

	for (unsigned i = 0; i < figures.path_count; i++)
		sum += figures.paths[i].bytes;
	assert_int_equal(sum, figures.bytes);
	figures.paths = NULL;
	figures.system_calls_by_name = NULL;
	sluice_bill_free(bill);
	return figures;
}

/* Moves it and returns what both ends said: 0, or one of the failures. */
static int move(const struct row *row, struct sluice_bill bills[2])
{
	struct sluice_transfer_options options = {
		.size = sizeof(options), .path = row->receive, .no_sync = row->no_sync};
	struct sluice_error error = {0};
	struct sender sender = {.offset = row->from,
				.length = row->length,
				.options.size = sizeof(sender.options),
				.options.path = row->send,
				.may_lock_nothing = row->may_lock_nothing};
	struct sluice_bill *bill;
	int pair[2], result;

	tcp_pair(pair);
	assert_int_equal(ftruncate(target, 0), 0);
	sender.socket = pair[0];
	assert_int_equal(pthread_create(&sender.thread, NULL, run_sender, &sender), 0);
	result = sluice_receive_file(pair[1], target, row->at,
				     row->length_is_unknown ? UINT64_MAX : row->length, &options,
				     &bill, &error);
	close(pair[1]);
	pthread_join(sender.thread, NULL);
	bills[0] = figures(sender.bill);
	bills[1] = figures(bill);
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

static bool has_no_disk(void)
{
	return host_file_is_in_memory(target);
}

/* Before Linux 6.5 there is no cachestat(2): the bill then says that it is not known. */
static bool can_tell_what_is_cold(void)
{
	return cache_look(source, 0, SIZE).cold_bytes >= 0;
}

/* How often each byte is copied on loopback, where the kernel copies what zerocopy refers to. */
static unsigned copies(const char *path, bool is_sending)
{
	static const struct {
		const char *path;
		unsigned send, receive;
	} rows[] = {{"readwrite", 2, 2}, {"mmap", 1, 0},    {"sendfile", 0, 0},  {"splice", 0, 1},
		    {"direct", 1, 1},    {"discard", 0, 0}, {"dontcache", 0, 2}, {"ninth", 2, 2}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (strcmp(rows[i].path, path) == 0)
			return is_sending ? rows[i].send : rows[i].receive;
	fail_msg("no row for %s", path);
	return 0;
}

static void assert_copies(const struct row *row, const struct sluice_bill bills[2])
{
	if (strcmp(row->send, "zerocopy") != 0)
		assert_int_equal(bills[0].cpu_copied_bytes, row->length * copies(row->send, true));
	else
		/* Into the buffer by the CPU or by the disk, then all of them copied after all. */
		assert_in_range(bills[0].cpu_copied_bytes, row->length, 2 * row->length);
	assert_int_equal(bills[1].cpu_copied_bytes, row->length * copies(row->receive, false));
	if (bills[0].device_moved_bytes == -1)
		assert_false(can_tell_what_is_cold() || strcmp(row->send, "direct") == 0);
	else
		assert_in_range(bills[0].device_moved_bytes, 0, row->length);
	if (row->no_sync && strcmp(row->receive, "direct") != 0)
		assert_in_range(bills[1].device_moved_bytes, 0, row->length);
	else
		assert_int_equal(
			bills[1].device_moved_bytes,
			strcmp(row->receive, "discard") == 0 || has_no_disk() ? 0 : row->length);
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
	assert_copies(row, bills);
	if (strcmp(row->receive, "discard") != 0)
		assert_received(row, row->length);
}

/* Only the whole file is waited for on the disk: how long that takes is the disk's affair. */
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
			struct row row = {
				send,    receive, pieces[i].from, pieces[i].at, pieces[i].length,
				variant, false,   i > 0};

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

/*
 * Whether the sender's bill says that the disk moved what was not in the page cache. The kernel may
 * take pages out, or read some, between the look and the transfer: then another try is right.
 */
static bool moves_what_is_cold(const char *path, bool is_cold)
{
	struct row row = {path, "discard", 0, 0, SIZE, false, false};
	struct sluice_bill bills[2];
	int64_t cold;

	for (int tries = 0; tries < 5; tries++) {
		assert_int_equal(pread(source, content, SIZE, 0), SIZE);
		if (is_cold)
			evict_source();
		cold = strcmp(path, "direct") == 0 ? SIZE : cache_look(source, 0, SIZE).cold_bytes;
		assert_int_equal(move(&row, bills), 0);
		if (bills[0].device_moved_bytes == cold)
			return true;
		print_message("# %s: %lld bytes moved, %lld cold\n", path,
			      (long long)bills[0].device_moved_bytes, (long long)cold);
	}
	return false;
}

static void the_disk_moves_what_is_cold(void **state)
{
	const char *path;

	if (has_no_disk() || !can_tell_what_is_cold()) {
		print_message("# no disk here, or no cachestat(2)\n");
		skip();
	}
	for (unsigned i = 0; (path = sluice_send_path_name(i)); i++) {
		if (!can_work_here(path))
			continue;
		assert_true(moves_what_is_cold(path, false));
		assert_true(moves_what_is_cold(path, true));
	}
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
	path_add(&path_send_fault, &path_recv_fault);
	assert_string_equal(sluice_send_path_name(6), "fault");
	assert_string_equal(sluice_receive_path_name(5), "fault");
	assert_null(sluice_send_path_name(7));
	assert_ptr_equal(path_send_find("fault"), &path_send_fault);
	path_add(NULL, NULL);
	assert_null(path_send_find("fault"));
}

static void a_path_that_the_library_does_not_know(void **state)
{
	const struct row row = {"ninth", "ninth", 3, 5, 4 << 20, false, false, true};
	struct path_send send = path_send_readwrite;
	struct path_recv recv = path_recv_readwrite;

	send.name = recv.name = "ninth";
	path_add(&send, &recv);
	assert_moves(&row);
	path_add(NULL, NULL);
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

	path_add(&path_send_fault, &path_recv_fault);
	for (int seed = 1; seed <= 50; seed++) {
		const struct row *row = &rows[seed % 3];
		struct sluice_bill bills[2];
		char text[16];
		int result;

		snprintf(text, sizeof(text), "%d", seed);
		setenv(FAULT_SEED, text, true);
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
	unsetenv(FAULT_SEED);
	assert_true(whole > 10 && cut > 5);
}

/* Where it cannot work */

static void zerocopy_needs_tcp(void **state)
{
	struct sluice_transfer_options options = {.size = sizeof(options), .path = "zerocopy"};
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
	struct sluice_transfer_options options = {.size = sizeof(options)};
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

/* ENOBUFS: at first with sends under way, where so much may be locked, then with none. */
static void little_memory_may_be_locked(void **state)
{
	static const rlim_t limits[] = {700 << 10, 0};
	struct rlimit before, now;

	assert_int_equal(getrlimit(RLIMIT_MEMLOCK, &before), 0);
	for (int i = 0; i < 2; i++) {
		struct row row = {"zerocopy", "readwrite", 0, 0, SIZE, false, true};

		now = before;
		now.rlim_cur = limits[i] < now.rlim_max ? limits[i] : now.rlim_max;
		assert_int_equal(setrlimit(RLIMIT_MEMLOCK, &now), 0);
		assert_moves(&row);
	}
	assert_int_equal(setrlimit(RLIMIT_MEMLOCK, &before), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_disk_moves_what_is_cold),
		cmocka_unit_test(names),
		cmocka_unit_test(every_pair_of_paths),
		cmocka_unit_test(a_path_that_the_library_does_not_know),
		cmocka_unit_test(bad_luck),
		cmocka_unit_test(zerocopy_needs_tcp),
		cmocka_unit_test(memory_has_neither_direct_nor_dontcache),
		cmocka_unit_test(little_memory_may_be_locked),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
