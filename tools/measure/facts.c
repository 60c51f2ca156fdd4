/* SPDX-License-Identifier: MIT */
#include "measure/facts.h"

#include "base/statx.h"
#include "base/sys.h"
#include "base/text.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

/* NULL is unknown. JSON is UTF-8, a file's name need not be: what is not gets escaped. */
static json_t *text_json(const char *text)
{
	char safe[4 * PATH_MAX];

	if (!text)
		return json_null();
	return json_string(text_for_terminal(safe, sizeof(safe), text));
}

static json_t *number_json(long long number)
{
	return number > 0 ? json_integer(number) : json_null();
}

static json_t *now_json(void)
{
	time_t now = time(NULL);
	char text[32];
	struct tm tm;

	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &tm));
	return json_string(text);
}

/* Some architectures do not name the processor. */
static json_t *cpu_json(void)
{
	FILE *file = fopen("/proc/cpuinfo", "re");
	char line[256], name[256] = "";

	while (file && !*name && fgets(line, sizeof(line), file))
		sscanf(line, "model name : %255[^\n]", name);
	if (file)
		fclose(file);
	return text_json(*name ? name : NULL);
}

static json_t *congestion_json(void)
{
	FILE *file = fopen("/proc/sys/net/ipv4/tcp_congestion_control", "re");
	char name[32] = "";

	if (file && fscanf(file, "%31s", name) != 1)
		*name = '\0';
	if (file)
		fclose(file);
	return text_json(*name ? name : NULL);
}

/* Of the mount with this number: its file system's type and what is mounted. */
static bool find_mount(uint64_t id, char type[64], char source[PATH_MAX])
{
	FILE *file = fopen("/proc/self/mountinfo", "re");
	size_t size = 0;
	char *line = NULL;
	bool is_found = false;

	while (file && !is_found && getline(&line, &size, file) > 0) {
		/* proc(5): the fields behind the " - " are type and source. */
		const char *rest = strstr(line, " - ");

		is_found = strtoull(line, NULL, 10) == id && rest &&
			   sscanf(rest, " - %63s %4095s", type, source) == 2;
	}
	free(line);
	if (file)
		fclose(file);
	return is_found;
}

/* The kernel's name of the block device below, "sda2"; some file systems span several of them. */
static json_t *device_json(unsigned major, unsigned minor, const char *source)
{
	char link[64], target[PATH_MAX];
	ssize_t length;

	snprintf(link, sizeof(link), "/sys/dev/block/%u:%u", major, minor);
	length = readlink(link, target, sizeof(target) - 1);
	if (length > 0) {
		target[length] = '\0';
		return text_json(strrchr(target, '/') ? strrchr(target, '/') + 1 : target);
	}
	return text_json(strncmp(source, "/dev/", 5) == 0 ? source + 5 : NULL);
}

static void add_directory(json_t *facts, const char *directory)
{
	char type[64] = "", source[PATH_MAX] = "",
	     *whole = directory ? realpath(directory, NULL) : NULL;
	struct statx status;
	bool is_device;

	json_object_set_new(facts, "folder", text_json(whole ? whole : directory));
	free(whole);
	if (!directory ||
	    sys_statx_at(AT_FDCWD, directory, STATX_BASIC_STATS | STATX_MNT_ID, &status) < 0) {
		json_object_set_new(facts, "file_system", json_null());
		json_object_set_new(facts, "device", json_null());
		return;
	}
	is_device = S_ISBLK(status.stx_mode);
	if (!is_device && status.stx_mask & STATX_MNT_ID)
		find_mount(statx_more(&status).mount_id, type, source);
	json_object_set_new(facts, "file_system", text_json(*type ? type : NULL));
	json_object_set_new(
		facts, "device",
		is_device ? device_json(status.stx_rdev_major, status.stx_rdev_minor, source)
			  : device_json(status.stx_dev_major, status.stx_dev_minor, source));
}

json_t *measure_facts_json(const char *directory)
{
	json_t *facts = json_object();
	struct utsname system;
	struct sysinfo memory;
	bool has_system = uname(&system) == 0, has_memory = sysinfo(&memory) == 0;

	json_object_set_new(facts, "time", now_json());
	json_object_set_new(facts, "kernel", text_json(has_system ? system.release : NULL));
	json_object_set_new(facts, "architecture", text_json(has_system ? system.machine : NULL));
	json_object_set_new(facts, "cpu", cpu_json());
	json_object_set_new(facts, "cores", number_json(sysconf(_SC_NPROCESSORS_ONLN)));
	json_object_set_new(
		facts, "memory_bytes",
		number_json(has_memory ? (long long)memory.totalram * memory.mem_unit : 0));
	json_object_set_new(facts, "page_bytes", number_json(sysconf(_SC_PAGESIZE)));
	json_object_set_new(facts, "congestion_control", congestion_json());
	add_directory(facts, directory);
	return facts;
}
