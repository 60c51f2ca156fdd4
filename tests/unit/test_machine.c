/* SPDX-License-Identifier: MIT */
/* CPUs, disks and TCP of machines laid out in a directory. */
#include "base/size.h"
#include "host-tree.h"
#include "machine/cpu.h"
#include "machine/disk.h"
#include "machine/filesystem.h"
#include "machine/huge.h"
#include "machine/network.h"
#include "machine/tcp.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define TOPOLOGY(number, siblings, package)                                                        \
	{"sys/devices/system/cpu/cpu" number "/topology/thread_siblings_list", siblings "\n"},     \
	{                                                                                          \
		"sys/devices/system/cpu/cpu" number "/topology/core_siblings_list", package "\n"   \
	}

static void test_cpu(void **state)
{
	static const struct tree_file files[] = {
		{"proc/cpuinfo", "processor\t: 0\nmodel name\t: Fast CPU @ 3 GHz\n\nprocessor\t: "
				 "1\nmodel name\t: Other\n"},
		{"proc/self/status", "Name:\tx\nCpus_allowed:\tff\nCpus_allowed_list:\t0-1,3\n"},
		{"sys/devices/system/cpu/online", "0-3\n"},
		TOPOLOGY("0", "0,2", "0,2"),
		TOPOLOGY("1", "1,3", "1,3"),
		TOPOLOGY("2", "0,2", "0,2"),
		TOPOLOGY("3", "1,3", "1,3"),
		{"sys/devices/system/node/online", "0,2\n"},
		{"sys/devices/system/node/node0/cpulist", "0,2\n"},
		{"sys/devices/system/node/node0/meminfo",
		 "Node 0 MemTotal:  1024 kB\nNode 0 MemFree:  1 kB\n"},
		{"sys/devices/system/node/node2/cpulist", "1,3\n"},
		{"sys/devices/system/node/node2/meminfo", "Node 2 MemTotal:  2048 kB\n"},
		{NULL, NULL},
	};
	static struct host_cpu cpu;
	char name[TREE_NAME];
	int root = tree_open(name, files);

	assert_true(root >= 0);
	host_cpu_read(root, &cpu);
	tree_close(root, name);
	assert_string_equal(cpu.model, "Fast CPU @ 3 GHz");
	assert_int_equal(cpu.online, 4);
	assert_int_equal(cpu.allowed, 3);
	assert_int_equal(cpu.usable, 3);
	assert_int_equal(cpu.cores, 2);
	assert_int_equal(cpu.packages, 2);
	assert_int_equal(cpu.node_count, 2);
	assert_int_equal(cpu.nodes[1].number, 2);
	assert_string_equal(cpu.nodes[1].cpus, "1,3");
	assert_int_equal(cpu.nodes[1].memory_bytes, 2 * MIB);
}

static void test_cpu_time_limited(void **state)
{
	static const struct tree_file files[] = {
		{"proc/self/status", "Cpus_allowed_list:\t0-63\n"},
		{"sys/devices/system/cpu/online", "0-63\n"},
		{"proc/self/cgroup", "0::/\n"},
		{"proc/self/mountinfo", "31 23 0:28 / /c rw - cgroup2 none rw\n"},
		{"c/cpu.max", "250000 100000\n"},
		{NULL, NULL},
	};
	static struct host_cpu cpu;
	char name[TREE_NAME];
	int root = tree_open(name, files);

	host_cpu_read(root, &cpu);
	tree_close(root, name);
	assert_int_equal(cpu.allowed, 64);
	assert_int_equal(cpu.usable, 3);
	assert_int_equal(cpu.cores, 0);
	assert_int_equal(cpu.node_count, 0);
}

#define BLOCK(number, place)                                                                       \
	{                                                                                          \
		"sys/dev/block/" number, "-> ../../" place                                         \
	}

