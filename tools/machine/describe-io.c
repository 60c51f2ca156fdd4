/* SPDX-License-Identifier: MIT */
/* What bytes go through: disks and their file systems, network cards, TCP. */
#include "machine/describe.h"

#include "base/size.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char *known_size(char text[SIZE_TEXT], int64_t bytes)
{
	return bytes == HOST_UNKNOWN ? "unknown" : size_format(text, (uint64_t)bytes);
}

/* Disks */

static const char *kind_meaning(enum host_disk_kind kind)
{
	static const char *const meanings[] = {
		[HOST_DISK_UNKNOWN] = "medium unknown",
		[HOST_DISK_ROTATIONAL] =
			"a seek costs milliseconds: one long read at a time is fastest",
		[HOST_DISK_SSD] = "several requests at once are needed to reach its speed",
		[HOST_DISK_NVME] = "many requests at once, each core with its own queue",
		[HOST_DISK_MMC] = "slow to write: write-back takes long, so keep little dirty",
		[HOST_DISK_VIRTUAL] = "only the host knows the disk behind it and its cache",
		[HOST_DISK_NETWORK] = "its speed is the network's, and transfers share it",
		[HOST_DISK_MEMORY] = "its files are in memory already: nothing to read ahead",
	};

	return meanings[kind];
}

static void say_device(const struct host_say *say, const struct host_disk *disk)
{
	char size[SIZE_TEXT];

	if (disk->disk_count == 0)
		host_say_line(say, "kind", kind_meaning(disk->kind), "%s",
			      host_disk_kind_name(disk->kind));
	else if (disk->disk_count > 1)
		host_say_line(say, "kind", kind_meaning(disk->kind), "%s, %u disks, %s",
			      host_disk_kind_name(disk->kind), disk->disk_count,
			      known_size(size, disk->size_bytes));
	else
		host_say_line(say, "kind", kind_meaning(disk->kind), "%s, %s",
			      host_disk_kind_name(disk->kind), known_size(size, disk->size_bytes));
	if (*disk->model)
		host_say_line(say, "model", "", "%s", disk->model);
	if (*disk->layers)
		host_say_line(say, "layers",
			      "each may split requests; the top one's read-ahead applies",
			      "%s on %s", disk->layers, disk->name);
}

static const char *scheduler_meaning(const struct host_disk *disk)
{
	bool is_fast = disk->kind == HOST_DISK_NVME || disk->kind == HOST_DISK_SSD;

	if (strcmp(disk->scheduler, "none") == 0)
		return disk->kind == HOST_DISK_ROTATIONAL ? "requests are not sorted: on a "
							    "rotating disk mq-deadline seeks less"
							  : "requests go straight to the disk";
	if (strcmp(disk->scheduler, "mq-deadline") == 0)
		return "reads go before writes, and nothing starves";
	if (strcmp(disk->scheduler, "bfq") == 0)
		return is_fast ? "shares the disk fairly, at a CPU cost that slows a fast disk"
			       : "shares the disk fairly between programs";
	if (strcmp(disk->scheduler, "kyber") == 0)
		return "holds writes back where reads become slow";
	return "unknown to sluice";
}

static void say_queue(const struct host_say *say, const struct host_disk *disk)
{
	enum { IN_FLIGHT = 16 }; /* of one stream: path/send-direct.c */

	if (*disk->scheduler)
		host_say_line(say, "scheduler", scheduler_meaning(disk), "%s", disk->scheduler);
	if (disk->queue_depth == HOST_UNKNOWN)
		return;
	host_say_line(say, "queue",
		      disk->queue_depth < IN_FLIGHT
			      ? "one stream's 16 direct reads do not fit: some wait"
			      : "one stream keeps 16 direct reads in it",
		      disk->hardware_queues == HOST_UNKNOWN ? "%lld requests"
							    : "%lld requests, %lld in hardware",
		      (long long)disk->queue_depth, (long long)disk->hardware_queues);
}

