/* SPDX-License-Identifier: MIT */
/* Any bytes as a Content-Disposition: what comes out is the name of one file, and not a hidden one.
 */
#include "fuzz.h"

#include "http/filename.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = exact_copy(data, size), name[HTTP_FILENAME];

	if (http_filename_of_disposition((struct http_text){copy, size}, name)) {
		CHECK(strlen(name) < HTTP_FILENAME && name[0] != '.');
		CHECK(http_filename_is(http_text_of(name)));
	}
	free(copy);
	return 0;
}
