/* SPDX-License-Identifier: MIT */
/* Any bytes as a line of sha256sum: what is understood is the same when it was printed. */
#include "fuzz.h"

#include "digest/sums.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = exact_copy((const char *)data, size);
	struct buffer text = {0};
	struct sums_line line, again;

	if (sums_parse(copy, size, NULL, &line) == 1) {
		sums_format(&text, &line.digest, line.name);
		CHECK(sums_parse(text.data, text.length - 1, line.digest.algorithm, &again) == 1);
		CHECK(strcmp(line.name, again.name) == 0);
		CHECK(digest_equal(&line.digest, &again.digest));
		free(line.name);
		free(again.name);
	}
	buffer_free(&text);
	free(copy);
	return 0;
}
