/* SPDX-License-Identifier: MIT */
/*
 * What the kernel can do, found out by trying each thing once on descriptors of our own. Nothing is
 * left behind, and no module is loaded: what would load one is tried without the right to.
 */
#ifndef SLUICE_MACHINE_KERNEL_H
#define SLUICE_MACHINE_KERNEL_H

#include <stdbool.h>
#include <stddef.h>

#define HOST_NOT_TRIED 1

struct host_feature {
	const char *name;  /* "cachestat", a name for programs */
	const char *label; /* for people */
	int (*try)(void);  /* 0, -errno or HOST_NOT_TRIED */
	const char *gain;  /* what follows where it works */
	const char *lack;  /* and where it does not */
};

/* Ended by one without a name. io_uring and Landlock say more than yes or no, and are apart. */
extern const struct host_feature host_features[];
#define HOST_FEATURES_MAX 16
#define HOST_URING_MAX    128

struct host_kernel {
	char release[65], architecture[65];
	int features[HOST_FEATURES_MAX]; /* what each try of host_features returned */
	int landlock_abi;                /* 1 and more, or -errno */
	int uring;                       /* 0, or -errno of opening a ring */
	int uring_buffers;               /* of registering a buffer */
	unsigned uring_operations;       /* how many of has_operation are told */
	bool has_operation[HOST_URING_MAX];
};

void host_kernel_try(struct host_kernel *kernel);
/* "read_fixed"; "operation 99" where it is newer than this program. Good until the next call. */
const char *host_uring_operation_name(unsigned operation);
/* Whether io_uring can do the operation of this name. */
bool host_uring_has(const struct host_kernel *kernel, const char *name);

#endif
