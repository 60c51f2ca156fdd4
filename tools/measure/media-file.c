/* SPDX-License-Identifier: MIT */
/* How large the file is that the disk is measured on. */
#include "base/size.h"
#include "measure/media-private.h"

#define LEFT_FREE (256 * MIB)
#define ITS_SIZE  GIB

uint64_t media_file_size(uint64_t wanted, uint64_t free, uint64_t total)
{
	uint64_t left = total / 20 > LEFT_FREE ? total / 20 : LEFT_FREE;
	uint64_t room = free > left ? free - left : 0;

	if (wanted)
		return wanted <= room ? wanted : 0;
	wanted = size_round_down(size_min(ITS_SIZE, room / 4), MIB);
	return wanted >= MEASURE_MEDIA_SIZE_MIN ? wanted : 0;
}