/* A SATA disk with a partition, an NVMe pair in an md under device mapper, and others. */
static const struct tree_file disks[] = {
	BLOCK("8:0", "devices/pci0/ata1/host0/target0/block/sda"),
	BLOCK("8:1", "devices/pci0/ata1/host0/target0/block/sda/sda1"),
	{"sys/devices/pci0/ata1/host0/target0/block/sda/size", "2048\n"},
	{"sys/devices/pci0/ata1/host0/target0/block/sda/device/model", "SPINNER 1T   \n"},
	{"sys/devices/pci0/ata1/host0/target0/block/sda/queue/rotational", "1\n"},
	{"sys/devices/pci0/ata1/host0/target0/block/sda/queue/scheduler", "[mq-deadline] none\n"},
	{"sys/devices/pci0/ata1/host0/target0/block/sda/queue/nr_requests", "64\n"},
	{"sys/devices/pci0/ata1/host0/target0/block/sda/queue/read_ahead_kb", "128\n"},
	{"sys/devices/pci0/ata1/host0/target0/block/sda/queue/dma_alignment", "3\n"},
	{"sys/devices/pci0/ata1/host0/target0/block/sda/queue/logical_block_size", "512\n"},
	{"sys/devices/pci0/ata1/host0/target0/block/sda/queue/physical_block_size", "4096\n"},
	{"sys/devices/pci0/ata1/host0/target0/block/sda/queue/max_sectors_kb", "1280\n"},
	{"sys/devices/pci0/ata1/host0/target0/block/sda/queue/write_cache", "write back\n"},
	{"sys/devices/pci0/ata1/host0/target0/block/sda/queue/fua", "0\n"},
	{"sys/devices/pci0/ata1/host0/target0/block/sda/mq/0/nr_tags", "32\n"},
	{"sys/devices/pci0/ata1/host0/target0/block/sda/sda1/partition", "1\n"},
	BLOCK("259:0", "devices/pci1/nvme/nvme0/nvme0n1"),
	{"sys/devices/pci1/nvme/nvme0/nvme0n1/queue/rotational", "0\n"},
	{"sys/devices/pci1/nvme/nvme0/nvme0n1/queue/scheduler", "none\n"},
	{"sys/devices/pci1/nvme/nvme0/nvme0n1/queue/nr_requests", "1023\n"},
	{"sys/devices/pci1/nvme/nvme0/nvme0n1/device/numa_node", "1\n"},
	{"sys/devices/pci1/nvme/nvme0/nvme0n1/device/transport", "pcie\n"},
	{"sys/devices/pci1/nvme/nvme0/nvme0n1/mq/0/cpu", NULL},
	{"sys/devices/pci1/nvme/nvme0/nvme0n1/mq/1/cpu", NULL},
	BLOCK("259:1", "devices/pci1/nvme/nvme1/nvme1n1"),
	{"sys/devices/pci1/nvme/nvme1/nvme1n1/queue/nr_requests", "9\n"},
	BLOCK("9:0", "devices/virtual/block/md0"),
	{"sys/devices/virtual/block/md0/queue/read_ahead_kb", "512\n"},
	{"sys/devices/virtual/block/md0/slaves/nvme1n1/dev", "259:1\n"},
	{"sys/devices/virtual/block/md0/slaves/nvme0n1/dev", "259:0\n"},
	BLOCK("253:0", "devices/virtual/block/dm-0"),
	{"sys/devices/virtual/block/dm-0/size", "8\n"},
	{"sys/devices/virtual/block/dm-0/queue/read_ahead_kb", "1024\n"},
	{"sys/devices/virtual/block/dm-0/slaves/md0/dev", "9:0\n"},
	BLOCK("9:1", "devices/virtual/block/md1"),
	{"sys/devices/virtual/block/md1/slaves/nvme0n1/dev", "259:0\n"},
	{"sys/devices/virtual/block/md1/slaves/sda/dev", "8:0\n"},
	BLOCK("254:0", "devices/pci0/virtio1/block/vda"),
	{"sys/devices/pci0/virtio1/block/vda/queue/rotational", "1\n"},
	BLOCK("8:16", "devices/pci0/host1/block/sdb"),
	{"sys/devices/pci0/host1/block/sdb/queue/rotational", "0\n"},
	{"sys/devices/pci0/host1/block/sdb/device/vendor", "ATA     \n"},
	BLOCK("8:32", "devices/pci0/host2/block/sdc"),
	{"sys/devices/pci0/host2/block/sdc/queue/rotational", "1\n"},
	{"sys/devices/pci0/host2/block/sdc/device/vendor", "QEMU    \n"},
	BLOCK("8:48", "devices/platform/host3/session1/target3/block/sdd"),
	{"sys/devices/platform/host3/session1/target3/block/sdd/queue/rotational", "1\n"},
	BLOCK("179:0", "devices/platform/mmc0/block/mmcblk0"),
	{"sys/devices/platform/mmc0/block/mmcblk0/device/name", "BJTD4R\n"},
	BLOCK("252:0", "devices/virtual/block/zram0"),
	{"sys/devices/virtual/block/zram0/size", "8\n"},
	BLOCK("259:2", "devices/virtual/nvme-fabrics/nvme2/nvme2n1"),
	{"sys/devices/virtual/nvme-fabrics/nvme2/nvme2n1/device/transport", "tcp\n"},
	BLOCK("7:0", "devices/virtual/block/loop0"),
	{"sys/devices/virtual/block/loop0/loop/backing_file", "/gone.img (deleted)\n"},
	{"sys/devices/virtual/block/loop0/queue/rotational", "0\n"},
	BLOCK("8:64", "devices/pci0/host9/block/sde"),
	{"sys/devices/pci0/host9/block/sde/size", "16\n"},
	{NULL, NULL},
};

