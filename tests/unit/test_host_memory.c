/* SPDX-License-Identifier: MIT */
/* Memory and what control groups leave of it, on machines laid out in a directory. */
#include "host-tree.h"
#include "host/memory.h"
#include "host/mounts.h"
#include "host/read.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define MEMINFO                                                                                    \
	{                                                                                          \
		"proc/meminfo", "MemTotal:    8000 kB\nMemFree:  100 kB\nMemAvailable:   6000 "    \
				"kB\nSwapTotal:   700 kB\nSwapFree:  300 kB\n"                     \
	}
#define KB(count) ((uint64_t)(count)*1024)
#define NONE_V1   "9223372036854771712\n"

struct example {
	const char *name;
	struct tree_file files[16];
	uint64_t limit_bytes, high_bytes, group_bytes, available_bytes;
};

#define V2_MOUNT                                                                                   \
	{                                                                                          \
		"proc/self/mountinfo", "22 1 0:21 / /proc rw - proc proc rw\n"                     \
				       "31 23 0:28 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 " \
				       "cgroup2 rw,nsdelegate\n"                                   \
	}
#define V1_MOUNTS(root)                                                                            \
	{                                                                                          \
		"proc/self/mountinfo",                                                             \
			"33 31 0:30 " root " /sys/fs/cgroup/cpu\\054x rw - cgroup cgroup "         \
			"rw,cpu,cpuacct\n"                                                         \
			"35 31 0:32 " root " /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n" \
			"41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"            \
	}

static const struct example examples[] = {
	{"no control groups", {MEMINFO}, HOST_UNLIMITED, HOST_UNLIMITED, HOST_UNLIMITED, KB(6000)},
	{"version 2, its own limit; files and slab can be given up",
	 {MEMINFO,
	  V2_MOUNT,
	  {"proc/self/cgroup", "0::/a/b\n"},
	  {"sys/fs/cgroup/a/memory.max", "max\n"},
	  {"sys/fs/cgroup/a/b/memory.max", "1024000\n"},
	  {"sys/fs/cgroup/a/b/memory.high", "max\n"},
	  {"sys/fs/cgroup/a/b/memory.current", "1014000\n"},
	  {"sys/fs/cgroup/a/b/memory.stat",
	   "anon 5\nfile 900000\ninactive_anon 77\nactive_file 300000\ninactive_file 400000\n"
	   "slab_reclaimable 4000\n"}},
	 1024000,
	 HOST_UNLIMITED,
	 10000 + 704000,
	 10000 + 704000},
	{"version 2, the group above has less left",
	 {MEMINFO,
	  V2_MOUNT,
	  {"proc/self/cgroup", "0::/a/b\n"},
	  {"sys/fs/cgroup/a/memory.max", "900000\n"},
	  {"sys/fs/cgroup/a/memory.current", "850000\n"},
	  {"sys/fs/cgroup/a/memory.stat", "active_file 0\ninactive_file 20000\n"},
	  {"sys/fs/cgroup/a/b/memory.max", "800000\n"},
	  {"sys/fs/cgroup/a/b/memory.current", "100000\n"},
	  {"sys/fs/cgroup/a/b/memory.stat", "active_file 0\n"}},
	 800000,
	 HOST_UNLIMITED,
	 70000,
	 70000},
	{"version 2, memory.high slows down before memory.max ends it",
	 {MEMINFO,
	  V2_MOUNT,
	  {"proc/self/cgroup", "0::/a\n"},
	  {"sys/fs/cgroup/a/memory.max", "900000\n"},
	  {"sys/fs/cgroup/a/memory.high", "500000\n"},
	  {"sys/fs/cgroup/a/memory.current", "600000\n"},
	  {"sys/fs/cgroup/a/memory.stat", "active_file 0\n"}},
	 900000,
	 500000,
	 0,
	 0},
	{"version 1, total_ figures, a parent that limits more",
	 {MEMINFO,
	  V1_MOUNTS("/"),
	  {"proc/self/cgroup", "8:pids:/\n4:memory:/job/step\n1:cpu,cpuacct:/job\n0::/else\n"},
	  {"sys/fs/cgroup/memory/memory.limit_in_bytes", NONE_V1},
	  {"sys/fs/cgroup/memory/job/memory.limit_in_bytes", "2048000\n"},
	  {"sys/fs/cgroup/memory/job/memory.usage_in_bytes", "1048000\n"},
	  {"sys/fs/cgroup/memory/job/memory.stat",
	   "active_file 1\ninactive_file 1\ntotal_active_file 300\ntotal_inactive_file 700\n"},
	  {"sys/fs/cgroup/memory/job/step/memory.limit_in_bytes", NONE_V1}},
	 2048000,
	 HOST_UNLIMITED,
	 1001000,
	 1001000},
	{"version 1 in a container that sees its own part only",
	 {MEMINFO,
	  V1_MOUNTS("/docker/12ab"),
	  {"proc/self/cgroup", "4:memory:/docker/12ab\n"},
	  {"sys/fs/cgroup/memory/memory.limit_in_bytes", "4096\n"},
	  {"sys/fs/cgroup/memory/memory.usage_in_bytes", "96\n"},
	  {"sys/fs/cgroup/memory/memory.stat", "total_active_file 0\n"}},
	 4096,
	 HOST_UNLIMITED,
	 4000,
	 4000},
	{"a group outside of what is mounted: the topmost that is seen",
	 {MEMINFO,
	  V2_MOUNT,
	  {"proc/self/cgroup", "0::/../other\n"},
	  {"sys/fs/cgroup/memory.max", "5000\n"},
	  {"sys/fs/cgroup/memory.current", "1000\n"}},
	 5000,
	 HOST_UNLIMITED,
	 4000,
	 4000},
	{"a limit above what the machine has",
	 {MEMINFO,
	  V2_MOUNT,
	  {"proc/self/cgroup", "0::/\n"},
	  {"sys/fs/cgroup/memory.max", "999999999999\n"},
	  {"sys/fs/cgroup/memory.current", "0\n"}},
	 999999999999,
	 HOST_UNLIMITED,
	 999999999999,
	 KB(6000)},
};

