/* SPDX-License-Identifier: MIT */
#include "path/pipe.h"

#include "base/sys.h"

#include <errno.h>

enum { CAPACITY = 1 << 20 }; /* what a user may have by default (fs.pipe-max-size) */

int path_pipe_open(struct path_pipe *pipe)
{
	int ends[2];
	int result = sys_pipe(ends);

	if (result < 0)
		return result;
	*pipe = (struct path_pipe){.in = ends[1], .out = ends[0]};
	result = sys_pipe_resize(pipe->in, CAPACITY);
	if (result < 0) { /* EPERM: this user has many pipes already; a small one is slow */
		path_pipe_close(pipe);
		return -EOPNOTSUPP;
	}
	pipe->capacity = (size_t)result;
	return 0;
}

void path_pipe_close(struct path_pipe *pipe)
{
	sys_close(pipe->in);
	sys_close(pipe->out);
}
