/* SPDX-License-Identifier: MIT */
/* `sluice host --json`: the facts with their names and units, and the lines that people get. */
#include "base/text.h"
#include "command.h"
#include "host.h"

#include <jansson.h>
#include <string.h>

/* null for "" and for a figure that is not told */
static json_t *text_json(const char *text)
{
	struct buffer safe = {0};
	json_t *value;

	if (!*text)
		return json_null();
	value = json_string(text);
	if (value)
		return value;
	text_escape(&safe, text, strlen(text)); /* it is not UTF-8 */
	value = json_string(safe.data ? safe.data : "");
	buffer_free(&safe);
	return value;
}

static json_t *figure_json(int64_t value)
{
	return value < 0 ? json_null() : json_integer(value);
}

static json_t *positive_json(uint64_t value)
{
	return value == 0 || value > INT64_MAX ? json_null() : json_integer((json_int_t)value);
}

static json_t *flag_json(int64_t value)
{
	return value < 0 ? json_null() : json_boolean(value);
}

/* Of what was tried: 0 works, negative does not, HOST_NOT_TRIED. */
static json_t *try_json(int result)
{
	return result == HOST_NOT_TRIED ? json_null() : json_boolean(result == 0);
}

static json_t *error_json(int result)
{
	return result < 0 ? json_string(strerror(-result)) : json_null();
}

static void add_line(void *argument, const char *label, const char *value, const char *meaning)
{
	label += strspn(label, " ");
	json_array_append_new(argument, json_pack("{s:s, s:o, s:o}", "label", label, "value",
						  text_json(value), "meaning", text_json(meaning)));
}

static struct host_say say_into(json_t *lines)
{
	return (struct host_say){.line = add_line, .argument = lines};
}

static json_t *operations_json(const struct host_kernel *kernel)
{
	json_t *names = json_array();

	for (unsigned i = 0; i < kernel->uring_operations; i++)
		if (kernel->has_operation[i])
			json_array_append_new(names, json_string(host_uring_operation_name(i)));
	return names;
}

static json_t *features_json(const struct host_kernel *kernel)
{
	json_t *features = json_object();

	for (size_t i = 0; host_features[i].name; i++)
		json_object_set_new(features, host_features[i].name,
				    json_pack("{s:o, s:o}", "works", try_json(kernel->features[i]),
					      "error", error_json(kernel->features[i])));
	json_object_set_new(features, "io_uring",
			    json_pack("{s:o, s:o, s:o, s:o}", "works", try_json(kernel->uring),
				      "error", error_json(kernel->uring), "operations",
				      operations_json(kernel), "registered_buffers",
				      try_json(kernel->uring_buffers)));
	json_object_set_new(features, "landlock",
			    json_pack("{s:b, s:o, s:o}", "works", kernel->landlock_abi > 0, "error",
				      error_json(kernel->landlock_abi), "abi",
				      figure_json(kernel->landlock_abi)));
	return features;
}

static json_t *kernel_json(const struct host_kernel *kernel)
{
	json_t *lines = json_array();
	const struct host_say say = say_into(lines);

	host_say_kernel(&say, kernel);
	return json_pack("{s:o, s:o, s:o, s:o}", "release", text_json(kernel->release),
			 "architecture", text_json(kernel->architecture), "features",
			 features_json(kernel), "lines", lines);
}

static json_t *cpu_json(const struct host_cpu *cpu)
{
	json_t *lines = json_array(), *nodes = json_array();
	const struct host_say say = say_into(lines);

	for (unsigned i = 0; i < cpu->node_count; i++)
		json_array_append_new(nodes, json_pack("{s:i, s:s, s:o}", "node",
						       (int)cpu->nodes[i].number, "cpus",
						       cpu->nodes[i].cpus, "memory_bytes",
						       positive_json(cpu->nodes[i].memory_bytes)));
	host_say_cpu(&say, cpu);
	return json_pack("{s:o, s:i, s:i, s:i, s:o, s:o, s:o, s:o, s:o}", "model",
			 text_json(cpu->model), "online", (int)cpu->online, "allowed",
			 (int)cpu->allowed, "usable", (int)cpu->usable, "cores",
			 positive_json(cpu->cores), "packages", positive_json(cpu->packages),
			 "cgroup_limit_cpus",
			 cpu->cgroup_cores > 0 ? json_real(cpu->cgroup_cores) : json_null(),
			 "numa_nodes", nodes, "lines", lines);
}

