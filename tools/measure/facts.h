/* SPDX-License-Identifier: MIT */
/* What a measurement has to say about the machine it was made on. */
#ifndef SLUICE_MEASURE_FACTS_H
#define SLUICE_MEASURE_FACTS_H

#include <jansson.h>

/*
 * {"time", "kernel", "architecture", "cpu", "cores", "memory_bytes", "page_bytes",
 * "congestion_control", "folder", "file_system", "device"}; null for what is not known, and for the
 * last three where directory is NULL; it can be a block device, too. A new reference.
 */
json_t *measure_facts_json(const char *directory);

#endif
