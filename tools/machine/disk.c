/* SPDX-License-Identifier: MIT */
#include "machine/disk.h"

#include "base/cleanup.h"
#include "base/sys.h"
#include "host/mounts.h"
#include "host/read.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#define DEPTH_MAX 8
#define PATH_TEXT 512

struct device {
	int root;
	char directory[PATH_TEXT]; /* of the whole disk, below the root */
	char link[PATH_TEXT];      /* where /sys/dev/block leads: the way through the buses */
	char name[64];
};

const char *host_disk_kind_name(enum host_disk_kind kind)
{
	static const char *const names[] = {
		[HOST_DISK_UNKNOWN] = "unknown", [HOST_DISK_ROTATIONAL] = "rotational",
		[HOST_DISK_SSD] = "ssd",         [HOST_DISK_NVME] = "nvme",
		[HOST_DISK_MMC] = "mmc",         [HOST_DISK_VIRTUAL] = "virtual",
		[HOST_DISK_NETWORK] = "network", [HOST_DISK_MEMORY] = "memory",
	};

	return names[kind];
}

static int read_text(const struct device *device, const char *name, char *text, size_t size)
{
	char path[PATH_TEXT + 64];

	snprintf(path, sizeof(path), "%s/%s", device->directory, name);
	return host_read(device->root, path, text, size);
}

/* scale times the number, HOST_UNKNOWN where there is none */
static int64_t read_figure(const struct device *device, const char *name, int64_t scale)
{
	char path[PATH_TEXT + 64];
	uint64_t value;

	snprintf(path, sizeof(path), "%s/%s", device->directory, name);
	if (host_read_number(device->root, path, &value) < 0 ||
	    value > (uint64_t)(INT64_MAX / scale))
		return HOST_UNKNOWN;
	return (int64_t)value * scale;
}

/* The last word of a path, which is cut off it. */
static const char *cut_word(char *path)
{
	char *slash = strrchr(path, '/');

	if (!slash)
		return path;
	*slash = '\0';
	return slash + 1;
}

static int find_device(int root, unsigned major, unsigned minor, struct device *device)
{
	char link[PATH_TEXT], path[PATH_TEXT];
	ssize_t length;
	uint64_t partition;

	device->root = root;
	snprintf(device->directory, sizeof(device->directory), "sys/dev/block/%u:%u", major, minor);
	length = readlinkat(root, device->directory, link, sizeof(link) - 1);
	if (length < 0)
		return -errno;
	link[length] = '\0';
	strcpy(device->link, link);
	snprintf(path, sizeof(path), "sys/dev/block/%u:%u/partition", major, minor);
	if (host_read_number(root, path, &partition) == 0) {
		cut_word(link);
		strcat(device->directory, "/..");
	}
	host_copy(device->name, sizeof(device->name), cut_word(link));
	return 0;
}

static bool starts_with(const char *text, const char *const *words)
{
	for (; *words; words++)
		if (strncmp(text, *words, strlen(*words)) == 0)
			return true;
	return false;
}

static bool is_emulated(const struct device *device)
{
	static const char *const makers[] = {"QEMU", "VMware",  "VBOX",  "Msft",      "Google",
					     "Xen",  "Virtual", "Bochs", "Parallels", NULL};
	char text[64];

	return (read_text(device, "device/vendor", text, sizeof(text)) > 0 &&
		starts_with(text, makers)) ||
	       (read_text(device, "device/model", text, sizeof(text)) > 0 &&
		starts_with(text, makers));
}

static enum host_disk_kind nvme_kind(const struct device *device)
{
	char transport[16];

	if (read_text(device, "device/transport", transport, sizeof(transport)) > 0 &&
	    strcmp(transport, "pcie") != 0)
		return HOST_DISK_NETWORK;
	return HOST_DISK_NVME;
}

static enum host_disk_kind kind_of(const struct device *device)
{
	static const char *const in_memory[] = {"zram", "ram", "pmem", NULL};
	static const char *const over_network[] = {"nbd", "rbd", "drbd", NULL};
	static const char *const virtual[] = {"xvd", "loop", "ublk", NULL};
	int64_t is_rotational;