static void test_disk_kinds(void **state)
{
	static const struct {
		unsigned major, minor, count;
		enum host_disk_kind kind;
		const char *name, *layers;
	} examples[] = {
		{8, 0, 1, HOST_DISK_ROTATIONAL, "sda", ""},
		{8, 1, 1, HOST_DISK_ROTATIONAL, "sda", ""},
		{259, 0, 1, HOST_DISK_NVME, "nvme0n1", ""},
		{9, 0, 2, HOST_DISK_NVME, "nvme0n1", "md0"},
		{253, 0, 2, HOST_DISK_NVME, "nvme0n1", "dm-0 on md0"},
		{9, 1, 2, HOST_DISK_ROTATIONAL, "nvme0n1", "md1"},
		{254, 0, 1, HOST_DISK_VIRTUAL, "vda", ""},
		{8, 16, 1, HOST_DISK_SSD, "sdb", ""},
		{8, 32, 1, HOST_DISK_VIRTUAL, "sdc", ""},
		{8, 48, 1, HOST_DISK_NETWORK, "sdd", ""},
		{179, 0, 1, HOST_DISK_MMC, "mmcblk0", ""},
		{252, 0, 1, HOST_DISK_MEMORY, "zram0", ""},
		{259, 2, 1, HOST_DISK_NETWORK, "nvme2n1", ""},
		{7, 0, 1, HOST_DISK_VIRTUAL, "loop0", ""},
		{8, 64, 1, HOST_DISK_UNKNOWN, "sde", ""},
	};
	char name[TREE_NAME];
	int root = tree_open(name, disks);
	struct host_disk disk;

	assert_true(root >= 0);
	for (size_t i = 0; i < sizeof(examples) / sizeof(*examples); i++) {
		print_message("%u:%u\n", examples[i].major, examples[i].minor);
		assert_int_equal(
			host_disk_of_device(root, examples[i].major, examples[i].minor, &disk), 0);
		assert_int_equal(disk.kind, examples[i].kind);
		assert_string_equal(disk.name, examples[i].name);
		assert_string_equal(disk.layers, examples[i].layers);
		assert_int_equal(disk.disk_count, examples[i].count);
	}
	assert_int_equal(host_disk_of_device(root, 99, 9, &disk), -ENOENT);
	tree_close(root, name);
}