static json_t *huge_json(const struct host_huge *huge)
{
	json_t *pools = json_array();

	for (unsigned i = 0; i < huge->pool_count; i++)
		json_array_append_new(pools,
				      json_pack("{s:I, s:I, s:I}", "page_bytes",
						(json_int_t)huge->pools[i].page_bytes, "pages",
						(json_int_t)huge->pools[i].pages, "free_pages",
						(json_int_t)huge->pools[i].free_pages));
	return json_pack("{s:o, s:o, s:o}", "transparent", text_json(huge->transparent),
			 "transparent_shared_memory", text_json(huge->shared_memory), "pools",
			 pools);
}

/* Zero bytes available, and no swap, are figures; only the whole is unknown where it is 0. */
static json_t *memory_json(const struct host_memory *memory, const struct host_huge *huge)
{
	json_t *lines = json_array();
	const struct host_say say = say_into(lines);

	host_say_memory(&say, memory, huge);
	return json_pack("{s:o, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:o}", "total_bytes",
			 positive_json(memory->total_bytes), "available_bytes",
			 (json_int_t)memory->available_bytes, "machine_available_bytes",
			 (json_int_t)memory->free_bytes, "swap_bytes",
			 (json_int_t)memory->swap_bytes, "swap_free_bytes",
			 (json_int_t)memory->swap_free_bytes, "zram_bytes",
			 (json_int_t)memory->zram_bytes, "cgroup_limit_bytes",
			 figure_json((int64_t)memory->cgroup.limit_bytes), "cgroup_high_bytes",
			 figure_json((int64_t)memory->cgroup.high_bytes), "cgroup_available_bytes",
			 figure_json((int64_t)memory->cgroup.available_bytes), "huge_pages",
			 huge_json(huge), "lines", lines);
}

static json_t *disk_json(const struct host_disk *disk)
{
	return json_pack(
		"{s:s, s:o, s:o, s:o, s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, "
		"s:o, s:o, s:o, s:o}",
		"kind", host_disk_kind_name(disk->kind), "name", text_json(disk->name), "layers",
		text_json(disk->layers), "model", text_json(disk->model), "disk_count",
		(int)disk->disk_count, "size_bytes", figure_json(disk->size_bytes), "scheduler",
		text_json(disk->scheduler), "queue_depth", figure_json(disk->queue_depth),
		"hardware_queues", figure_json(disk->hardware_queues), "dma_alignment_bytes",
		figure_json(disk->dma_alignment_bytes), "logical_block_bytes",
		figure_json(disk->logical_block_bytes), "physical_block_bytes",
		figure_json(disk->physical_block_bytes), "max_request_bytes",
		figure_json(disk->max_request_bytes), "read_ahead_bytes",
		figure_json(disk->read_ahead_bytes), "write_cache", text_json(disk->write_cache),
		"has_fua", flag_json(disk->has_fua), "is_rotational",
		flag_json(disk->is_rotational), "numa_node", figure_json(disk->numa_node));
}

static const char *tried_name(enum host_tried tried)
{
	static const char *const names[] = {
		[HOST_TRIED_NOTHING] = "",
		[HOST_TRIED_OWN] = "unnamed file",
		[HOST_TRIED_EXISTING] = "existing file",
	};

	return names[tried];
}

static json_t *abilities_json(const struct host_filesystem *system)
{
	return json_pack(
		"{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "tried_on",
		text_json(tried_name(system->tried)), "tried_in", text_json(system->tried_in),
		"direct_read", try_json(system->direct_read), "direct_write",
		try_json(system->direct_write), "direct_uses_page_cache",
		system->direct_read ? json_null() : json_boolean(system->is_direct_cached),
		"direct_memory_align_bytes", figure_json(system->direct_memory_align_bytes),
		"direct_offset_align_bytes", figure_json(system->direct_offset_align_bytes),
		"dontcache", try_json(system->dontcache), "nowait", try_json(system->nowait),
		"fallocate", try_json(system->fallocate), "cachestat", try_json(system->cachestat));
}

static json_t *place_json(const struct host_place *place)
{
	const struct host_filesystem *system = &place->system;
	json_t *lines = json_array(), *object;
	const struct host_say say = say_into(lines);

	if (place->error.code == 0)
		host_say_filesystem(&say, system);
	object = json_pack("{s:o, s:o, s:o, s:o, s:o}", "path", text_json(system->asked),
			   "mount_point", text_json(system->point), "file_system",
			   text_json(system->type), "source", text_json(system->source), "error",
			   text_json(place->error.text));
	json_object_update_new(object, disk_json(&system->disk));
	json_object_update_new(object, abilities_json(system));
	json_object_set_new(object, "lines", lines);
	return object;
}