static void test_available(void **state)
{
	for (size_t i = 0; i < sizeof(examples) / sizeof(*examples); i++) {
		const struct example *example = &examples[i];
		struct host_memory memory;
		char name[TREE_NAME];
		int root = tree_open(name, example->files);

		print_message("%s\n", example->name);
		assert_true(root >= 0);
		host_memory_read(root, &memory);
		tree_close(root, name);
		assert_int_equal(memory.cgroup.limit_bytes, example->limit_bytes);
		assert_int_equal(memory.cgroup.high_bytes, example->high_bytes);
		assert_int_equal(memory.cgroup.available_bytes, example->group_bytes);
		assert_int_equal(memory.available_bytes, example->available_bytes);
		assert_int_equal(memory.total_bytes, KB(8000));
		assert_int_equal(memory.free_bytes, KB(6000));
		assert_int_equal(memory.swap_bytes, KB(700));
		assert_int_equal(memory.swap_free_bytes, KB(300));
		assert_int_equal(memory.zram_bytes, 0);
	}
}

static void test_swap_on_zram(void **state)
{
	static const struct tree_file files[] = {
		MEMINFO,
		{"proc/swaps", "Filename\tType\tSize\tUsed\tPriority\n"
			       "/dev/zram0                              partition\t400\t0\t100\n"
			       "/swap\\040file                          file\t300\t0\t-2\n"},
		{NULL, NULL},
	};
	struct host_memory memory;
	char name[TREE_NAME];
	int root = tree_open(name, files);

	assert_true(root >= 0);
	host_memory_read(root, &memory);
	tree_close(root, name);
	assert_int_equal(memory.zram_bytes, KB(400));
	assert_int_equal(memory.swap_bytes, KB(700));
}

static void test_nothing_told(void **state)
{
	static const struct tree_file none[] = {{NULL, NULL}};
	struct host_memory memory;
	char name[TREE_NAME];
	int root = tree_open(name, none);

	assert_true(root >= 0);
	host_memory_read(root, &memory);
	tree_close(root, name);
	assert_int_equal(memory.total_bytes, 0);
	assert_int_equal(memory.available_bytes, 0);
	assert_true(memory.cgroup.limit_bytes == HOST_UNLIMITED);
}