static void test_disk_queue(void **state)
{
	char name[TREE_NAME];
	int root = tree_open(name, disks);
	struct host_disk part, mapped, bare;

	assert_int_equal(host_disk_of_device(root, 8, 1, &part), 0);
	assert_int_equal(host_disk_of_device(root, 253, 0, &mapped), 0);
	assert_int_equal(host_disk_of_device(root, 8, 64, &bare), 0);
	tree_close(root, name);
	assert_string_equal(part.model, "SPINNER 1T");
	assert_string_equal(part.scheduler, "mq-deadline");
	assert_string_equal(part.write_cache, "write back");
	assert_int_equal(part.size_bytes, MIB);
	assert_int_equal(part.queue_depth, 64);
	assert_int_equal(part.hardware_queues, 1);
	assert_int_equal(part.read_ahead_bytes, 128 * KIB);
	assert_int_equal(part.dma_alignment_bytes, 4);
	assert_int_equal(part.logical_block_bytes, 512);
	assert_int_equal(part.physical_block_bytes, 4096);
	assert_int_equal(part.max_request_bytes, 1280 * KIB);
	assert_int_equal(part.has_fua, 0);
	assert_int_equal(part.is_rotational, 1);
	assert_int_equal(part.numa_node, HOST_UNKNOWN);
	/* read-ahead is that of what the file system is on, the queue that of the disk below */
	assert_int_equal(mapped.read_ahead_bytes, MIB);
	assert_int_equal(mapped.size_bytes, 4096);
	assert_string_equal(mapped.scheduler, "none");
	assert_int_equal(mapped.queue_depth, 1023);
	assert_int_equal(mapped.hardware_queues, 2);
	assert_int_equal(mapped.numa_node, 1);
	assert_int_equal(bare.queue_depth, HOST_UNKNOWN);
	assert_int_equal(bare.dma_alignment_bytes, HOST_UNKNOWN);
	assert_int_equal(bare.is_rotational, HOST_UNKNOWN);
	assert_string_equal(bare.scheduler, "");
}

struct points {
	unsigned count;
	char names[8][16];
};

static void add_point(void *argument, const char *point)
{
	struct points *points = argument;

	assert_in_range(points->count, 0, 7);
	snprintf(points->names[points->count++], 16, "%s", point);
}

static void test_mounts_on_disks(void **state)
{
	static const struct tree_file files[] = {
		{"proc/self/mountinfo", "1 0 0:21 / /proc rw - proc proc rw\n"
					"2 0 0:30 / / rw - overlay overlay rw,upperdir=/u\n"
					"3 0 8:1 / /data rw - ext4 /dev/sda1 rw\n"
					"4 0 8:1 /sub /bound rw - ext4 /dev/sda1 rw\n"
					"5 0 0:31 / /merged rw - overlay overlay rw\n"
					"6 0 0:40 / /pool rw - btrfs /dev/sdb rw\n"
					"7 0 0:41 / /far rw - nfs4 server:/x rw\n"
					"8 0 7:1 / /snap ro - squashfs /dev/loop1 ro\n"
					"9 0 0:42 / /dev/shm rw - tmpfs tmpfs rw\n"},
		{NULL, NULL},
	};
	struct points points = {0};
	char name[TREE_NAME];
	int root = tree_open(name, files);

	assert_int_equal(host_filesystem_each(root, add_point, &points), 0);
	tree_close(root, name);
	assert_int_equal(points.count, 3);
	assert_string_equal(points.names[0], "/");
	assert_string_equal(points.names[1], "/data");
	assert_string_equal(points.names[2], "/pool");
}

static void test_default_route(void **state)
{
	static const struct tree_file four[] = {
		{"proc/net/route", "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\t"
				   "MTU\tWindow\tIRTT\n"
				   "wlan0\t00000000\t010200C0\t0003\t0\t0\t600\t00000000\t0\t0\t0\n"
				   "eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
				   "eth1\t00000000\t010200C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n"
				   "bad0\t00000000\t00000000\t0201\t0\t0\t0\t00000000\t0\t0\t0\n"},
		{NULL, NULL},
	};
	static const struct tree_file six[] = {
		{"proc/net/route", "Iface\tDestination\n"},
		{"proc/net/ipv6_route",
		 "fe800000000000000000000000000000 40 00000000000000000000000000000000 00 "
		 "00000000000000000000000000000000 00000100 00000001 00000000 00000001     eth0\n"
		 "00000000000000000000000000000000 00 00000000000000000000000000000000 00 "
		 "fe800000000000000000000000000001 00000400 00000001 00000000 00000003     eth2\n"
		 "00000000000000000000000000000000 00 00000000000000000000000000000000 00 "
		 "00000000000000000000000000000000 ffffffff 00000001 00000000 00200200       lo\n"},
		{NULL, NULL},
	};
	static const struct tree_file none[] = {{NULL, NULL}};
	char name[TREE_NAME], link[16];
	int root = tree_open(name, four);

	assert_int_equal(host_network_route(root, link), 0);
	assert_string_equal(link, "eth1");
	tree_close(root, name);
	root = tree_open(name, six);
	assert_int_equal(host_network_route(root, link), 0);
	assert_string_equal(link, "eth2");
	tree_close(root, name);
	root = tree_open(name, none);
	assert_int_equal(host_network_route(root, link), -ENOENT);
	tree_close(root, name);
}