	if (starts_with(device->name, in_memory))
		return HOST_DISK_MEMORY;
	if (starts_with(device->name, over_network) || strstr(device->link, "/session"))
		return HOST_DISK_NETWORK; /* iSCSI has sessions */
	if (strncmp(device->name, "nvme", 4) == 0)
		return nvme_kind(device);
	if (strncmp(device->name, "mmcblk", 6) == 0)
		return HOST_DISK_MMC;
	/* What a hypervisor says about rotation is its own default, not the disk's. */
	if (starts_with(device->name, virtual) || strstr(device->link, "/virtio") ||
	    is_emulated(device))
		return HOST_DISK_VIRTUAL;
	is_rotational = read_figure(device, "queue/rotational", 1);
	if (is_rotational == HOST_UNKNOWN)
		return HOST_DISK_UNKNOWN;
	return is_rotational ? HOST_DISK_ROTATIONAL : HOST_DISK_SSD;
}

/* "none [mq-deadline] kyber": the chosen one is in brackets, or the only one. */
static void read_scheduler(const struct device *device, char *name, size_t size)
{
	char text[128];
	const char *begin, *end;

	if (read_text(device, "queue/scheduler", text, sizeof(text)) < 0)
		return;
	begin = strchr(text, '[');
	end = begin ? strchr(begin, ']') : NULL;
	if (end)
		snprintf(name, size, "%.*s", (int)(end - begin - 1), begin + 1);
	else
		host_copy(name, size, text);
}

static int64_t count_entries(const struct device *device, const char *name)
{
	char path[PATH_TEXT + 64];
	int64_t count = 0;
	int fd;
	DIR *directory;

	snprintf(path, sizeof(path), "%s/%s", device->directory, name);
	fd = sys_open(device->root, path, O_RDONLY | O_DIRECTORY, 0);
	directory = fd < 0 ? NULL : fdopendir(fd);
	if (!directory)
		return HOST_UNKNOWN;
	for (const struct dirent *entry; (entry = readdir(directory));)
		count += entry->d_name[0] != '.';
	closedir(directory);
	return count;
}

static int64_t read_node(const struct device *device)
{
	static const char *const places[] = {"device/numa_node", "device/device/numa_node",
					     "device/../numa_node"};
	int64_t node = HOST_UNKNOWN;

	for (int i = 0; i < 3 && node == HOST_UNKNOWN; i++)
		node = read_figure(device, places[i], 1);
	return node;
}

static void read_bottom(const struct device *device, struct host_disk *disk)
{
	disk->kind = kind_of(device);
	strcpy(disk->name, device->name);
	disk->disk_count = 1;
	if (read_text(device, "device/model", disk->model, sizeof(disk->model)) <= 0)
		read_text(device, "device/name", disk->model, sizeof(disk->model));
	read_scheduler(device, disk->scheduler, sizeof(disk->scheduler));
	disk->queue_depth = read_figure(device, "queue/nr_requests", 1);
	disk->hardware_queues = count_entries(device, "mq");
	disk->numa_node = read_node(device);
}

static void read_top(const struct device *device, struct host_disk *disk)
{
	int64_t mask = read_figure(device, "queue/dma_alignment", 1);

	disk->size_bytes = read_figure(device, "size", 512);
	disk->read_ahead_bytes = read_figure(device, "queue/read_ahead_kb", 1024);
	disk->dma_alignment_bytes = mask == HOST_UNKNOWN ? HOST_UNKNOWN : mask + 1;
	disk->logical_block_bytes = read_figure(device, "queue/logical_block_size", 1);
	disk->physical_block_bytes = read_figure(device, "queue/physical_block_size", 1);
	disk->max_request_bytes = read_figure(device, "queue/max_sectors_kb", 1024);
	disk->is_rotational = read_figure(device, "queue/rotational", 1);
	disk->has_fua = read_figure(device, "queue/fua", 1);
	read_text(device, "queue/write_cache", disk->write_cache, sizeof(disk->write_cache));
}

static struct host_disk nothing_known(void)
{
	return (struct host_disk){
		.size_bytes = HOST_UNKNOWN,
		.read_ahead_bytes = HOST_UNKNOWN,
		.dma_alignment_bytes = HOST_UNKNOWN,
		.logical_block_bytes = HOST_UNKNOWN,
		.physical_block_bytes = HOST_UNKNOWN,
		.max_request_bytes = HOST_UNKNOWN,
		.is_rotational = HOST_UNKNOWN,
		.has_fua = HOST_UNKNOWN,
		.queue_depth = HOST_UNKNOWN,
		.hardware_queues = HOST_UNKNOWN,
		.numa_node = HOST_UNKNOWN,
	};
}

