/* SPDX-License-Identifier: MIT */
/*
 * What the receiving paths that write share: bytes from a socket gathered into blocks, each written
 * by the loop while the next one fills. A private part of path/.
 */
#ifndef SLUICE_PATH_BLOCKS_H
#define SLUICE_PATH_BLOCKS_H

#include "path/path.h"

/* Makes job->state. fd is written to in blocks whose ends are multiples of align; what is left over
 * at the end goes to the file's buffered descriptor. At most depth blocks are in use. flags are
 * RWF_* of each write. */
int blocks_open(struct path_recv_job *job, int fd, uint32_t align, unsigned depth, int flags);

/* These are members of a path's table. */
int64_t blocks_step(struct path_recv_job *job);
int64_t blocks_push(struct path_recv_job *job, const void *data, size_t length);
int blocks_finish(struct path_recv_job *job);
uint64_t blocks_settled(const struct path_recv_job *job);
void blocks_close(struct path_recv_job *job);

#endif
