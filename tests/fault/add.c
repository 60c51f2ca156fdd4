/* SPDX-License-Identifier: MIT */
/* Makes the command that it is linked with know the paths with bad luck. */
#include "fault.h"

__attribute__((constructor)) static void add(void)
{
	path_add(&path_send_fault, &path_recv_fault);
}