/* Several disks: as slow as the slowest kind, else told by the first. */
static void merge_bottom(struct host_disk *disk, const struct host_disk *other)
{
	unsigned count = disk->disk_count + other->disk_count;
	bool is_first = disk->disk_count == 0 || strcmp(other->name, disk->name) < 0;
	enum host_disk_kind kind = is_first ? other->kind : disk->kind;

	if (disk->disk_count &&
	    (disk->kind == HOST_DISK_NETWORK || other->kind == HOST_DISK_NETWORK))
		kind = HOST_DISK_NETWORK;
	if (disk->kind == HOST_DISK_ROTATIONAL || other->kind == HOST_DISK_ROTATIONAL)
		kind = HOST_DISK_ROTATIONAL;
	if (is_first) {
		strcpy(disk->name, other->name);
		strcpy(disk->model, other->model);
		strcpy(disk->layers, other->layers);
		strcpy(disk->scheduler, other->scheduler);
		disk->queue_depth = other->queue_depth;
		disk->hardware_queues = other->hardware_queues;
		disk->numa_node = other->numa_node;
	}
	disk->kind = kind;
	disk->disk_count = count;
}

/* "dm-0" before "md1 on ..." */
static void put_layer(struct host_disk *disk, const char *layer)
{
	char below[sizeof(disk->layers)];

	strcpy(below, disk->layers);
	if ((size_t)snprintf(disk->layers, sizeof(disk->layers), "%s%s%s", layer,
			     *below ? " on " : "", below) >= sizeof(disk->layers))
		memcpy(disk->layers + sizeof(disk->layers) - 4, "...", 4);
}

static int of_device(int root, unsigned major, unsigned minor, struct host_disk *disk, int depth);
static int of_file(int root, int fd, struct host_disk *disk, int depth);

static void add_slave(const struct device *device, const char *name, struct host_disk *disk,
		      int depth)
{
	struct host_disk below;
	char path[PATH_TEXT], text[32];
	unsigned major, minor;

	if (snprintf(path, sizeof(path), "slaves/%s/dev", name) >= (int)sizeof(path) - 64 ||
	    read_text(device, path, text, sizeof(text)) < 0 ||
	    sscanf(text, "%u:%u", &major, &minor) != 2)
		return;
	if (of_device(device->root, major, minor, &below, depth) == 0)
		merge_bottom(disk, &below);
}

/* What device mapper, md and their like are made of; how many disks that is. */
static unsigned add_slaves(const struct device *device, struct host_disk *disk, int depth)
{
	char path[PATH_TEXT + 64];
	int fd;
	DIR *directory;

	snprintf(path, sizeof(path), "%s/slaves", device->directory);
	fd = sys_open(device->root, path, O_RDONLY | O_DIRECTORY, 0);
	directory = fd < 0 ? NULL : fdopendir(fd);
	if (!directory)
		return 0;
	for (const struct dirent *entry; (entry = readdir(directory));)
		if (entry->d_name[0] != '.')
			add_slave(device, entry->d_name, disk, depth);
	closedir(directory);
	return disk->disk_count;
}

/* The file behind a loop device, where it can be seen from here. */
static unsigned add_backing(const struct device *device, struct host_disk *disk, char *layer,
			    size_t size, int depth)
{
	struct host_disk below;
	char file[PATH_TEXT];
	_cleanup_fd_ int fd = -1;
	int length;

	if (read_text(device, "loop/backing_file", file, sizeof(file)) <= 1)
		return 0;
	length = snprintf(layer, size, "%s over ", device->name);
	host_copy(layer + length, size - (size_t)length, file);
	fd = sys_open(device->root, file + 1, O_PATH, 0);
	if (fd >= 0 && of_file(device->root, fd, &below, depth) == 0)
		merge_bottom(disk, &below);
	return disk->disk_count;
}

