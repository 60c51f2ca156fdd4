/* SPDX-License-Identifier: MIT */
/* The facts in words: what follows from each, as tables. */
#include "base/size.h"
#include "machine/describe.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static char said[16384];

/* "label|value|meaning\n" each */
static void take_line(void *argument, const char *label, const char *value, const char *meaning)
{
	size_t used = strlen(said);

	(void)argument;
	snprintf(said + used, sizeof(said) - used, "%s|%s|%s\n", label, value, meaning);
}

static const struct host_say say = {.line = take_line};

static void assert_said(const char *line)
{
	if (!strstr(said, line))
		print_error("not said: %s\nbut:\n%s", line, said);
	assert_non_null(strstr(said, line));
}

static void test_links(void **state)
{
	static const struct {
		struct host_link link;
		const char *line;
	} examples[] = {
		{{.name = "eth0", .has_scatter_gather = HOST_YES},
		 "sendfile|no copy to send|the card gathers pages of the page cache by DMA "
		 "(SG-DMA)\n"},
		{{.name = "eth0", .has_scatter_gather = HOST_NO},
		 "sendfile|copies|no SG-DMA on eth0: sendfile copies after all\n"},
		{{.name = "v0", .kind = "veth", .has_scatter_gather = HOST_NO},
		 "sendfile|copies|no SG-DMA on v0: sendfile copies after all\n"},
		{{.name = "v0", .kind = "veth", .has_scatter_gather = HOST_YES},
		 "sendfile|no copy here|pages are passed on as they are; the link below decides\n"},
		{{.name = "lo", .is_loopback = true, .has_scatter_gather = HOST_YES},
		 "sendfile|no copy to send|no card and no DMA: the receiver copies out of the same "
		 "pages\n"},
		{{.name = "eth0", .has_scatter_gather = HOST_NOT_TOLD},
		 "sendfile|unknown|unknown whether the card gathers pages\n"},
		{{.name = "eth0", .has_tx_checksum = HOST_NO},
		 "tx checksum|off|the CPU reads every byte for its checksum, and scatter-gather is "
		 "off with it\n"},
		{{.name = "eth0", .has_tso = HOST_NO, .has_gso = HOST_YES},
		 "TSO|off|large packets are cut by the kernel just before the card (GSO)\n"},
		{{.name = "eth0", .has_gro = HOST_NOT_TOLD},
		 "GRO|unknown|its driver does not say\n"},
		{{.name = "eth0", .is_up = false}, "state|down|nothing goes through it\n"},
		{{.name = "eth0", .is_up = true, .speed_bits_per_second = 25000000000},
		 "speed|3.12 GB/s (25 Gbit/s)|the upper bound for any transfer over it\n"},
		{{.name = "eth0"}, "speed|unknown|its driver does not say\n"},
	};

	for (size_t i = 0; i < sizeof(examples) / sizeof(*examples); i++) {
		said[0] = '\0';
		host_say_link(&say, &examples[i].link);
		assert_said(examples[i].line);
	}
}

static void test_filesystem(void **state)
{
	static struct host_filesystem system = {
		.tried = HOST_TRIED_OWN,
		.tried_in = "/data",
		.disk = {.kind = HOST_DISK_NVME,
			 .name = "nvme0n1",
			 .disk_count = 1,
			 .size_bytes = GIB,
			 .scheduler = "bfq",
			 .queue_depth = 8,
			 .hardware_queues = HOST_UNKNOWN,
			 .dma_alignment_bytes = 8192,
			 .logical_block_bytes = 512,
			 .physical_block_bytes = 512,
			 .read_ahead_bytes = 0,
			 .numa_node = HOST_UNKNOWN,
			 .write_cache = "write through"},
		.dontcache = -EOPNOTSUPP,
		.fallocate = HOST_NOT_TRIED,
		.direct_memory_align_bytes = HOST_UNKNOWN,
		.direct_offset_align_bytes = HOST_UNKNOWN,
	};

	said[0] = '\0';
	host_say_filesystem(&say, &system);
	assert_said("kind|nvme, 1.0 GiB|many requests at once, each core with its own queue\n");
	assert_said("scheduler|bfq|shares the disk fairly, at a CPU cost that slows a fast disk\n");
	assert_said("queue|8 requests|one stream's 16 direct reads do not fit: some wait\n");
	assert_said(
		"DMA alignment|8.0 KiB|bounce buffers are needed: one more copy by the kernel\n");
	assert_said("blocks|512 B logical, 512 B physical|direct I/O in units of 512 B\n");
	assert_said("write cache|write through|a finished write is safe: a sync costs little\n");
	assert_said("read-ahead|none|buffered reads wait for each block\n");
	assert_said("tried on|an unnamed file in /data|already removed\n");
	assert_said(
		"O_DIRECT|yes|cold files are read, and large ones written, past the page cache\n");
	assert_said(")|data received through the page cache is paced and dropped explicitly\n");
	assert_said("fallocate|unknown|it could not be tried here\n");
	assert_null(strstr(said, "NUMA"));
	assert_null(strstr(said, "alignment|-1"));

	system.is_direct_cached = true;
	said[0] = '\0';
	host_say_filesystem(&say, &system);
	assert_said(
		"O_DIRECT|in name only|accepted, but goes through the page cache all the same\n");

	system = (struct host_filesystem){
		.why_not_own = -EACCES,
		.direct_read = HOST_NOT_TRIED,
		.disk = {.kind = HOST_DISK_NETWORK, .queue_depth = HOST_UNKNOWN}};
	said[0] = '\0';
	host_say_filesystem(&say, &system);
	assert_said("kind|network|its speed is the network's, and transfers share it\n");
	assert_said("tried on|nothing (Permission denied)|no unnamed file is possible, and no file "
		    "is readable: name another place with --disk\n");
	assert_said("O_DIRECT|unknown|it could not be tried here\n");

	system = (struct host_filesystem){.tried = HOST_TRIED_EXISTING,
					  .tried_in = "f",
					  .why_not_own = -EROFS,
					  .direct_read = -EINVAL,
					  .direct_write = HOST_NOT_TRIED};
	said[0] = '\0';
	host_say_filesystem(&say, &system);
	assert_said("tried on|f (Read-only file system)|no unnamed file is possible here: writing "
		    "was not tried\n");
	assert_said("O_DIRECT|no (Invalid argument)|cold files are read through the page cache, "
		    "and dropped from it afterwards\n");
}

