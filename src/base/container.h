/* SPDX-License-Identifier: MIT */
/* From a member to the structure that contains it. */
#ifndef SLUICE_BASE_CONTAINER_H
#define SLUICE_BASE_CONTAINER_H

#include <stddef.h>

#define container_of(pointer, type, member) ((type *)((char *)(pointer)-offsetof(type, member)))

#endif