static int of_device(int root, unsigned major, unsigned minor, struct host_disk *disk, int depth)
{
	struct device device;
	char layer[sizeof(disk->layers)];
	int status = find_device(root, major, minor, &device);

	*disk = nothing_known();
	if (status < 0)
		return status;
	read_top(&device, disk);
	strcpy(layer, device.name);
	if (depth < DEPTH_MAX && (add_slaves(&device, disk, depth + 1) ||
				  add_backing(&device, disk, layer, sizeof(layer), depth + 1)))
		put_layer(disk, layer);
	else
		read_bottom(&device, disk);
	return 0;
}

int host_disk_of_device(int root, unsigned major, unsigned minor, struct host_disk *disk)
{
	return of_device(root, major, minor, disk, 0);
}

/* File systems that are on no block device of this machine. */
static enum host_disk_kind kind_of_type(const char *type)
{
	static const char *const network[] = {
		"nfs",    "cifs",       "smb3",           "ceph", "lustre",
		"afs",    "fuse.sshfs", "fuse.glusterfs", "gfs2", "ocfs2",
		"beegfs", "fuse.s3fs",  "fuse.rclone",    NULL};
	static const char *const memory[] = {"tmpfs", "ramfs", "devtmpfs", "hugetlbfs", NULL};
	static const char *const virtual[] = {"virtiofs", "9p", "vboxsf", "fuse.vmhgfs", NULL};

	if (starts_with(type, network))
		return HOST_DISK_NETWORK;
	if (starts_with(type, memory))
		return HOST_DISK_MEMORY;
	return starts_with(type, virtual) ? HOST_DISK_VIRTUAL : HOST_DISK_UNKNOWN;
}

static int of_upper(int root, const struct host_mount *mount, struct host_disk *disk, int depth)
{
	char path[PATH_TEXT];
	size_t length;
	const char *upper = host_list_value(mount->super_options, "upperdir", &length);
	_cleanup_fd_ int fd = -1;
	int status;

	if (!upper || length >= sizeof(path))
		return -ENODATA;
	snprintf(path, sizeof(path), "%.*s", (int)length, upper);
	fd = sys_open(root, path[0] == '/' ? path + 1 : path, O_PATH, 0);
	status = fd < 0 ? fd : of_file(root, fd, disk, depth);
	if (status == 0)
		put_layer(disk, "overlay");
	return status;
}

/* btrfs and others show devices of their own making: the mount's source is the real one. */
static int of_source(int root, const struct host_mount *mount, struct host_disk *disk, int depth)
{
	struct statx status;

	if (strncmp(mount->source, "/dev/", 5) != 0)
		return -ENODATA;
	if (sys_statx_at(root, mount->source + 1, STATX_BASIC_STATS, &status) < 0 ||
	    !S_ISBLK(status.stx_mode))
		return -ENODATA;
	return of_device(root, status.stx_rdev_major, status.stx_rdev_minor, disk, depth);
}

static int of_mount(int root, const struct host_mount *mount, struct host_disk *disk, int depth)
{
	int status = -ENODATA;

	if (depth < DEPTH_MAX && strcmp(mount->type, "overlay") == 0)
		status = of_upper(root, mount, disk, depth + 1);
	else if (depth < DEPTH_MAX)
		status = of_source(root, mount, disk, depth + 1);
	if (status < 0) {
		*disk = nothing_known();
		disk->kind = kind_of_type(mount->type);
	}
	return 0;
}

static int of_anonymous(int root, const struct statx *status, struct host_disk *disk, int depth)
{
	struct host_mount mount = {0};
	FILE *mounts = host_mounts_open(root);
	bool is_found = false;

	*disk = nothing_known();
	if (!mounts)
		return -errno;
	while (!is_found && host_mount_next(mounts, &mount))
		is_found = host_mount_holds(&mount, status);
	if (is_found)
		of_mount(root, &mount, disk, depth);
	host_mount_free(&mount);
	fclose(mounts);
	return 0;
}

static int of_file(int root, int fd, struct host_disk *disk, int depth)
{
	struct statx status;
	int result = sys_statx(fd, HOST_MOUNT_STATX, &status);

	if (result < 0)
		return result;
	if (status.stx_dev_major != 0)
		return of_device(root, status.stx_dev_major, status.stx_dev_minor, disk, depth);
	return of_anonymous(root, &status, disk, depth);
}

int host_disk_of(int root, int fd, struct host_disk *disk)
{
	return of_file(root, fd, disk, 0);
}
