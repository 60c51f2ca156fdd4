/* SPDX-License-Identifier: MIT */
/* What a file can be sent through to this process itself: [0] is sent to, [1] received from. */
#ifndef SLUICE_TESTS_PATH_PAIRS_H
#define SLUICE_TESTS_PATH_PAIRS_H

#include "path-files.h"

static void pipe_pair(int pair[2])
{
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	pair[0] = ends[1];
	pair[1] = ends[0];
}

static const struct pair_kind {
	const char *name;
	void (*open)(int pair[2]);
	bool is_socket;
} pair_kinds[] = {
	{"tcp", tcp_pair, true},
	{"socketpair", unix_pair, true},
	{"pipe", pipe_pair, false},
	{NULL, NULL, false},
};

#endif