static void test_tcp(void **state)
{
	static const struct tree_file files[] = {
		{"proc/sys/net/ipv4/tcp_congestion_control", "cubic\n"},
		{"proc/sys/net/ipv4/tcp_available_congestion_control", "reno cubic\n"},
		{"proc/sys/net/ipv4/tcp_rmem", "4096\t131072\t6291456\n"},
		{"proc/sys/net/ipv4/tcp_wmem", "4096\t16384\t4194304\n"},
		{"proc/sys/net/ipv4/tcp_window_scaling", "1\n"},
		{"proc/sys/net/ipv4/tcp_adv_win_scale", "-2\n"},
		{"proc/sys/net/core/rmem_max", "212992\n"},
		{NULL, NULL},
	};
	struct host_tcp tcp;
	char name[TREE_NAME];
	int root = tree_open(name, files);

	host_tcp_read(root, &tcp);
	tree_close(root, name);
	assert_string_equal(tcp.congestion, "cubic");
	assert_int_equal(tcp.rmem_bytes[2], 6291456);
	assert_int_equal(tcp.wmem_bytes[1], 16384);
	assert_int_equal(tcp.rmem_max_bytes, 212992);
	assert_int_equal(tcp.wmem_max_bytes, HOST_UNKNOWN);
	assert_int_equal(host_tcp_window_bytes(&tcp), 6291456 / 4);
	tcp.window_scale = 1;
	assert_int_equal(host_tcp_window_bytes(&tcp), 6291456 / 2);
	assert_int_equal(host_tcp_rmem_for(&tcp, 6291456 / 2), 6291456);
	tcp.window_scale = 2;
	assert_int_equal(host_tcp_window_bytes(&tcp), 6291456 / 4 * 3);
	tcp.window_scaling = 0;
	assert_int_equal(host_tcp_window_bytes(&tcp), 65535);
	tcp.rmem_bytes[2] = HOST_UNKNOWN;
	assert_int_equal(host_tcp_window_bytes(&tcp), 0);
}

static void test_product(void **state)
{
	/* 10 Gbit/s over 100 ms: 125 MB on the way */
	assert_int_equal(host_tcp_product_bytes(10000000000, 0.1), 125000000);
	assert_int_equal(host_tcp_product_bytes(0, 0.1), 0);
	assert_int_equal(host_tcp_reach(125000000, 0.1), 10000000000);
	assert_int_equal(host_tcp_reach(125000000, 0), 0);
}

static void test_huge(void **state)
{
	static const struct tree_file files[] = {
		{"sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n"},
		{"sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages", "1\n"},
		{"sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "8\n"},
		{"sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "5\n"},
		{NULL, NULL},
	};
	struct host_huge huge;
	char name[TREE_NAME];
	int root = tree_open(name, files);

	host_huge_read(root, &huge);
	tree_close(root, name);
	assert_string_equal(huge.transparent, "madvise");
	assert_string_equal(huge.shared_memory, "");
	assert_int_equal(huge.pool_count, 2);
	assert_int_equal(huge.pools[0].page_bytes, 2 * MIB);
	assert_int_equal(huge.pools[0].pages, 8);
	assert_int_equal(huge.pools[0].free_pages, 5);
	assert_int_equal(huge.pools[1].page_bytes, GIB);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cpu),
		cmocka_unit_test(test_cpu_time_limited),
		cmocka_unit_test(test_disk_kinds),
		cmocka_unit_test(test_disk_queue),
		cmocka_unit_test(test_mounts_on_disks),
		cmocka_unit_test(test_default_route),
		cmocka_unit_test(test_tcp),
		cmocka_unit_test(test_product),
		cmocka_unit_test(test_huge),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
