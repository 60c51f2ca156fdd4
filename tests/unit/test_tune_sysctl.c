/* SPDX-License-Identifier: MIT */
/*
 * Setting and restoring on a directory that stands for "/", with a stand-in for the kernel behind
 * each write: twins exclude one another, some values are refused or ignored, and the program may be
 * killed between any two writes.
 */
#include "tune/apply.h"

#include "sluice.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static const char *const directories[] = {
	"proc",
	"proc/sys",
	"proc/sys/vm",
	"proc/sys/net",
	"proc/sys/net/core",
	"proc/sys/net/ipv4",
	"proc/sys/kernel",
	"proc/sys/kernel/random",
	"sys",
	"sys/block",
	"sys/block/vda",
	"sys/block/vda/queue",
	"run",
};

static const char *const files[][2] = {
	{"proc/sys/kernel/random/boot_id", "first-boot\n"},
	{"proc/sys/vm/dirty_background_bytes", "0\n"},
	{"proc/sys/vm/dirty_background_ratio", "10\n"},
	{"proc/sys/vm/dirty_bytes", "4000000\n"},
	{"proc/sys/vm/dirty_ratio", "0\n"},
	{"proc/sys/vm/dirty_expire_centisecs", "3000\n"},
	{"proc/sys/vm/dirty_writeback_centisecs", "500\n"},
	{"proc/sys/vm/swappiness", "60\n"},
	{"proc/sys/net/core/rmem_max", "212992\n"},
	{"proc/sys/net/core/wmem_max", "212992\n"},
	{"proc/sys/net/ipv4/tcp_rmem", "4096\t131072\t6291456\n"},
	{"proc/sys/net/ipv4/tcp_wmem", "4096\t16384\t4194304\n"},
	{"sys/block/vda/queue/read_ahead_kb", "128\n"},
};

struct machine {
	struct tune_system system; /* first: the hook finds the rest */
	char directory[64];
	int writes, fail_at, die_at,
		ignore_at; /* the write that fails, kills, does nothing; 0: none */
	int error;
};

