/* SPDX-License-Identifier: MIT */
/* Reading and writing memory as fast as one CPU can, with its widest common vectors. */
#ifndef SLUICE_MEASURE_MEDIA_STREAM_H
#define SLUICE_MEASURE_MEDIA_STREAM_H

#include <stddef.h>

/* data is aligned to MEDIA_STREAM_STEP, length a multiple of it */
#define MEDIA_STREAM_STEP 256

/* Loads every byte. */
void media_stream_read(const void *data, size_t length);
/* Stores to every byte; ordinary stores, which bring the lines into the caches. */
void media_stream_write(void *data, size_t length);

#endif
