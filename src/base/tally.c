/* SPDX-License-Identifier: MIT */
#include "base/tally.h"

#include "base/bill.h"

#include <string.h>

static void add_share(struct tally *tally, const char *path, uint64_t bytes)
{
	unsigned i = 0;

	while (i < tally->path_count && strcmp(tally->paths[i].path, path) != 0)
		i++;
	if (i == TALLY_PATHS)
		tally->paths[--i].path = "other";
	else if (i == tally->path_count)
		tally->paths[tally->path_count++] = (struct sluice_path_bytes){path, 0};
	tally->paths[i].bytes += bytes;
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
	sum->cpu_ciphered_bytes += other->cpu_ciphered_bytes;
	sum->device_moved_bytes += other->device_moved_bytes;
	sum->is_device_unknown |= other->is_device_unknown;
	for (unsigned i = 0; i < other->path_count; i++)
		add_share(sum, other->paths[i].path, other->paths[i].bytes);
}

void tally_to_bill(const struct tally *tally, struct bill *bill)
{
	struct sluice_bill *public = &bill->public;

	public->bytes = tally->bytes;
	public->path_count = tally->path_count;
	memcpy(bill->paths, tally->paths, sizeof(bill->paths));
	public->zerocopy_sends = tally->zerocopy_sends;
	public->zerocopy_copied = tally->zerocopy_copied;
	public->cpu_copied_bytes = tally->cpu_copied_bytes;
	public->cpu_ciphered_bytes = tally->cpu_ciphered_bytes;
	public->device_moved_bytes =
		tally->is_device_unknown ? -1 : (int64_t)tally->device_moved_bytes;
}