static void put(struct machine *machine, const char *path, const char *text)
{
	int fd = openat(machine->system.root, path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

/* What the kernel does on a write. */
static int write_hook(struct tune_system *system, const char *name, const char *value)
{
	struct machine *machine = (struct machine *)system;
	char device[32], twin[TUNE_NAME];
	int key = tune_key_find(name, device), result;

	machine->writes++;
	if (machine->writes == machine->die_at)
		_exit(77);
	if (machine->writes == machine->fail_at)
		return -machine->error;
	if (machine->writes == machine->ignore_at)
		return 0;
	result = tune_system_write(system, name, value);
	tune_key_name(tune_key_twin((enum tune_key)key), device, twin);
	return result < 0 || strcmp(twin, name) == 0 ? result
						     : tune_system_write(system, twin, "0");
}

static int setup(void **state)
{
	struct machine *machine = calloc(1, sizeof(*machine));

	strcpy(machine->directory, "/tmp/sluice-tune-XXXXXX");
	assert_non_null(mkdtemp(machine->directory));
	tune_system_init(&machine->system, open(machine->directory, O_RDONLY | O_DIRECTORY));
	machine->system.write = write_hook;
	for (size_t i = 0; i < sizeof(directories) / sizeof(*directories); i++)
		assert_int_equal(mkdirat(machine->system.root, directories[i], 0755), 0);
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		put(machine, files[i][0], files[i][1]);
	*state = machine;
	return 0;
}

static int teardown(void **state)
{
	struct machine *machine = *state;
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", machine->directory);
	close(machine->system.root);
	free(machine);
	*state = NULL;
	return system(command);
}

static void expect(struct machine *machine, const char *name, const char *value)
{
	char now[TUNE_VALUE];
	struct sluice_error error;

	if (tune_sysctl_read(&machine->system, name, now, &error) < 0)
		fail_msg("%s", error.text);
	if (strcmp(now, value) != 0)
		fail_msg("%s is %s instead of %s", name, now, value);
}

static void expect_first_values(struct machine *machine)
{
	expect(machine, "vm.dirty_background_bytes", "0");
	expect(machine, "vm.dirty_background_ratio", "10");
	expect(machine, "vm.dirty_bytes", "4000000");
	expect(machine, "vm.dirty_ratio", "0");
	expect(machine, "vm.swappiness", "60");
	expect(machine, "net.ipv4.tcp_rmem", "4096 131072 6291456");
	expect(machine, "/sys/block/vda/queue/read_ahead_kb", "128");
}

static void advise(struct tune_advice *advice, const char *name, const char *value)
{
	struct tune_line *line = &advice->lines[advice->count++];

	memset(line, 0, sizeof(*line));
	snprintf(line->name, sizeof(line->name), "%s", name);
	snprintf(line->advised, sizeof(line->advised), "%s", value);
	line->is_change = true;
	advice->changes++;
}

enum { STEPS = 5 };

/* Both pairs change sides. */
static struct tune_advice usual(void)
{
	struct tune_advice advice = {0};

	advise(&advice, "vm.dirty_background_bytes", "1000000");
	advise(&advice, "vm.dirty_ratio", "30");
	advise(&advice, "vm.swappiness", "10");
	advise(&advice, "/sys/block/vda/queue/read_ahead_kb", "4096");
	advise(&advice, "net.ipv4.tcp_rmem", "4096 131072 16777216");
	return advice;
}

static void expect_usual(struct machine *machine)
{
	expect(machine, "vm.dirty_background_bytes", "1000000");
	expect(machine, "vm.dirty_background_ratio", "0");
	expect(machine, "vm.dirty_bytes", "0");
	expect(machine, "vm.dirty_ratio", "30");
	expect(machine, "vm.swappiness", "10");
	expect(machine, "net.ipv4.tcp_rmem", "4096 131072 16777216");
	expect(machine, "/sys/block/vda/queue/read_ahead_kb", "4096");
}

static int revert(struct machine *machine, struct sluice_error *error)
{
	struct tune_state saved, found;

	return tune_revert(&machine->system, &saved, &found, error);
}

static void expect_no_state(struct machine *machine)
{
	struct tune_state saved;

	assert_int_equal(tune_state_read(machine->system.root, &saved, NULL), 0);
}

static void apply_and_revert(void **state)
{
	struct machine *machine = *state;
	struct tune_advice advice = usual();
	struct tune_state saved, found;
	struct sluice_error error;

	assert_int_equal(tune_apply(&machine->system, &advice, &error), 0);
	expect_usual(machine);
	put(machine, "proc/sys/vm/swappiness", "33\n"); /* by somebody else */
	assert_int_equal(tune_revert(&machine->system, &saved, &found, &error), 0);
	expect_first_values(machine);
	assert_int_equal(saved.count, STEPS);
	assert_string_equal(saved.saved[1].name, "vm.dirty_bytes");
	assert_string_equal(saved.saved[1].new_name, "vm.dirty_ratio");
	assert_string_equal(found.saved[2].value, "33");
	expect_no_state(machine);
	assert_int_equal(revert(machine, &error), -ENOENT);
}

/* The values from before the first one are those to go back to. */
static void apply_twice(void **state)
{
	struct machine *machine = *state;
	struct tune_advice advice = usual(), other = {0};
	struct sluice_error error;

	advise(&other, "vm.dirty_bytes", "9000000");
	advise(&other, "vm.dirty_expire_centisecs", "1000");
	assert_int_equal(tune_apply(&machine->system, &advice, &error), 0);
	assert_int_equal(tune_apply(&machine->system, &other, &error), 0);
	expect(machine, "vm.dirty_bytes", "9000000");
	assert_int_equal(revert(machine, &error), 0);
	expect_first_values(machine);
	expect(machine, "vm.dirty_expire_centisecs", "3000");
}

/* Whichever write fails, or is ignored: all is as it was, and it says so. */
static void all_or_none(void **state)
{
	struct machine *machine = *state;
	struct tune_advice advice = usual();
	struct sluice_error error;

	for (int at = 1; at <= STEPS; at++)
		for (int kind = 0; kind < 2; kind++) {
			machine->writes = 0;
			machine->fail_at = kind == 0 ? at : 0;
			machine->ignore_at = kind == 1 ? at : 0;
			machine->error = EINVAL;
			assert_true(tune_apply(&machine->system, &advice, &error) < 0);
			assert_non_null(strstr(error.text, "nothing is changed"));
			expect_first_values(machine);
			expect_no_state(machine);
		}
}

static void revert_all_or_none(void **state)
{
	struct machine *machine = *state;
	struct tune_advice advice = usual();
	struct sluice_error error;

	assert_int_equal(tune_apply(&machine->system, &advice, &error), 0);
	for (int at = 1; at <= STEPS; at++) {
		machine->writes = 0;
		machine->fail_at = at;
		machine->error = EIO;
		assert_true(revert(machine, &error) < 0);
		expect_usual(machine);
	}
	machine->fail_at = 0;
	assert_int_equal(revert(machine, &error), 0);
	expect_first_values(machine);
}

/* Killed before each write of --apply, and of --revert: a later --revert restores exactly. */
static void killed(struct machine *machine, int at, bool is_in_revert)
{
	struct tune_advice advice = usual();
	struct sluice_error error;
	int status;
	pid_t child = fork();

	if (child == 0) {
		if (is_in_revert)
			tune_apply(&machine->system, &advice, &error);
		machine->writes = 0;
		machine->die_at = at;
		if (is_in_revert)
			revert(machine, &error);
		else
			tune_apply(&machine->system, &advice, &error);
		_exit(1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(WEXITSTATUS(status), 77);
	if (revert(machine, &error) < 0)
		fail_msg("%s", error.text);
	expect_first_values(machine);
	expect_no_state(machine);
}

static void killed_between_writes(void **state)
{
	for (int at = 1; at <= STEPS; at++) {
		killed(*state, at, false);
		killed(*state, at, true);
	}
}

/* Nothing is written when one of the files is not there, or a value is out of range. */
static void refused_before_anything(void **state)
{
	struct machine *machine = *state;
	struct tune_advice advice = usual();
	struct sluice_error error;

	advise(&advice, "vm.swappiness", "500");
	assert_int_equal(tune_apply(&machine->system, &advice, &error), -ERANGE);
	assert_non_null(strstr(error.text, "0 to 200"));
	assert_int_equal(machine->writes, 0);
	expect_no_state(machine);

	advice = usual();
	assert_int_equal(unlinkat(machine->system.root, "proc/sys/net/ipv4/tcp_rmem", 0), 0);
	assert_int_equal(tune_apply(&machine->system, &advice, &error), -ENOENT);
	assert_non_null(strstr(error.text, "container"));
	assert_int_equal(machine->writes, 0);
	expect_no_state(machine);
}

/* After a restart the values are the kernel's own again. */
static void another_boot(void **state)
{
	struct machine *machine = *state;
	struct tune_advice advice = usual();
	struct sluice_error error;

	assert_int_equal(tune_apply(&machine->system, &advice, &error), 0);
	put(machine, "proc/sys/kernel/random/boot_id", "second-boot\n");
	assert_int_equal(revert(machine, &error), -ESTALE);
	expect_usual(machine); /* untouched */
	expect_no_state(machine);
}

static void damaged_state(void **state)
{
	static const char *const damaged[] = {
		"",
		"{",
		"[]",
		"{\"boot_id\": \"first-boot\"}",
		"{\"boot_id\": \"first-boot\", \"values\": [{\"name\": \"vm.swappiness\"}]}",
		"{\"boot_id\": \"first-boot\", \"values\": [{\"name\": \"vm.swappiness\", "
		"\"value\": \"900\", "
		"\"new_name\": \"vm.swappiness\", \"new_value\": \"10\"}]}",
		"{\"boot_id\": \"first-boot\", \"values\": [{\"name\": \"kernel.panic\", "
		"\"value\": \"1\", "
		"\"new_name\": \"kernel.panic\", \"new_value\": \"1\"}]}",
		"{\"boot_id\": \"first-boot\", \"values\": [{\"name\": "
		"\"/sys/block/../../proc/x/queue/read_ahead_kb\", \"value\": \"1\", \"new_name\": "
		"\"vm.swappiness\", \"new_value\": \"1\"}]}",
	};
	struct machine *machine = *state;
	struct tune_advice advice = usual();
	struct sluice_error error;

	assert_int_equal(mkdirat(machine->system.root, "run/sluice", 0755), 0);
	for (size_t i = 0; i < sizeof(damaged) / sizeof(*damaged); i++) {
		put(machine, "run/sluice/tune.state", damaged[i]);
		if (revert(machine, &error) != -EBADMSG)
			fail_msg("%s was taken", damaged[i]);
		assert_int_equal(tune_apply(&machine->system, &advice, &error), -EBADMSG);
		assert_int_equal(machine->writes, 0);
	}
}

static void one_at_a_time(void **state)
{
	struct machine *machine = *state;
	struct tune_advice advice = usual();
	struct sluice_error error;
	int lock = tune_state_lock(machine->system.root, &error);

	assert_true(lock >= 0);
	assert_true(tune_apply(&machine->system, &advice, &error) < 0);
	assert_non_null(strstr(error.text, "another"));
	expect_first_values(machine);
	close(lock);
	assert_int_equal(tune_lock(&machine->system, &error), 0);
	assert_true(tune_state_lock(machine->system.root, &error) < 0);
	assert_int_equal(tune_apply(&machine->system, &advice, &error), 0);
	assert_int_equal(revert(machine, &error), 0);
	tune_unlock(&machine->system);
	assert_int_equal(tune_apply(&machine->system, &advice, &error), 0);
}

/* Of a pair that reads 0 and 0 the ratio is in force, and can be gone back to. */
static void ratio_of_zero(void **state)
{
	struct machine *machine = *state;
	struct tune_advice advice = {0};
	struct sluice_error error;

	put(machine, "proc/sys/vm/dirty_background_ratio", "0\n");
	advise(&advice, "vm.dirty_background_bytes", "1000000");
	assert_int_equal(tune_apply(&machine->system, &advice, &error), 0);
	expect(machine, "vm.dirty_background_bytes", "1000000");
	assert_int_equal(revert(machine, &error), 0);
	expect(machine, "vm.dirty_background_bytes", "0");
	expect(machine, "vm.dirty_background_ratio", "0");
}

static void disk_taken_out(void **state)
{
	struct machine *machine = *state;
	struct tune_advice advice = usual();
	struct tune_state saved, found;
	struct sluice_error error;

	assert_int_equal(tune_apply(&machine->system, &advice, &error), 0);
	assert_int_equal(unlinkat(machine->system.root, "sys/block/vda/queue/read_ahead_kb", 0), 0);
	if (tune_revert(&machine->system, &saved, &found, &error) < 0)
		fail_msg("%s", error.text);
	assert_int_equal(saved.count, STEPS - 1);
	assert_int_equal(found.count, STEPS - 1);
	expect(machine, "vm.swappiness", "60");
	expect(machine, "net.ipv4.tcp_rmem", "4096 131072 6291456");
	expect_no_state(machine);
}

/* What an administrator made of it is restored, too. */
static void odd_triple(void **state)
{
	struct machine *machine = *state;
	struct tune_advice advice = usual();
	struct sluice_error error;

	put(machine, "proc/sys/net/ipv4/tcp_rmem", "4096\t131072\t65536\n");
	assert_int_equal(tune_apply(&machine->system, &advice, &error), 0);
	expect(machine, "net.ipv4.tcp_rmem", "4096 131072 16777216");
	if (revert(machine, &error) < 0)
		fail_msg("%s", error.text);
	expect(machine, "net.ipv4.tcp_rmem", "4096 131072 65536");
}

static void ranges(void **state)
{
	static const struct {
		const char *name, *value;
		int result;
	} rows[] = {
		{"vm.dirty_bytes", "1", -ERANGE},
		{"vm.dirty_bytes", "131072", 0},
		{"vm.dirty_bytes", "99999999999999999999", -EINVAL},
		{"vm.dirty_ratio", "101", -ERANGE},
		{"vm.dirty_ratio", "100", 0},
		{"vm.dirty_ratio", "-1", -EINVAL},
		{"vm.dirty_ratio", "", -EINVAL},
		{"vm.dirty_ratio", "20 ; rm", -EINVAL},
		{"vm.swappiness", "200", 0},
		{"vm.swappiness", "201", -ERANGE},
		{"net.core.rmem_max", "2147483648", -ERANGE},
		{"net.ipv4.tcp_rmem", "4096 131072", -EINVAL},
		{"net.ipv4.tcp_rmem", "4096 131072 65536", 0}, /* odd, but the kernel takes it */
		{"net.ipv4.tcp_rmem", "0 131072 65536", -ERANGE},
		{"net.ipv4.tcp_rmem", "4096 131072 6291456", 0},
		{"/sys/block/vda/queue/read_ahead_kb", "4096", 0},
		{"/sys/block/../queue/read_ahead_kb", "4096", -EINVAL},
		{"/sys/block/a/b/queue/read_ahead_kb", "4096", -EINVAL},
		{"kernel.panic", "1", -EINVAL},
		{"", "1", -EINVAL},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct sluice_error error;
		int result = tune_value_check(rows[i].name, rows[i].value, &error);

		if (result != rows[i].result)
			fail_msg("%s = %s: %d instead of %d", rows[i].name, rows[i].value, result,
				 rows[i].result);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(apply_and_revert),
		TEST(apply_twice),
		TEST(all_or_none),
		TEST(revert_all_or_none),
		TEST(killed_between_writes),
		TEST(refused_before_anything),
		TEST(another_boot),
		TEST(damaged_state),
		TEST(one_at_a_time),
		TEST(ratio_of_zero),
		TEST(odd_triple),
		TEST(disk_taken_out),
		cmocka_unit_test(ranges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
