/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_BASE_THREAD_H
#define SLUICE_BASE_THREAD_H

#include <pthread.h>

/*
 * Starts a thread of the library's own. Signals go to the program's threads: none of its handlers
 * runs in this one. Returns 0 or -errno.
 */
int thread_start(pthread_t *thread, void *(*run)(void *), void *argument);

#endif