static void say_blocks(const struct host_say *say, const struct host_disk *disk)
{
	char one[SIZE_TEXT], other[SIZE_TEXT], text[128];

	if (disk->dma_alignment_bytes != HOST_UNKNOWN)
		host_say_line(say, "DMA alignment",
			      disk->dma_alignment_bytes <= 4096
				      ? "the disk can access sluice's page-aligned buffers directly"
				      : "bounce buffers are needed: one more copy by the kernel",
			      "%s", known_size(one, disk->dma_alignment_bytes));
	if (disk->logical_block_bytes == HOST_UNKNOWN)
		return;
	snprintf(text, sizeof(text), "direct I/O in units of %s%s",
		 known_size(one, disk->logical_block_bytes),
		 disk->physical_block_bytes > disk->logical_block_bytes
			 ? "; a write of less than a physical block costs the disk a read"
			 : "");
	host_say_line(say, "blocks", text, "%s logical, %s physical", one,
		      known_size(other, disk->physical_block_bytes));
}

static void say_caches(const struct host_say *say, const struct host_disk *disk)
{
	char size[SIZE_TEXT];

	if (strcmp(disk->write_cache, "write back") == 0)
		host_say_line(say, "write cache",
			      disk->has_fua == 1
				      ? "a sync flushes it; single blocks are forced past it (FUA)"
				      : "a sync has to flush all of it",
			      "%s", disk->write_cache);
	else if (*disk->write_cache)
		host_say_line(say, "write cache", "a finished write is safe: a sync costs little",
			      "%s", disk->write_cache);
	if (disk->read_ahead_bytes == 0)
		host_say_line(say, "read-ahead", "buffered reads wait for each block", "none");
	else if (disk->read_ahead_bytes > 0)
		host_say_line(say, "read-ahead",
			      "sequential buffered reads fetch this much ahead into the page cache",
			      "%s", known_size(size, disk->read_ahead_bytes));
	if (disk->numa_node >= 0)
		host_say_line(say, "NUMA node", "its transfers are cheapest from CPUs of that node",
			      "%lld", (long long)disk->numa_node);
}

static void say_tried(const struct host_say *say, const struct host_filesystem *system)
{
	if (system->tried == HOST_TRIED_OWN)
		host_say_line(say, "tried on", "already removed", "an unnamed file in %s",
			      system->tried_in);
	else if (system->tried == HOST_TRIED_EXISTING && system->why_not_own == 0)
		host_say_line(say, "tried on", "a file is only read: name a directory for more",
			      "%s", system->tried_in);
	else if (system->tried == HOST_TRIED_EXISTING)
		host_say_line(say, "tried on",
			      "no unnamed file is possible here: writing was not tried", "%s (%s)",
			      system->tried_in, strerror(-system->why_not_own));
	else
		host_say_line(say, "tried on",
			      "no unnamed file is possible, and no file is readable: name another "
			      "place with --disk",
			      system->why_not_own ? "nothing (%s)" : "nothing",
			      strerror(-system->why_not_own));
}

static int direct_result(const struct host_filesystem *system)
{
	if (system->direct_write < 0)
		return system->direct_write;
	return system->direct_read;
}

static void say_direct(const struct host_say *say, const struct host_filesystem *system)
{
	int64_t memory = system->direct_memory_align_bytes;
	int64_t offset = system->direct_offset_align_bytes;

	if (system->is_direct_cached)
		host_say_line(say, "O_DIRECT",
			      "accepted, but goes through the page cache all the same",
			      "in name only");
	else
		host_say_try(say, "O_DIRECT", direct_result(system),
			     system->direct_write == 0
				     ? "cold files are read, and large ones written, past the page "
				       "cache"
				     : "cold files are read past the page cache; writing was not "
				       "tried",
			     system->disk.kind == HOST_DISK_MEMORY
				     ? "files are sent from memory, where they are"
				     : "cold files are read through the page cache, and dropped "
				       "from it afterwards");
	if (memory > 0 && offset > 0)
		host_say_line(say, "  alignment", "sluice respects it",
			      "%lld in memory, %lld in the file", (long long)memory,
			      (long long)offset);
}

static void say_abilities(const struct host_say *say, const struct host_filesystem *system)
{
	say_direct(say, system);
	host_say_try(say, "RWF_DONTCACHE", system->dontcache,
		     "data written through the page cache is dropped automatically",
		     "data received through the page cache is paced and dropped explicitly");
	host_say_try(say, "RWF_NOWAIT", system->nowait,
		     "reads can be tried without waiting for the disk",
		     "every read is handed to io_uring or a thread, because it may wait");
	host_say_try(say, "fallocate", system->fallocate,
		     "space is allocated in advance: writes run in parallel",
		     "received files grow as data arrives, one write after another");
	host_say_try(say, "cachestat", system->cachestat,
		     "the kernel reports which parts of a file are in the page cache",
		     "which parts of a file are in the page cache must be guessed");
}