static json_t *link_json(const struct host_link *link)
{
	json_t *lines = json_array();
	const struct host_say say = say_into(lines);

	host_say_link(&say, link);
	return json_pack(
		"{s:o, s:i, s:o, s:o, s:o, s:b, s:b, s:b, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, "
		"s:o, s:o}",
		"name", text_json(link->name), "index", (int)link->index, "kind",
		text_json(link->kind), "bus", text_json(link->bus), "device",
		text_json(link->device), "is_up", link->is_up, "is_loopback", link->is_loopback,
		"has_default_route", link->has_default_route, "mtu_bytes",
		(json_int_t)link->mtu_bytes, "speed_bits_per_second",
		positive_json(link->speed_bits_per_second), "has_scatter_gather",
		flag_json(link->has_scatter_gather), "has_tx_checksum",
		flag_json(link->has_tx_checksum), "has_tso", flag_json(link->has_tso), "has_gso",
		flag_json(link->has_gso), "has_gro", flag_json(link->has_gro),
		"has_ktls_tx_offload", flag_json(link->has_tls_tx), "has_ktls_rx_offload",
		flag_json(link->has_tls_rx), "lines", lines);
}

static json_t *three_json(const int64_t bytes[3])
{
	return json_pack("{s:o, s:o, s:o}", "min", figure_json(bytes[0]), "default",
			 figure_json(bytes[1]), "max", figure_json(bytes[2]));
}

static json_t *words_json(const char *text)
{
	json_t *words = json_array();

	while (*text) {
		size_t length = strcspn(text, " ");

		json_array_append_new(words, json_stringn(text, length));
		text += length + strspn(text + length, " ");
	}
	return words;
}

static json_t *way_json(const struct host_tcp *tcp, uint64_t speed, double rtt)
{
	uint64_t window = host_tcp_window_bytes(tcp);
	uint64_t sent = tcp->wmem_bytes[2] > 0 ? (uint64_t)tcp->wmem_bytes[2] : 0;
	uint64_t product = host_tcp_product_bytes(speed, rtt);
	bool is_known = speed && window && sent;

	return json_pack(
		"{s:f, s:o, s:o, s:o, s:o, s:o, s:o}", "rtt_seconds", rtt,
		"bandwidth_delay_product_bytes", positive_json(product),
		"receive_max_bytes_per_second", positive_json(host_tcp_reach(window, rtt) / 8),
		"send_max_bytes_per_second", positive_json(host_tcp_reach(sent, rtt) / 8),
		"fills_link",
		is_known ? json_boolean(window >= product && sent >= product) : json_null(),
		"rmem_max_needed_bytes", positive_json(host_tcp_rmem_for(tcp, product)),
		"wmem_max_needed_bytes", positive_json(product));
}

static json_t *tcp_json(const struct host_found *found)
{
	const struct host_tcp *tcp = &found->tcp;
	const struct host_link *link = host_network_default(&found->network);
	json_t *lines = json_array(), *ways = json_array();
	const struct host_say say = say_into(lines);
	uint64_t speed = host_found_speed(found);

	for (unsigned i = 0; i < found->rtt_count; i++)
		json_array_append_new(ways, way_json(tcp, speed, found->rtt_seconds[i]));
	host_say_tcp(&say, tcp, speed, found->rtt_seconds, found->rtt_count);
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
			 "congestion_control", text_json(tcp->congestion),
			 "available_congestion_controls", words_json(tcp->available),
			 "default_queueing_discipline", text_json(tcp->queueing), "rmem_bytes",
			 three_json(tcp->rmem_bytes), "wmem_bytes", three_json(tcp->wmem_bytes),
			 "core_rmem_max_bytes", figure_json(tcp->rmem_max_bytes),
			 "core_wmem_max_bytes", figure_json(tcp->wmem_max_bytes),
			 "has_window_scaling", flag_json(tcp->window_scaling),
			 "adapts_receive_buffer", flag_json(tcp->moderate_receive_buffer), "link",
			 text_json(link ? link->name : ""), "link_speed_bits_per_second",
			 positive_json(speed), "round_trips", ways, "lines", lines);
}

json_t *host_found_json(const struct host_found *found)
{
	json_t *disks = json_array(), *links = json_array();

	for (unsigned i = 0; i < found->place_count; i++)
		json_array_append_new(disks, place_json(&found->places[i]));
	for (unsigned i = 0; i < found->network.count; i++)
		json_array_append_new(links, link_json(&found->network.links[i]));
	return json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "command", "host",
			 "version", SLUICE_VERSION, "kernel", kernel_json(&found->kernel), "cpu",
			 cpu_json(&found->cpu), "memory", memory_json(&found->memory, &found->huge),
			 "disks", disks, "network_error", error_json(found->network_status),
			 "network", links, "tcp", tcp_json(found));
}
