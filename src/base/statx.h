/* SPDX-License-Identifier: MIT */
/*
 * What statx(2) fills in past the members that every libc declares: musl's struct ends there, and
 * so do older kernel headers. The layout is the kernel's ABI, and every declaration reserves the
 * room.
 */
#ifndef SLUICE_BASE_STATX_H
#define SLUICE_BASE_STATX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#ifndef STATX_MNT_ID /* Linux 5.8 */
#define STATX_MNT_ID 0x1000U
#endif
#ifndef STATX_DIOALIGN /* Linux 6.1 */
#define STATX_DIOALIGN 0x2000U
#endif

/* Each member is valid where its bit is set in stx_mask. */
struct statx_more {
	uint64_t mount_id;                   /* STATX_MNT_ID */
	uint32_t memory_align, offset_align; /* STATX_DIOALIGN: for direct I/O; 0: not supported */
};

enum { STATX_MORE = 144 }; /* offset of these members */

_Static_assert(offsetof(struct statx, stx_dev_minor) + sizeof(uint32_t) == STATX_MORE &&
		       sizeof(struct statx) >= STATX_MORE + sizeof(struct statx_more),
	       "struct statx is the kernel's");

static inline struct statx_more statx_more(const struct statx *status)
{
	struct statx_more more;

	memcpy(&more, (const char *)status + STATX_MORE, sizeof(more));
	return more;
}

static inline bool statx_is_same_time(struct statx_timestamp a, struct statx_timestamp b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

#endif