void host_say_filesystem(const struct host_say *say, const struct host_filesystem *system)
{
	say_device(say, &system->disk);
	say_queue(say, &system->disk);
	say_blocks(say, &system->disk);
	say_caches(say, &system->disk);
	say_tried(say, system);
	say_abilities(say, system);
}

/* Network cards */

static void say_known(const struct host_say *say, const char *label, enum host_known known,
		      const char *yes, const char *no)
{
	if (known == HOST_NOT_TOLD)
		host_say_line(say, label, "its driver does not say", "unknown");
	else
		host_say_line(say, label, known == HOST_YES ? yes : no, "%s",
			      known == HOST_YES ? "on" : "off");
}

static void say_sendfile(const struct host_say *say, const struct host_link *link)
{
	char text[160];

	if (link->has_scatter_gather == HOST_NOT_TOLD) {
		host_say_line(say, "sendfile", "unknown whether the card gathers pages", "unknown");
		return;
	}
	if (link->has_scatter_gather == HOST_NO) {
		snprintf(text, sizeof(text), "no SG-DMA on %s: sendfile copies after all",
			 link->name);
		host_say_line(say, "sendfile", text, "copies");
	} else if (link->is_loopback)
		host_say_line(say, "sendfile",
			      "no card and no DMA: the receiver copies out of the same pages",
			      "no copy to send");
	else if (*link->kind)
		host_say_line(say, "sendfile",
			      "pages are passed on as they are; the link below decides",
			      "no copy here");
	else
		host_say_line(say, "sendfile",
			      "the card gathers pages of the page cache by DMA (SG-DMA)",
			      "no copy to send");
}

static void say_speed(const struct host_say *say, const struct host_link *link)
{
	if (link->is_loopback)
		host_say_line(say, "speed", "limited by CPU and memory", "no limit");
	else if (link->speed_bits_per_second == 0)
		host_say_line(say, "speed", "its driver does not say", "unknown");
	else
		host_say_line(say, "speed",
			      *link->kind ? "nominal: there is no wire"
					  : "the upper bound for any transfer over it",
			      "%.3g GB/s (%.6g Gbit/s)", (double)link->speed_bits_per_second / 8e9,
			      (double)link->speed_bits_per_second / 1e9);
}

void host_say_link(const struct host_say *say, const struct host_link *link)
{
	host_say_line(say, "state", link->is_up ? "" : "nothing goes through it", "%s",
		      link->is_up ? "up" : "down");
	if (*link->kind || *link->bus)
		host_say_line(say, "device", "", "%s%s%s", *link->kind ? link->kind : link->bus,
			      *link->device ? " " : "", link->device);
	say_speed(say, link);
	host_say_line(say, "MTU",
		      link->has_tso == HOST_YES
			      ? "larger segments are cut to it below the stack (TSO)"
			      : "each segment of that size is a separate packet",
		      "%u", link->mtu_bytes);
	say_sendfile(say, link);
	say_known(say, "scatter-gather", link->has_scatter_gather,
		  "a packet may consist of scattered pages",
		  "each packet is copied into contiguous memory");
	say_known(say, "tx checksum", link->has_tx_checksum, "the CPU does not read what it sends",
		  "the CPU reads every byte for its checksum, and scatter-gather is off with it");
	say_known(say, "TSO", link->has_tso, "one pass through the stack per 64 KiB",
		  link->has_gso == HOST_YES
			  ? "large packets are cut by the kernel just before the card (GSO)"
			  : "one pass through the stack per packet");
	say_known(say, "GRO", link->has_gro, "received packets pass up the stack in batches",
		  "each received packet passes up the stack alone: more CPU time");
	say_known(say, "kTLS offload", link->has_tls_tx,
		  "the card encrypts: sendfile stays without a copy under TLS", "the CPU does TLS");
}

/* TCP */

