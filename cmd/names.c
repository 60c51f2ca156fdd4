/* SPDX-License-Identifier: MIT */
#include "names.h"

#include "base/digest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { PLACES_MIN = 64 };

/* The digest's place, or the free one where it belongs. */
static uint64_t *find(const struct names *names, uint64_t digest)
{
	size_t at = (size_t)(digest ^ digest >> 32) & (names->places - 1);

	while (names->digests[at] && names->digests[at] != digest)
		at = (at + 1) & (names->places - 1);
	return &names->digests[at];
}

static int grow(struct names *names)
{
	struct names larger = {.places = names->places ? 2 * names->places : PLACES_MIN,
			       .count = names->count};

	larger.digests = calloc(larger.places, sizeof(*larger.digests));
	if (!larger.digests)
		return -ENOMEM;
	for (size_t i = 0; i < names->places; i++)
		if (names->digests[i])
			*find(&larger, names->digests[i]) = names->digests[i];
	free(names->digests);
	*names = larger;
	return 0;
}

int names_take(struct names *names, const char *name)
{
	uint64_t digest = digest_add(DIGEST_START, name, strlen(name)) | 1;
	uint64_t *place;

	/* Never full, so that each search ends. */
	if (names->count >= names->places / 4 * 3 && grow(names) < 0)
		return -ENOMEM;
	place = find(names, digest);
	if (*place)
		return 0;
	*place = digest;
	names->count++;
	return 1;
}

void names_free(struct names *names)
{
	free(names->digests);
	*names = (struct names){0};
}