static void test_cores(void **state)
{
	static const struct {
		double cores;
		struct tree_file files[8];
	} machines[] = {
		{0, {V2_MOUNT, {"proc/self/cgroup", "0::/a\n"}}},
		{0,
		 {V2_MOUNT,
		  {"proc/self/cgroup", "0::/a\n"},
		  {"sys/fs/cgroup/a/cpu.max", "max 100000\n"}}},
		{1.5,
		 {V2_MOUNT,
		  {"proc/self/cgroup", "0::/a/b\n"},
		  {"sys/fs/cgroup/a/cpu.max", "150000 100000\n"},
		  {"sys/fs/cgroup/a/b/cpu.max", "200000 100000\n"}}},
		{0.5,
		 {V1_MOUNTS("/"),
		  {"proc/self/cgroup", "1:cpu,cpuacct:/job\n"},
		  {"sys/fs/cgroup/cpu,x/cpu.cfs_quota_us", "-1\n"},
		  {"sys/fs/cgroup/cpu,x/cpu.cfs_period_us", "100000\n"},
		  {"sys/fs/cgroup/cpu,x/job/cpu.cfs_quota_us", "25000\n"},
		  {"sys/fs/cgroup/cpu,x/job/cpu.cfs_period_us", "50000\n"}}},
	};

	for (size_t i = 0; i < sizeof(machines) / sizeof(*machines); i++) {
		char name[TREE_NAME];
		int root = tree_open(name, machines[i].files);
		double cores;

		assert_true(root >= 0);
		cores = host_cgroup_cores(root);
		tree_close(root, name);
		assert_float_equal(cores, machines[i].cores, 0.001);
	}
}

static void test_mounts(void **state)
{
	static const struct tree_file files[] = {
		{"proc/self/mountinfo",
		 "27 1 254:0 /sub /a\\040b\\134c rw,relatime shared:1 master:2 - ext4 /dev/vda rw\n"
		 "nonsense\n"
		 "9 27 0:44 / /o rw - overlay none rw,lowerdir=/l,upperdir=/u/x,workdir=/w\n"},
		{NULL, NULL},
	};
	struct host_mount mount = {0};
	size_t length;
	char name[TREE_NAME];
	int root = tree_open(name, files);
	FILE *mounts = host_mounts_open(root);

	assert_non_null(mounts);
	assert_true(host_mount_next(mounts, &mount));
	assert_int_equal(mount.id, 27);
	assert_int_equal(mount.major, 254);
	assert_string_equal(mount.root, "/sub");
	assert_string_equal(mount.point, "/a b\\c");
	assert_string_equal(mount.type, "ext4");
	assert_string_equal(mount.source, "/dev/vda");
	assert_true(host_mount_next(mounts, &mount));
	assert_int_equal(mount.minor, 44);
	assert_memory_equal(host_list_value(mount.super_options, "upperdir", &length), "/u/x", 4);
	assert_int_equal(length, 4);
	assert_null(host_list_value(mount.super_options, "rw", &length));
	assert_true(host_list_has(mount.super_options, "rw"));
	assert_false(host_list_has(mount.super_options, "r"));
	assert_false(host_mount_next(mounts, &mount));
	fclose(mounts);
	host_mount_free(&mount);
	tree_close(root, name);
}

static void test_numbers(void **state)
{
	static const struct tree_file files[] = {{"a", "12\n"}, {"b", "12 x\n"}, {"c", "-1\n"},
						 {"d", ""},     {"e", "max\n"},  {NULL, NULL}};
	char name[TREE_NAME], text[3];
	int root = tree_open(name, files);
	uint64_t value = 0;

	assert_int_equal(host_read_number(root, "a", &value), 0);
	assert_int_equal(value, 12);
	assert_int_equal(host_read_number(root, "b", &value), -ENODATA);
	assert_int_equal(host_read_number(root, "c", &value), -ENODATA);
	assert_int_equal(host_read_number(root, "d", &value), -ENODATA);
	assert_int_equal(host_read_number(root, "e", &value), -ENODATA);
	assert_int_equal(host_read_number(root, "f", &value), -ENOENT);
	assert_int_equal(host_read(root, "e", text, sizeof(text)), 2);
	assert_string_equal(text, "ma");
	tree_close(root, name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_available),    cmocka_unit_test(test_swap_on_zram),
		cmocka_unit_test(test_nothing_told), cmocka_unit_test(test_cores),
		cmocka_unit_test(test_mounts),       cmocka_unit_test(test_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
