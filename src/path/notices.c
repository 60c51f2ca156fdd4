/* SPDX-License-Identifier: MIT */
#include "path/notices.h"

#include "base/sys.h"

#include <errno.h>
#include <linux/errqueue.h>
#include <netinet/in.h>
#include <time.h>

void notices_expect(struct notices *notices, struct notices_range *range)
{
	if (range->count == 0)
		range->first = notices->sent;
	range->count++;
	range->open++;
	notices->sent++;
}

/* All arithmetic is modulo 2^32: a difference below 2^31 is one forwards. */
static bool is_before(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

static void learn_base(struct notices *notices, uint32_t low, uint32_t high,
		       struct notices_range *const *ranges, unsigned range_count)
{
	bool is_first = notices->complete == high - low + 1;

	if (is_first || is_before(low, notices->lowest))
		notices->lowest = low;
	if (is_first || is_before(notices->highest, high))
		notices->highest = high;
	if (notices->complete != notices->sent ||
	    notices->highest - notices->lowest + 1 != notices->sent)
		return;
	notices->base = notices->lowest;
	notices->has_base = true;
	for (unsigned i = 0; i < range_count; i++)
		ranges[i]->open = 0;
}

/* Takes the sends low to high, counted from 0, off the range's open ones. */
static void complete_range(struct notices_range *range, uint32_t low, uint32_t high)
{
	int64_t from = (int32_t)(low - range->first), to = (int32_t)(high - range->first);

	if (from < 0)
		from = 0;
	if (to >= range->count)
		to = (int64_t)range->count - 1;
	if (from <= to)
		range->open -= (uint32_t)(to - from + 1);
}

void notices_complete(struct notices *notices, uint32_t low, uint32_t high,
		      struct notices_range *const *ranges, unsigned range_count)
{
	notices->complete += high - low + 1;
	if (!notices->has_base) {
		learn_base(notices, low, high, ranges, range_count);
		return;
	}
	for (unsigned i = 0; i < range_count; i++)
		complete_range(ranges[i], low - notices->base, high - notices->base);
}

static const struct sock_extended_err *find_notice(struct msghdr *message)
{
	for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part;
	     part = CMSG_NXTHDR(message, part)) {
		const struct sock_extended_err *error = (const void *)CMSG_DATA(part);

		if ((part->cmsg_level == SOL_IP && part->cmsg_type == IP_RECVERR) ||
		    (part->cmsg_level == SOL_IPV6 && part->cmsg_type == IPV6_RECVERR))
			return error->ee_errno == 0 && error->ee_origin == SO_EE_ORIGIN_ZEROCOPY
				       ? error
				       : NULL;
	}
	return NULL;
}

uint64_t notices_take(struct notices *notices, int socket, struct notices_range *const *ranges,
		      unsigned range_count)
{
	uint64_t copied = 0;

	while (notices_open(notices) > 0) {
		_Alignas(struct cmsghdr) char control[128];
		struct msghdr message = {.msg_control = control, .msg_controllen = sizeof(control)};
		const struct sock_extended_err *notice;
		int64_t result = sys_recvmsg(socket, &message, MSG_ERRQUEUE);

		if (result == -EINTR)
			continue;
		if (result < 0)
			break;
		notice = find_notice(&message);
		if (!notice)
			continue;
		notices_complete(notices, notice->ee_info, notice->ee_data, ranges, range_count);
		if (notice->ee_code & SO_EE_CODE_ZEROCOPY_COPIED)
			copied += notice->ee_data - notice->ee_info + 1;
	}
	return copied;
}
