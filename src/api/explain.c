/* SPDX-License-Identifier: MIT */
/* What the plan would do with a file right now, without doing it. */
#include "base/error.h"
#include "base/sys.h"
#include "range/send.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

/* Pieces that lie together, go by the same path, and for the same reason. */
struct run {
	struct plan_send plan;
	uint64_t start;
};

static void tell(const struct run *run, uint64_t end, sluice_line_fn *line, void *argument)
{
	char text[160];

	if (end == run->start)
		return;
	snprintf(text, sizeof(text), "bytes %llu-%llu by %s: %s", (unsigned long long)run->start,
		 (unsigned long long)end - 1, run->plan.path->name, run->plan.reason);
	line(argument, text);
}

static void explain(const struct path_file *file, sluice_line_fn *line, void *argument)
{
	const struct plan_send_facts facts = {
		.can_sendfile = true, .can_splice = true, .takes_files = true};
	struct range_place place = {.end = file->status.stx_size};
	struct run run = {0};

	for (; place.at < place.end; place.at = place.until) {
		struct plan_send plan = range_choose(file, facts, &place);

		if (plan.path == run.plan.path && plan.reason == run.plan.reason)
			continue;
		tell(&run, place.at, line, argument);
		run = (struct run){plan, place.at};
	}
	tell(&run, place.end, line, argument);
}

int sluice_explain(const char *path, sluice_line_fn *line, void *argument,
		   struct sluice_error *error)
{
	int fd = sys_open(AT_FDCWD, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	struct path_file *file;
	int result;

	if (fd < 0)
		return error_set_errno(error, -fd, "%s", path);
	result = path_file_open(&file, fd, false, true);
	if (result < 0) {
		sys_close(fd);
		return error_set_errno(error, -result, "%s", path);
	}
	if (S_ISREG(file->status.stx_mode))
		explain(file, line, argument);
	else
		result = error_set(error, EINVAL, "%s is not a regular file", path);
	path_file_release(file);
	return result;
}
