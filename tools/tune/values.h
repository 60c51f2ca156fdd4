/* SPDX-License-Identifier: MIT */
/*
 * The settings that tune knows: their names, their range in the kernel, and their values as text.
 *
 * vm.dirty_bytes and vm.dirty_ratio are twins, and so are the background ones: one is in force, the
 * other reads 0.
 */
#ifndef SLUICE_TUNE_VALUES_H
#define SLUICE_TUNE_VALUES_H

#include <stdbool.h>
#include <stdint.h>

struct sluice_error;

enum tune_key {
	TUNE_BACKGROUND_BYTES,
	TUNE_BACKGROUND_RATIO,
	TUNE_DIRTY_BYTES,
	TUNE_DIRTY_RATIO,
	TUNE_EXPIRE,
	TUNE_WRITEBACK,
	TUNE_SWAPPINESS,
	TUNE_READ_AHEAD, /* of one block device, in KiB */
	TUNE_RMEM_MAX,
	TUNE_WMEM_MAX,
	TUNE_TCP_RMEM,
	TUNE_TCP_WMEM,
	TUNE_KEYS,
};

#define TUNE_NAME  96
#define TUNE_VALUE 64

struct tune_values {
	char text[TUNE_KEYS][TUNE_VALUE]; /* "" where it is not known */
};

/* "vm.dirty_bytes"; for the read-ahead its file in /sys. Returns name. */
const char *tune_key_name(enum tune_key key, const char *device, char name[TUNE_NAME]);
/* Which key a name is, and for the read-ahead of which device; -1 for what is none of them. */
int tune_key_find(const char *name, char device[32]);
/* The twin of a key, or the key itself. */
enum tune_key tune_key_twin(enum tune_key key);

/* Whether the kernel takes this value; else the error says what it takes. */
int tune_value_check(const char *name, const char *value, struct sluice_error *error);
/* The first number; false where there is none. */
bool tune_value_number(const char *text, uint64_t *number);
/* Three numbers, as in net.ipv4.tcp_rmem. */
bool tune_value_triple(const char *text, uint64_t numbers[3]);

#endif
