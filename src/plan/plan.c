/* SPDX-License-Identifier: MIT */
/* Rules in order; the first that holds decides. */
#include "plan/plan.h"

#include <string.h>

static const char *why_not_direct(bool lacks_descriptor)
{
	return lacks_descriptor ? "no descriptor left for O_DIRECT" : "no O_DIRECT on this file";
}

static struct plan_send plan_resident(const struct plan_send_facts *facts)
{
	if (facts->takes_files && facts->can_splice && facts->length >= PLAN_SPLICE)
		return (struct plan_send){&path_send_splice,
					  "resident in the page cache, and long"};
	if (facts->takes_files && facts->can_sendfile)
		return (struct plan_send){&path_send_sendfile, "resident in the page cache"};
	return (struct plan_send){&path_send_readwrite,
				  facts->takes_files
					  ? "resident in the page cache, on a file system without "
					    "sendfile"
					  : "resident in the page cache, to a channel that takes "
					    "no pages"};
}

struct plan_send plan_send(const struct plan_send_facts *facts)
{
	if (facts->forced)
		return (struct plan_send){facts->forced, "selected by name"};
	if (facts->state == CACHE_RESIDENT)
		return plan_resident(facts);
	if (facts->is_dirty)
		return (struct plan_send){&path_send_readwrite,
					  "dirty pages: a direct read would wait for write-back"};
	if (facts->file_size <= PLAN_SMALL_SEND)
		return (struct plan_send){&path_send_readwrite,
					  "small: read through the page cache"};
	if (facts->is_admitted)
		return (struct plan_send){&path_send_readwrite,
					  "requested again: brought into the page cache"};
	if (facts->can_direct && facts->state == CACHE_COLD)
		return (struct plan_send){&path_send_direct, "not in the page cache"};
	if (facts->can_direct && facts->state == CACHE_MIXED)
		return (struct plan_send){&path_send_direct, "only partly in the page cache"};
	if (facts->can_direct)
		return (struct plan_send){&path_send_direct, "residency unknown"};
	return (struct plan_send){&path_send_readwrite, why_not_direct(facts->lacks_descriptor),
				  .drops = facts->state == CACHE_COLD};
}

/*
 * Both leave nothing behind: readwrite has the range write back and drop block by block, dontcache
 * the kernel, at a quarter more rate and half the CPU time.
 */
static struct plan_recv buffered(const struct plan_recv_facts *facts, const char *reason)
{
	const struct path_recv *path =
		facts->can_dontcache ? &path_recv_dontcache : &path_recv_readwrite;

	return (struct plan_recv){path, reason};
}

struct plan_recv plan_recv(const struct plan_recv_facts *facts)
{
	if (facts->forced)
		return (struct plan_recv){facts->forced, "selected by name"};
	if (facts->keep_cached)
		return (struct plan_recv){&path_recv_readwrite, "to be kept in the page cache"};
	if (facts->length <= PLAN_SMALL_RECV)
		return (struct plan_recv){&path_recv_readwrite, "small"};
	if (facts->length == UINT64_MAX)
		return buffered(facts, "length unknown");
	if (!facts->can_direct)
		return buffered(facts, why_not_direct(facts->lacks_descriptor));
	if (facts->offset % facts->align != 0)
		return buffered(facts, "offset not aligned for O_DIRECT");
	return (struct plan_recv){&path_recv_direct, "large"};
}

const char *const *plan_congestion(const struct plan_congestion_facts *facts)
{
	static const char *const none[] = {NULL};
	static const char *const unpaced[] = {"cubic", "reno", NULL};

	if (!facts->is_local || strncmp(facts->system, "bbr", 3) != 0)
		return none;
	return unpaced;
}
