/* SPDX-License-Identifier: MIT */
#include "tune/parse.h"

#include "base/error.h"
#include "base/size.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_CORES      65536
#define LEAST_RATE      1e3 /* bytes or bits per second */
#define MOST_RATE       1e15
#define LEAST_MEMORY    (16 * MIB)
#define MOST_MEMORY     ((uint64_t)1 << 50)
#define MOST_ROUND_TRIP 60.0

/* A number and what is behind it. */
static bool number_of(const char *text, double *value, const char **rest)
{
	char *end;

	if (!isdigit((unsigned char)*text) || strpbrk(text, "xXeEpP"))
		return false;
	errno = 0;
	*value = strtod(text, &end);
	*rest = end;
	return errno == 0;
}

static bool rate_of(const char *text, uint64_t *rate)
{
	static const char units[] = "KMGT";
	const char *rest, *unit;
	double value;

	if (!number_of(text, &value, &rest))
		return false;
	if (*rest) {
		unit = strchr(units, toupper((unsigned char)*rest));
		if (!unit || rest[1])
			return false;
		for (const char *step = units; step <= unit; step++)
			value *= 1000;
	}
	if (value < LEAST_RATE || value > MOST_RATE)
		return false;
	*rate = (uint64_t)value;
	return true;
}

int tune_parse_time(const char *text, double *seconds)
{
	const char *rest;
	double value;

	if (!number_of(text, &value, &rest))
		return -EINVAL;
	if (strcmp(rest, "ms") == 0)
		value /= 1e3;
	else if (strcmp(rest, "us") == 0)
		value /= 1e6;
	else if (*rest && strcmp(rest, "s") != 0)
		return -EINVAL;
	*seconds = value;
	return value > 0 ? 0 : -EINVAL;
}

int tune_parse_cores(struct tune_facts *facts, const char *text, struct sluice_error *error)
{
	const char *rest;
	double value;

	if (!number_of(text, &value, &rest) || *rest || value < 1 || value > MOST_CORES ||
	    strchr(text, '.'))
		return error_set(error, EINVAL,
				 "--cores %s: a number from 1 to %d, as in --cores 64", text,
				 MOST_CORES);
	facts->cores = (unsigned)value;
	return 0;
}

int tune_parse_memory(struct tune_facts *facts, const char *text, struct sluice_error *error)
{
	uint64_t bytes;

	if (!size_parse(text, &bytes) || bytes < LEAST_MEMORY || bytes > MOST_MEMORY)
		return error_set(error, EINVAL,
				 "--memory %s: a size from 16M to 1024T, as in --memory 512G",
				 text);
	facts->memory_bytes = bytes;
	/* What programs and the kernel leave for files on a server that is not yet full. */
	facts->available_bytes = bytes / 10 * 9;
	return 0;
}

int tune_parse_disk(struct tune_facts *facts, const char *text, struct sluice_error *error)
{
	size_t length = strcspn(text, ":");
	uint64_t rate = 0;
	int disk = TUNE_DISK_HDD;

	while (disk < TUNE_DISK_COUNT &&
	       (strlen(tune_disk_name((enum tune_disk)disk)) != length ||
		strncmp(tune_disk_name((enum tune_disk)disk), text, length)))
		disk++;
	if (disk == TUNE_DISK_COUNT)
		return error_set(error, EINVAL,
				 "--disk %s: expected as kind hdd, raid (of HDDs), ssd, nvme, "
				 "emmc, virtual or network, as in --disk nvme:6G",
				 text);
	if (text[length] && !rate_of(text + length + 1, &rate))
		return error_set(error, EINVAL,
				 "--disk %s: after the colon comes a write rate in bytes per "
				 "second, from 1K to 1000T, as in --disk nvme:6G",
				 text);
	facts->disk = (enum tune_disk)disk;
	facts->disk_bytes_per_second = rate;
	facts->is_disk_measured = false;
	return 0;
}

int tune_parse_network(struct tune_facts *facts, const char *text, struct sluice_error *error)
{
	char rate[32];
	size_t length = strcspn(text, ":");
	double round_trip = 0;

	snprintf(rate, sizeof(rate), "%.*s", (int)length, text);
	if (length >= sizeof(rate) || !rate_of(rate, &facts->network_bits_per_second))
		return error_set(error, EINVAL,
				 "--network %s: a rate in bits per second, from 1K to 1000T, as in "
				 "--network 100G or --network 10G:20ms",
				 text);
	if (text[length] &&
	    (tune_parse_time(text + length + 1, &round_trip) < 0 || round_trip > MOST_ROUND_TRIP))
		return error_set(error, EINVAL,
				 "--network %s: after the colon comes a round-trip time up to 60s, "
				 "as in --network 10G:20ms",
				 text);
	facts->round_trip_seconds = round_trip;
	return 0;
}

int tune_parse_swap(struct tune_facts *facts, const char *text, struct sluice_error *error)
{
	for (int swap = TUNE_SWAP_NONE; swap < TUNE_SWAP_COUNT; swap++) {
		if (strcmp(tune_swap_name((enum tune_swap)swap), text) != 0)
			continue;
		facts->swap = (enum tune_swap)swap;
		return 0;
	}
	return error_set(error, EINVAL, "--swap %s: expected none, zram, flash or hdd", text);
}

/* The most that one device of a kind has ever written. */
static double most_of(enum tune_disk disk)
{
	switch (disk) {
	case TUNE_DISK_HDD:
		return 600e6;
	case TUNE_DISK_SSD:
		return 2.5e9; /* SAS-4; SATA ends at 600 MB/s */
	case TUNE_DISK_EMMC:
		return 400e6;
	case TUNE_DISK_NVME:
		return 64e9; /* several of them as one */
	default:
		return MOST_RATE;
	}
}

int tune_facts_check(const struct tune_facts *facts, struct sluice_error *error)
{
	if (!facts->is_disk_measured && (double)facts->disk_bytes_per_second > most_of(facts->disk))
		return error_set(
			error, EINVAL, "no %s writes %.3g GB/s: one does up to %.3g GB/s. %s",
			tune_disk_name(facts->disk), (double)facts->disk_bytes_per_second / 1e9,
			most_of(facts->disk) / 1e9,
			facts->disk == TUNE_DISK_HDD ? "For an array say --disk raid:RATE"
						     : "Which kind is it?");
	if (facts->cores && facts->memory_bytes && facts->memory_bytes / facts->cores < MIB)
		return error_set(error, EINVAL,
				 "%u cores with %llu MiB of memory: less than 1 MiB for each is no "
				 "machine that Linux runs on",
				 facts->cores, (unsigned long long)(facts->memory_bytes / MIB));
	return 0;
}