static void test_kernel(void **state)
{
	struct host_kernel kernel = {.landlock_abi = -ENOSYS, .uring_operations = 40};

	for (unsigned i = 0; i < 40; i++)
		kernel.has_operation[i] = true;
	assert_true(host_uring_has(&kernel, "read"));
	assert_false(host_uring_has(&kernel, "send_zc"));
	assert_string_equal(host_uring_operation_name(4), "read_fixed");
	assert_string_equal(host_uring_operation_name(100), "operation 100");
	said[0] = '\0';
	host_say_kernel(&say, &kernel);
	assert_said("  operations|40|with all that sluice uses\n");
	assert_said("cachestat|yes|");
	assert_said("Landlock|no (Function not implemented)|");
	kernel.has_operation[3] = kernel.has_operation[23] = false;
	said[0] = '\0';
	host_say_kernel(&say, &kernel);
	assert_said("  operations|38|without write, fsync: file I/O runs on threads\n");
	kernel.uring = -EPERM;
	said[0] = '\0';
	host_say_kernel(&say, &kernel);
	assert_said("io_uring|no (Operation not permitted)|a container's filter or "
		    "kernel.io_uring_disabled refuses it");
	assert_null(strstr(said, "operations"));
}

static void test_memory(void **state)
{
	struct host_memory memory = {
		.total_bytes = 8 * GIB,
		.free_bytes = 4 * GIB,
		.available_bytes = GIB,
		.swap_bytes = 2 * GIB,
		.zram_bytes = GIB,
		.cgroup = {2 * GIB, HOST_UNLIMITED, GIB},
	};
	struct host_huge huge = {.transparent = "never"};

	said[0] = '\0';
	host_say_memory(&say, &memory, &huge);
	assert_said("available|1.0 GiB|serve caches a file that is requested again if it has at "
		    "most 256.0 MiB\n");
	assert_said("cgroup limit|2.0 GiB|1.0 GiB of it is available; cached files count, and are "
		    "dropped first\n");
	assert_said("swap|2.0 GiB, 1.0 GiB of it zram|");
	assert_said("huge pages|never|buffers are in small pages");
	memory.cgroup.high_bytes = GIB;
	memory.swap_bytes = 0;
	said[0] = '\0';
	host_say_memory(&say, &memory, &huge);
	assert_said("cgroup limit|1.0 GiB, slowed down above|");
	assert_said("swap|none|programs' memory stays: vm.swappiness has no effect\n");
}

static void test_cpu(void **state)
{
	static struct host_cpu cpu = {.online = 8,
				      .allowed = 8,
				      .usable = 2,
				      .cgroup_cores = 1.5,
				      .node_count = 2,
				      .nodes = {{0, GIB, "0-3"}, {1, GIB, "4-7"}}};

	said[0] = '\0';
	host_say_cpu(&say, &cpu);
	assert_said("model|unknown|");
	assert_said("usable CPUs|2 of 8 online|serve starts 8 workers: --workers 2 suffices\n");
	assert_said("cgroup limit|1.50 CPUs|");
	assert_said("NUMA nodes|2|a worker far from its card");
	assert_said("  node 1|CPUs 4-7, 1.0 GiB|\n");
	assert_null(strstr(said, "cores|"));
}

static void test_tcp(void **state)
{
	struct host_tcp tcp = {.congestion = "bbr",
			       .available = "reno bbr",
			       .queueing = "fq_codel",
			       .rmem_bytes = {4096, 131072, 6 * MIB},
			       .wmem_bytes = {4096, 16384, 4 * MIB},
			       .window_scaling = 1,
			       .window_scale = 1,
			       .moderate_receive_buffer = 1};
	const double ways[] = {0.001, 0.1};

	said[0] = '\0';
	host_say_tcp(&say, &tcp, 10000000000, ways, 2);
	assert_said("congestion|bbr (there are reno bbr)|it paces");
	assert_said("queueing|fq_codel|connections pace with their own timers");
	assert_said("at 1 ms|receives 3.1 GB/s, sends 4.2 GB/s at most|one connection can fill the "
		    "link (1.2 MiB in flight)\n");
	assert_said("at 100 ms|receives 0.031 GB/s, sends 0.042 GB/s at most|less than the link, "
		    "which needs 119.2 MiB in flight: that takes tcp_rmem up to 238.4 MiB and "
		    "tcp_wmem up to 119.2 MiB\n");
	said[0] = '\0';
	tcp.window_scaling = tcp.moderate_receive_buffer = 0;
	host_say_tcp(&say, &tcp, 0, ways, 1);
	assert_said("window scaling|off|no window exceeds 64 KiB");
	assert_said("it stays at the default");
	assert_said("at 1 ms|receives 0.066 GB/s, sends 4.2 GB/s at most|one connection; the "
		    "link's speed is unknown\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_links),  cmocka_unit_test(test_filesystem),
		cmocka_unit_test(test_kernel), cmocka_unit_test(test_memory),
		cmocka_unit_test(test_cpu),    cmocka_unit_test(test_tcp),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
