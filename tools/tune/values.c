/* SPDX-License-Identifier: MIT */
#include "tune/values.h"

#include "base/error.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define READ_AHEAD_HEAD "/sys/block/"
#define READ_AHEAD_TAIL "/queue/read_ahead_kb"

/* The kernel's own limits, from the tables of mm/page-writeback.c, mm/vmscan.c and net/core. */
static const struct {
	const char *name;
	uint64_t min, max;
	bool is_triple, is_pages; /* min counts pages */
} keys[TUNE_KEYS] = {
	[TUNE_BACKGROUND_BYTES] = {"vm.dirty_background_bytes", 1, INT64_MAX, false, false},
	[TUNE_BACKGROUND_RATIO] = {"vm.dirty_background_ratio", 0, 100, false, false},
	[TUNE_DIRTY_BYTES] = {"vm.dirty_bytes", 2, INT64_MAX, false, true},
	[TUNE_DIRTY_RATIO] = {"vm.dirty_ratio", 0, 100, false, false},
	[TUNE_EXPIRE] = {"vm.dirty_expire_centisecs", 0, INT32_MAX, false, false},
	[TUNE_WRITEBACK] = {"vm.dirty_writeback_centisecs", 0, INT32_MAX, false, false},
	[TUNE_SWAPPINESS] = {"vm.swappiness", 0, 200, false, false},
	[TUNE_READ_AHEAD] = {"", 0, UINT32_MAX / 2, false, false},
	[TUNE_RMEM_MAX] = {"net.core.rmem_max", 2304, INT32_MAX, false, false},
	[TUNE_WMEM_MAX] = {"net.core.wmem_max", 4608, INT32_MAX, false, false},
	[TUNE_TCP_RMEM] = {"net.ipv4.tcp_rmem", 1, INT32_MAX, true, false},
	[TUNE_TCP_WMEM] = {"net.ipv4.tcp_wmem", 1, INT32_MAX, true, false},
};

const char *tune_key_name(enum tune_key key, const char *device, char name[TUNE_NAME])
{
	if (key == TUNE_READ_AHEAD)
		snprintf(name, TUNE_NAME, READ_AHEAD_HEAD "%s" READ_AHEAD_TAIL,
			 *device ? device : "DEVICE");
	else
		snprintf(name, TUNE_NAME, "%s", keys[key].name);
	return name;
}

/* "vda" of the read-ahead's file; a device never has a '/' in its name. */
static bool read_ahead_device(const char *name, char device[32])
{
	size_t head = strlen(READ_AHEAD_HEAD), tail = strlen(READ_AHEAD_TAIL),
	       length = strlen(name);

	if (length <= head + tail || length - head - tail >= 32 ||
	    strncmp(name, READ_AHEAD_HEAD, head) != 0 ||
	    strcmp(name + length - tail, READ_AHEAD_TAIL) != 0)
		return false;
	memcpy(device, name + head, length - head - tail);
	device[length - head - tail] = '\0';
	return !strchr(device, '/') && device[0] != '.';
}

int tune_key_find(const char *name, char device[32])
{
	device[0] = '\0';
	if (read_ahead_device(name, device))
		return TUNE_READ_AHEAD;
	for (int key = 0; key < TUNE_KEYS; key++)
		if (*name && strcmp(keys[key].name, name) == 0)
			return key;
	return -1;
}

enum tune_key tune_key_twin(enum tune_key key)
{
	switch (key) {
	case TUNE_BACKGROUND_BYTES:
		return TUNE_BACKGROUND_RATIO;
	case TUNE_BACKGROUND_RATIO:
		return TUNE_BACKGROUND_BYTES;
	case TUNE_DIRTY_BYTES:
		return TUNE_DIRTY_RATIO;
	case TUNE_DIRTY_RATIO:
		return TUNE_DIRTY_BYTES;
	default:
		return key;
	}
}

/* Reads up to max numbers and nothing else; returns how many, or -1. */
static int numbers_of(const char *text, uint64_t *numbers, int max)
{
	int count = 0;

	while (*text) {
		char *end;

		while (isspace((unsigned char)*text))
			text++;
		if (!*text)
			break;
		if (!isdigit((unsigned char)*text) || count == max)
			return -1;
		errno = 0;
		numbers[count++] = strtoull(text, &end, 10);
		if (errno || (*end && !isspace((unsigned char)*end)))
			return -1;
		text = end;
	}
	return count;
}

bool tune_value_number(const char *text, uint64_t *number)
{
	return numbers_of(text, number, 1) == 1;
}

bool tune_value_triple(const char *text, uint64_t numbers[3])
{
	return numbers_of(text, numbers, 3) == 3;
}

int tune_value_check(const char *name, const char *value, struct sluice_error *error)
{
	char device[32];
	int key = tune_key_find(name, device);
	uint64_t numbers[3], min;
	int count;

	if (key < 0)
		return error_set(error, EINVAL, "sluice tune does not know the setting %s", name);
	min = keys[key].is_pages ? keys[key].min * (uint64_t)sysconf(_SC_PAGESIZE) : keys[key].min;
	count = numbers_of(value, numbers, 3);
	if (count != (keys[key].is_triple ? 3 : 1))
		return error_set(error, EINVAL, "%s = '%s': expected %s", name, value,
				 keys[key].is_triple ? "three numbers" : "one number");
	for (int i = 0; i < count; i++)
		if (numbers[i] < min || numbers[i] > keys[key].max)
			return error_set(error, ERANGE,
					 "%s = %s: the kernel takes %" PRIu64 " to %" PRIu64, name,
					 value, min, keys[key].max);
	return 0;
}
