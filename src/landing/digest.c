/* SPDX-License-Identifier: MIT */
/* The digest that the file is to have: what comes is hashed while it comes, and once. */
#include "landing/landing-private.h"

#include "base/error.h"

#include <errno.h>

static void on_wake(void *owner)
{
	struct landing *landing = owner;

	loop_task_queue(landing->loop, &landing->task);
}

void landing_digest_close(struct landing *landing)
{
	struct follow *follow = landing->follow;

	landing->follow = NULL; /* what is returned wakes those who ask it for more */
	follow_close(follow);
}

int landing_digest_open(struct landing *landing)
{
	const struct follow_options options = {on_wake, landing, landing->options.tally};
	const struct hash_algorithm *algorithm = landing->expected.algorithm;
	struct path_file *file;
	int result;

	if (!algorithm)
		return 0;
	/* To be read, which the part's own file is not. */
	result = path_file_open(&file, landing_file(landing)->fd, false, false);
	if (result == 0) {
		result = follow_open(&landing->follow, landing->loop, file, algorithm, 0, &options);
		path_file_release(file);
	}
	landing_digest_advance(landing);
	return result < 0 ? error_set_errno(&landing->said, -result, "computing the %s digest",
					    algorithm->name)
			  : 0;
}

void landing_digest_advance(struct landing *landing)
{
	struct intervals settled;

	if (!landing->follow)
		return;
	settled = landing_settled(landing);
	follow_advance(landing->follow, intervals_prefix(&settled), false);
}

void landing_digest_end(struct landing *landing)
{
	if (landing->follow)
		follow_advance(landing->follow, landing->size, true);
}

int landing_digest_check(struct landing *landing)
{
	struct digest digest;
	int result = landing->follow ? follow_result(landing->follow, &digest) : 0;

	if (result == -EAGAIN || !landing->follow)
		return result;
	if (result < 0)
		return error_set_errno(&landing->said, -result, "reading %s to check its digest",
				       landing->target.part);
	if (digest_equal(&digest, &landing->expected))
		return 0;
	landing->is_wrong = true;
	return digest_refuse(&digest, &landing->expected, &landing->said);
}
