/* SPDX-License-Identifier: MIT */
/*
 * mmap: map a piece of the file, send from the mapping.
 *
 * Copies: DMA (disk to page cache, where it was cold), CPU (page cache to socket), DMA (socket to
 * card). Mode switches: two per send, four per piece of 4 MiB for mapping and unmapping it, and one
 * page fault for each 16 pages. Needs the range to be resident: a page that is not makes the caller
 * wait for the disk, and stays in the cache afterwards.
 *
 * Invariant: only the kernel reads the mapping. Behind the end of a file that became shorter it
 * then fails with EFAULT, where our own reading would end the process (SIGBUS). In the last page of
 * such a file it reads zeros: bytes that nobody promised, in a body that ends short.
 */
#include "base/size.h"
#include "base/sys.h"
#include "path/path.h"

#include <errno.h>
#include <stdlib.h>

enum { PIECE = 4 << 20, STEP_BYTES = 2 << 20 };

struct mapping {
	char *data; /* NULL: nothing is mapped */
	uint64_t offset;
	size_t length;
};

static int open_(struct path_send_job *job)
{
	job->state = calloc(1, sizeof(struct mapping));
	return job->state ? 0 : -ENOMEM;
}

static void unmap(struct mapping *mapping)
{
	if (mapping->data)
		sys_unmap(mapping->data, mapping->length);
	mapping->data = NULL;
}

/* Maps the piece that the job's offset lies in. */
static int map(struct path_send_job *job, struct mapping *mapping)
{
	uint64_t offset = size_round_down(job->offset, PIECE);
	void *data;
	int result;

	if (mapping->data && mapping->offset == offset)
		return 0;
	unmap(mapping);
	result = sys_map(job->file->fd, offset, PIECE, &data);
	/* ENODEV: this file system cannot map files. */
	if (result < 0)
		return result == -ENODEV ? -EOPNOTSUPP : result;
	*mapping = (struct mapping){.data = data, .offset = offset, .length = PIECE};
	return 0;
}

/* The kernel could not read the mapping: the file became shorter, or the disk cannot read it. */
static int64_t why_unreadable(const struct path_send_job *job)
{
	int changed = path_file_has_changed(job->file);

	if (changed < 0)
		return changed;
	return changed ? 0 : -EIO;
}

static int64_t step(struct path_send_job *job)
{
	struct mapping *mapping = job->state;
	uint64_t length = size_min(job->limit - job->offset, STEP_BYTES);
	int64_t sent = map(job, mapping);
	uint64_t used = job->offset - mapping->offset;

	if (sent < 0)
		return sent;
	sent = channel_send(job->channel, mapping->data + used,
			    size_min(length, mapping->length - used), false);
	if (sent == -EAGAIN)
		job->wait = PATH_WAIT_SOCKET;
	return sent == -EFAULT ? why_unreadable(job) : sent;
}

static void close_(struct path_send_job *job)
{
	unmap(job->state);
	free(job->state);
}

const struct path_send path_send_mmap = {
	.name = "mmap",
	.summary = "page cache to socket: one CPU copy, two mode switches a call and page faults",
	.needs = "a file system that maps files",
	.uses_cache = true,
	.cpu_copies = 1,
	.open = open_,
	.step = step,
	.close = close_,
};
