/* SPDX-License-Identifier: MIT */
/* What a file that is replaced hands on to the one that takes its name. */
#ifndef SLUICE_LANDING_INHERIT_H
#define SLUICE_LANDING_INHERIT_H

#include <stdbool.h>

/*
 * Gives the open file the owner, group, access control list and permissions (of the lower nine
 * bits) of the regular file `name`, if there is one, as far as we may. Where group or list cannot
 * be had, the group may do no more than everybody. is_final: else the owner may read and write it,
 * too.
 */
void inherit_access(int fd, int directory, const char *name, bool is_final);

#endif
