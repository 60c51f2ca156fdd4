/* SPDX-License-Identifier: MIT */
#include "base/options.h"

#include "base/size.h"

#include <errno.h>
#include <string.h>

enum { SIZE_LIMIT = 4096 }; /* no struct of options comes near it: what is larger is no size */

int options_take(void *into, size_t known, const void *from, const char *name,
		 struct sluice_error *error)
{
	const unsigned char *bytes = from;
	size_t size;

	memset(into, 0, known);
	if (!from)
		return 0;
	memcpy(&size, from, sizeof(size));
	if (size < sizeof(size) || size > SIZE_LIMIT)
		return error_set(error, EINVAL,
				 "the size of a struct %s is %zu: set it to sizeof(struct %s)",
				 name, size, name);
	for (size_t i = known; i < size; i++)
		if (bytes[i] != 0)
			return error_set(error, E2BIG,
					 "a struct %s has a member set that libsluice %s does not "
					 "know: run the program with a newer library",
					 name, SLUICE_VERSION);
	memcpy(into, from, size_min(size, known));
	return 0;
}
