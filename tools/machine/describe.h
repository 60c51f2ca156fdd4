/* SPDX-License-Identifier: MIT */
/*
 * The facts in words, each with what follows from it for moving files. Pure: the same facts give
 * the same lines, for people and for programs.
 */
#ifndef SLUICE_MACHINE_DESCRIBE_H
#define SLUICE_MACHINE_DESCRIBE_H

#include "host/memory.h"
#include "machine/cpu.h"
#include "machine/filesystem.h"
#include "machine/huge.h"
#include "machine/kernel.h"
#include "machine/network.h"
#include "machine/tcp.h"

struct host_say {
	/* label "scheduler", value "none", meaning "requests go straight to the disk" */
	void (*line)(void *argument, const char *label, const char *value, const char *meaning);
	void *argument;
};

void host_say_kernel(const struct host_say *say, const struct host_kernel *kernel);
void host_say_cpu(const struct host_say *say, const struct host_cpu *cpu);
void host_say_memory(const struct host_say *say, const struct host_memory *memory,
		     const struct host_huge *huge);
void host_say_filesystem(const struct host_say *say, const struct host_filesystem *system);
void host_say_link(const struct host_say *say, const struct host_link *link);
/* speed 0: not told */
void host_say_tcp(const struct host_say *say, const struct host_tcp *tcp,
		  uint64_t speed_bits_per_second, const double *rtt_seconds, unsigned count);

/* One line, its value formatted. */
void host_say_line(const struct host_say *say, const char *label, const char *meaning,
		   const char *format, ...) __attribute__((format(printf, 4, 5)));
/* "yes", or "no (Function not implemented)"; "not tried" for HOST_NOT_TRIED. */
void host_say_try(const struct host_say *say, const char *label, int result, const char *gain,
		  const char *lack);

#endif