static void say_congestion(const struct host_say *say, const struct host_tcp *tcp)
{
	bool paces = strcmp(tcp->congestion, "bbr") == 0;

	if (!*tcp->congestion) {
		host_say_line(say, "congestion", "the kernel does not say", "unknown");
		return;
	}
	host_say_line(say, "congestion",
		      paces ? "it paces: good over long distances, slow on loopback, where sluice "
			      "uses another (--cc)"
			    : "sends as the window allows",
		      "%s (there are %s)", tcp->congestion, tcp->available);
}

static void say_three(const struct host_say *say, const char *label, const int64_t bytes[3],
		      const char *meaning)
{
	char texts[3][SIZE_TEXT];

	host_say_line(say, label, meaning, "%s, %s, %s", known_size(texts[0], bytes[0]),
		      known_size(texts[1], bytes[1]), known_size(texts[2], bytes[2]));
}

static void say_buffers(const struct host_say *say, const struct host_tcp *tcp)
{
	char one[SIZE_TEXT], other[SIZE_TEXT];

	say_three(say, "tcp_rmem", tcp->rmem_bytes,
		  tcp->moderate_receive_buffer == 0
			  ? "minimum, default, maximum; the kernel does not adapt it "
			    "(tcp_moderate_rcvbuf is 0): it stays at the default"
			  : "minimum, default, maximum; the kernel adapts it");
	say_three(say, "tcp_wmem", tcp->wmem_bytes,
		  "minimum, default, maximum; the kernel adapts it");
	host_say_line(say, "rmem_max, wmem_max",
		      "for programs that set a size; sluice leaves it to the kernel", "%s, %s",
		      known_size(one, tcp->rmem_max_bytes), known_size(other, tcp->wmem_max_bytes));
	if (tcp->window_scaling == 0)
		host_say_line(
			say, "window scaling",
			"no window exceeds 64 KiB: long distances are slow whatever the buffers",
			"off");
}

/* Whether the buffers let one connection fill the link, and what would. */
static void say_way(const struct host_say *say, const struct host_tcp *tcp, uint64_t speed,
		    double rtt)
{
	uint64_t window = host_tcp_window_bytes(tcp);
	uint64_t sent = tcp->wmem_bytes[2] > 0 ? (uint64_t)tcp->wmem_bytes[2] : 0;
	uint64_t product = host_tcp_product_bytes(speed, rtt);
	char label[48], meaning[320], size[SIZE_TEXT], needed[SIZE_TEXT];

	snprintf(label, sizeof(label), "at %g ms", rtt * 1e3);
	if (window == 0 || sent == 0)
		snprintf(meaning, sizeof(meaning), "the buffers' limits are unknown");
	else if (speed == 0)
		snprintf(meaning, sizeof(meaning), "one connection; the link's speed is unknown");
	else if (window >= product && sent >= product)
		snprintf(meaning, sizeof(meaning),
			 "one connection can fill the link (%s in flight)",
			 size_format(size, product));
	else
		snprintf(meaning, sizeof(meaning),
			 "less than the link, which needs %s in flight: that takes tcp_rmem up to "
			 "%s and tcp_wmem up to %s",
			 size_format(size, product),
			 size_format(needed, host_tcp_rmem_for(tcp, product)), size);
	host_say_line(say, label, meaning, "receives %.2g GB/s, sends %.2g GB/s at most",
		      (double)host_tcp_reach(window, rtt) / 8e9,
		      (double)host_tcp_reach(sent, rtt) / 8e9);
}

void host_say_tcp(const struct host_say *say, const struct host_tcp *tcp,
		  uint64_t speed_bits_per_second, const double *rtt_seconds, unsigned count)
{
	say_congestion(say, tcp);
	if (*tcp->queueing)
		host_say_line(
			say, "queueing",
			strcmp(tcp->congestion, "bbr") == 0 && strcmp(tcp->queueing, "fq") != 0
				? "connections pace with their own timers; fq does it more cheaply"
				: "for links created from now on",
			"%s", tcp->queueing);
	say_buffers(say, tcp);
	if (tcp->slow_start_after_idle == 1)
		host_say_line(say, "slow start", "an idle connection starts slowly again",
			      "after idle");
	for (unsigned i = 0; i < count; i++)
		say_way(say, tcp, speed_bits_per_second, rtt_seconds[i]);
}
