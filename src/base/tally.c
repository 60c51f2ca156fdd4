/* SPDX-License-Identifier: MIT */
#include "base/tally.h"

#include <string.h>

static void add_share(struct tally *tally, const char *path, uint64_t bytes)
{
	for (unsigned i = 0; i < tally->path_count; i++) {
		if (strcmp(tally->paths[i].path, path) == 0) {
			tally->paths[i].bytes += bytes;
			return;
		}
	}
	if (tally->path_count < SLUICE_PATHS_MAX)
		tally->paths[tally->path_count++] = (struct sluice_path_bytes){path, bytes};
}

void tally_add(struct tally *tally, const char *path, uint64_t bytes)
{
	tally->bytes += bytes;
	add_share(tally, path, bytes);
}

void tally_move(struct tally *tally, const char *from, const char *to, uint64_t bytes)
{
	add_share(tally, from, -bytes);
	add_share(tally, to, bytes);
}

void tally_merge(struct tally *sum, const struct tally *other)
{
	sum->bytes += other->bytes;
	sum->zerocopy_sends += other->zerocopy_sends;
	sum->zerocopy_copied += other->zerocopy_copied;
	sum->cpu_copied_bytes += other->cpu_copied_bytes;
	sum->device_moved_bytes += other->device_moved_bytes;
	sum->is_device_unknown |= other->is_device_unknown;
	for (unsigned i = 0; i < other->path_count; i++)
		add_share(sum, other->paths[i].path, other->paths[i].bytes);
}

void tally_to_bill(const struct tally *tally, struct sluice_bill *bill)
{
	bill->bytes = tally->bytes;
	bill->path_count = tally->path_count;
	memcpy(bill->paths, tally->paths, sizeof(bill->paths));
	bill->zerocopy_sends = tally->zerocopy_sends;
	bill->zerocopy_copied = tally->zerocopy_copied;
	bill->cpu_copied_bytes = tally->cpu_copied_bytes;
	bill->device_moved_bytes =
		tally->is_device_unknown ? -1 : (int64_t)tally->device_moved_bytes;
}
