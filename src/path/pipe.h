/* SPDX-License-Identifier: MIT */
/* The pipe that splice(2) needs between a file and a socket. A private part of path/. */
#ifndef SLUICE_PATH_PIPE_H
#define SLUICE_PATH_PIPE_H

#include <stddef.h>

struct path_pipe {
	int in, out; /* written to; read from */
	size_t capacity;
};

/* -EOPNOTSUPP where this user may not have one that is large enough to be useful. */
int path_pipe_open(struct path_pipe *pipe);
void path_pipe_close(struct path_pipe *pipe);

#endif
