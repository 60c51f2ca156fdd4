/* SPDX-License-Identifier: MIT */
/*
 * Small files of /proc and /sys, below a root directory that the caller opened, so that a test can
 * lay out a machine of its own. Paths are relative to it: "proc/meminfo".
 */
#ifndef SLUICE_HOST_READ_H
#define SLUICE_HOST_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* The machine's own root; a descriptor or -errno. */
int host_root_open(void);

/* The file's text without white space at its end, cut to size; its length or -errno. */
int host_read(int root, const char *path, char *text, size_t size);
/* A whole number and nothing behind it; -ENODATA where the file holds something else. */
int host_read_number(int root, const char *path, uint64_t *value);
/* The number behind a word that begins a line: "MemTotal:" in "MemTotal:    8 kB". */
bool host_field(const char *text, const char *word, uint64_t *value);
/* The text, cut to size. */
void host_copy(char *text, size_t size, const char *from);
/* For reading line by line; NULL with errno set. */
FILE *host_open(int root, const char *path);

#endif
