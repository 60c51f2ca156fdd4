/* SPDX-License-Identifier: MIT */
#include "landing/failure.h"

#include "base/error.h"

#include <errno.h>

int failure_of_write(int64_t code, const char *name, const struct path_recv *forced,
		     struct sluice_error *error)
{
	char words[ERROR_WORDS];

	if (code == -ENOSPC || code == -EDQUOT || code == -EFBIG)
		return error_set(error, (int)-code, "no room for %s: %s; %s and run again", name,
				 error_words((int)-code, words),
				 code == -EFBIG
					 ? "see what limits it (ulimit -f, or the file system)"
					 : "free some");
	if (forced && (code == -EINVAL || code == -EOPNOTSUPP))
		return error_set(error, EOPNOTSUPP,
				 "receive path %s cannot go on in %s: the file system refuses "
				 "it; leave the choice to the plan",
				 forced->name, name);
	return error_set_errno(error, (int)-code, "receiving %s", name);
}
